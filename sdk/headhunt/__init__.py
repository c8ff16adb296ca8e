"""headhunt: which pre-trained image model to start from, with evidence.

    import headhunt

    rec = headhunt.suggest_model("photos/", budget="90s")
    print(rec)

    zoo = headhunt.open_zoo()
    for card in zoo.find(max_params="5M", domain="digits"):
        print(card.id, card.accuracy)
    network = zoo.load("digits/test_resnet")

Importing this loads neither torch nor numpy.
"""

from headhunt.engine import open_zoo, suggest_model
from headhunt.errors import HeadhuntError

__version__ = "0.1.0"
__all__ = ["HeadhuntError", "__version__", "open_zoo", "suggest_model"]
