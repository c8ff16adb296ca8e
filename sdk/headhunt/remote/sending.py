"""A sample goes to a server: only the files that it lacks, in pieces that a lost connection costs little.

GET  /datasets/NAME         the same images stand there: nothing is sent
POST /blobs/missing         which digests the server lacks, some thousands at a time
POST /blobs                 those files, as tars of bounded size, each member named by its digest
POST /datasets              the list of entries; under a name that stands for other images, a new version of it
"""

import io
import tarfile
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote

from headhunt.errors import ImageRefused, NameTaken, UnknownDataset, printable
from headhunt.progress import Progress, Watch
from headhunt.remote.problems import error_of
from headhunt.remote.transport import Server
from headhunt.vocabulary import MIB, Entry, Version
from headhunt.wire import BlobsKept, Dataset, DatasetListed, Digests
from zoo.images.samples import Sample

ASKED_AT_ONCE = 5000
SENT_AT_ONCE = 16 * MIB
"""Images of one request, unless one alone is larger."""
LONGEST_NAME = 200
STAGE = "sending"


def sent(server: Server, sample: Sample, watch: Watch) -> Dataset:
    """The dataset of the server that these images are."""
    name = dataset_name(sample.name)
    there = dataset_at(server, name)
    if there is not None and there.version == sample.version.id:
        return there
    lacking = missing_at(server, sample.version)
    send(server, sample, [entry for entry in once_each(sample.version) if entry.digest in lacking], watch)
    return listed(server, DatasetListed(name=name, entries=sample.version.entries), there)


def dataset_name(name: str) -> str:
    return printable(name, LONGEST_NAME).strip() or "sample"


def dataset_at(server: Server, name: str) -> Dataset | None:
    try:
        return server.ask("GET", f"/datasets/{quote(name, safe='')}", Dataset)
    except UnknownDataset:
        return None


def once_each(version: Version) -> list[Entry]:
    """One entry for each file: a picture may stand under several paths."""
    return list({entry.digest: entry for entry in version.entries}.values())


def missing_at(server: Server, version: Version) -> set[str]:
    digests = [entry.digest for entry in once_each(version)]
    found: set[str] = set()
    for at in range(0, len(digests), ASKED_AT_ONCE):
        some = Digests(digests=tuple(digests[at : at + ASKED_AT_ONCE]))
        found.update(server.ask("POST", "/blobs/missing", Digests, body=some).digests)
    return found


def send(server: Server, sample: Sample, entries: Sequence[Entry], watch: Watch) -> None:
    whole, gone, count = sum(entry.size for entry in entries), 0, 0
    for group in grouped(entries, SENT_AT_ONCE):
        watch(Progress(STAGE, count, len(entries), f"{gone / MIB:.1f} of {whole / MIB:.1f} MiB"))
        content = packed(group, sample.read)
        kept = server.ask("POST", "/blobs", BlobsKept, body=content, headers={"Content-Type": "application/x-tar"})
        check(kept, group)
        gone, count = gone + sum(entry.size for entry in group), count + len(group)
    if entries:
        watch(Progress(STAGE, count, len(entries), f"{whole / MIB:.1f} MiB"))


def grouped(entries: Sequence[Entry], largest: int) -> Iterator[list[Entry]]:
    group: list[Entry] = []
    for entry in entries:
        if group and sum(one.size for one in group) + entry.size > largest:
            yield group
            group = []
        group.append(entry)
    if group:
        yield group


def packed(entries: Sequence[Entry], read: Callable[[Entry], bytes]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for entry in entries:
            data = read(entry)
            facts = tarfile.TarInfo(entry.digest)
            facts.size = len(data)
            tar.addfile(facts, io.BytesIO(data))
    return held.getvalue()


def check(kept: BlobsKept, group: Sequence[Entry]) -> None:
    """What the server refuses is an error: it was taken here, so the two sides have other limits."""
    if not kept.refused:
        return
    first = kept.refused[0]
    path = next((entry.path for entry in group if entry.digest in first.member), first.member)
    more = f", and {len(kept.refused) - 1} more" if len(kept.refused) > 1 else ""
    known = error_of(first.code, "")
    kind = type(known) if isinstance(known, ImageRefused) else ImageRefused
    raise kind(f"the server refuses it: {first.reason}{more}. Leave it out, and try again", path)


def listed(server: Server, wanted: DatasetListed, there: Dataset | None) -> Dataset:
    """Under its name; where that stands for other images, as its next version."""
    if there is None:
        try:
            return server.ask("POST", "/datasets", Dataset, body=wanted)
        except NameTaken:  # somebody was quicker
            pass
    return server.ask("POST", f"/datasets/{quote(wanted.name, safe='')}/versions", Dataset, body=wanted)
