"""What a job works on: a dataset's version, brought into the home of this machine where a store is shared."""

import os

from service.jobs.worker import Work
from service.store import STORE, store_of
from zoo.images.samples import Sample, stored_sample


def dataset_sample(work: Work) -> Sample:
    """`spec`: the version and name of the dataset."""
    store_of(work.home, os.environ.get(STORE)).fetch(work.spec["version"])
    sample = stored_sample(work.spec["version"], work.home)
    sample.name = work.spec["name"]
    return sample
