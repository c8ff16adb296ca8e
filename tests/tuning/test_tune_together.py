"""The same tuning from two processes at once."""

import subprocess
import sys
from pathlib import Path

from tests.tuning.little_models import little_models, photos
from tuning.study import known

SCRIPT = """
import sys
from pathlib import Path
from tests.tuning.little_models import BRIEF, tuned
from tuning.tune import Wish
from zoo.repository import Zoo
one = tuned(Zoo(Path(sys.argv[1])), Path(sys.argv[2]), Wish(trials=4, space=BRIEF, name="both"))
print(one.best.number, one.card.id)
"""


def test_two_processes_share_a_tuning_and_end_with_one_model_of_the_best_trial(tmp_path: Path) -> None:
    zoo = little_models(tmp_path / "home", ("test_resnet",))
    command = [sys.executable, "-c", SCRIPT, str(zoo.home), str(photos(tmp_path))]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate(timeout=240)[0] for process in both]
    study = known(zoo.home, "both")
    assert len(study.trials()) == 4
    assert told[0] == told[1] == f"{study.best().number} photos/test_resnet-from-blank\n"
    assert len([one for one in zoo.catalogue.read().cards if one.startswith("photos/")]) == 1
