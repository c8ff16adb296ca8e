"""headhunt: which pre-trained image model to start from, with evidence.

Importing this loads neither torch nor numpy.
"""

from headhunt.errors import HeadhuntError

__version__ = "0.1.0"
__all__ = ["HeadhuntError", "__version__"]
