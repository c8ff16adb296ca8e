"""The job of a health examination: what `headhunt health` does, on a dataset of the server, in a child of a worker."""

from typing import Any

import msgspec

from discriminator.features import FeatureStore
from discriminator.health import examine
from discriminator.reference import reference
from service.jobs.worker import Work
from service.stored import dataset_sample, zoo_of


def run(work: Work) -> Any:
    """`spec`: the version and name of the dataset."""

    def watch(what: str) -> None:
        work.tell({"stage": "health", "done": 0, "total": 0, "words": f"looking at: {what}"})

    with zoo_of(work) as zoo, dataset_sample(work) as sample:
        watch("reference network")
        found = examine(sample, FeatureStore(zoo.home), reference(zoo), watch)
    return msgspec.structs.replace(found, sample=work.spec["name"])
