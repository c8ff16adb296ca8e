"""A child process that fetches one file of a repository on the hub into the hub's own cache.

It stands alone and imports the hub's client only, so that it starts quickly, reads HF_ENDPOINT, HF_HOME, HF_HUB_OFFLINE
and HF_TOKEN afresh, and can be ended when the hub keeps silent: the client asks again and again for up to a minute, and
a thread in the parent could not be stopped. It is given the repository and the files that would do, best first, and
prints JSON lines: {"started": true}, {"xet": ...} once the hub has answered, then {"path": ...} or {"kinds": [...],
"text": ...}.
"""

import json
import os
import shutil
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

HEAD_TIMEOUT_S = 5


def main(repo: str, files: Sequence[str]) -> None:
    say(started=True)
    try:
        say(path=plain(repo, Path(files[0])) if repo.startswith("https://") else fetched(repo, files))
    except Exception as error:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        say(kinds=kinds, text=" ".join(str(error).split())[:300])


def fetched(repo: str, files: Sequence[str]) -> str:
    """The path of the first of these files that the hub has; what is in the cache serves where the hub does not."""
    if constants.HF_HUB_OFFLINE:
        return cached(repo, files)
    for file in files:
        try:
            facts = get_hf_file_metadata(hf_hub_url(repo, file), timeout=HEAD_TIMEOUT_S)
        except EntryNotFoundError:
            if file == files[-1]:
                raise
        except Exception as unreachable:
            try:
                return cached(repo, files)
            except LocalEntryNotFoundError:
                raise unreachable from None
        else:
            say(xet=getattr(facts, "xet_file_data", None) is not None)
            return hf_hub_download(repo, file, etag_timeout=HEAD_TIMEOUT_S)
    raise ValueError("no file was asked for")


def cached(repo: str, files: Sequence[str]) -> str:
    for file in files[:-1]:
        try:
            return hf_hub_download(repo, file, local_files_only=True)
        except LocalEntryNotFoundError:
            continue
    return hf_hub_download(repo, files[-1], local_files_only=True)


def plain(url: str, target: Path) -> str:
    """A file from a plain address, whole or not at all."""
    draft = target.with_name(f"{target.name}.incomplete-{os.getpid()}")
    try:
        with urllib.request.urlopen(url, timeout=HEAD_TIMEOUT_S) as answer, draft.open("wb") as file:  # noqa: S310 - https
            shutil.copyfileobj(answer, file)
            expected = answer.headers.get("Content-Length")
            if expected and int(expected) != file.tell():
                raise ConnectionError(f"{file.tell()} of {expected} bytes came")
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return str(target)


def say(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
