"""What a job works with: a dataset's version and the zoo, brought into this machine's home where a store is shared."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

from headhunt.errors import ServiceUnavailable
from service.database import Database
from service.jobs.worker import Work
from service.shared_zoo import SharedZoo
from service.store import DATABASE, STORE, store_of
from zoo.images.samples import Sample, stored_sample
from zoo.repository import Zoo


def dataset_sample(work: Work) -> Sample:
    """`spec`: the version and name of the dataset."""
    store_of(work.home, os.environ.get(STORE)).fetch(work.spec["version"])
    sample = stored_sample(work.spec["version"], work.home)
    sample.name = work.spec["name"]
    return sample


@contextmanager
def zoo_of(work: Work, changing: bool = False) -> Iterator[Zoo]:
    """The newest zoo. What the job changes goes to the other machines: with `changing` it has done nothing until they
    have it; else (weights that were fetched in passing) where that is not possible, with the next change."""
    store = store_of(work.home, os.environ.get(STORE))
    if not store.shared:
        yield Zoo(work.home)
        return
    database = Database(os.environ[DATABASE])
    try:
        shared = SharedZoo(database, work.home, store)
        shared.pull(whole=True)
        yield Zoo(work.home)
        with nullcontext() if changing else suppress(ServiceUnavailable):
            shared.push()
    finally:
        database.close()
