"""A worker as a process: `python -m service.work`, as `headhunt serve` starts it and starts it again when it dies. The
environment names the database.

It ends, and gives back what it runs, on SIGTERM; with `--with-server` also when its standard input is closed: that is
its server's death. Without, standard input may be anything, as /dev/null under systemd.
"""

import argparse
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from headhunt.errors import HeadhuntError
from service.collecting import Collector
from service.database import Database
from service.jobs.places import gpus_here
from service.jobs.worker import Kinds, Post, Worker
from service.logs import log_as_json
from service.mailing import SMTP, mailing_of
from service.report_work import Reporting
from service.store import DATABASE, STORE, store_of

log = logging.getLogger("headhunt.work")
COLLECT_S = 3600.0
"""Between two looks at what nobody needs any more."""
REPORT_S = 5.0
"""Between two looks at which reports are due."""
KINDS = {
    "recommend": "service.recommending:run",
    "health": "service.examining:run",
    "add": "service.zoo_work:add",
    "train": "service.zoo_work:train",
    "tune": "service.tunings.job:run",
}
PRELOADED = ("service.recommending", "service.examining", "service.zoo_work", "service.tunings.job")


def main(kinds: Kinds = KINDS, preloaded: Sequence[str] = PRELOADED) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--lease", type=float, default=10.0)
    parser.add_argument("--ray")
    parser.add_argument("--with-server", action="store_true", help="end when standard input is closed")
    asked = parser.parse_args()
    log_as_json()
    name = f"{socket.gethostname()}-{os.getpid()}"
    post = Post(os.environ[DATABASE], asked.home, kinds, asked.lease, ray=asked.ray)
    worker = Worker(post, name, asked.slots, gpus_here())
    worker.preload(list(preloaded))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    if asked.with_server:
        threading.Thread(target=end_with_the_server, args=(worker,), daemon=True).start()
    threading.Thread(target=collect_now_and_then, args=(asked.home,), daemon=True).start()
    if os.environ.get(SMTP):
        threading.Thread(target=report_now_and_then, daemon=True).start()
    worker.run()


def collect_now_and_then(home: Path, every_s: float = COLLECT_S) -> None:
    """One worker of all that share the database does it; the thread may end at any moment with its process."""
    database = Database(os.environ[DATABASE])
    while True:
        time.sleep(every_s)
        try:
            found = Collector(database, home, store_of(home, os.environ.get(STORE))).collect()
            log.info("collected: %s", found)
        except HeadhuntError:
            log.exception("nothing was collected")


def report_now_and_then(every_s: float = REPORT_S) -> None:
    """Any worker that knows a mail server; whichever claims a mail sends it, and whatever fails touches no job."""
    try:
        reporting = Reporting(Database(os.environ[DATABASE]), mailing_of(os.environ))
    except HeadhuntError:
        log.exception("no reports are mailed")
        return
    while True:
        time.sleep(every_s)
        try:
            reporting.tick()
        except Exception:
            log.exception("reports were not looked after")


def end_with_the_server(worker: Worker) -> None:
    while os.read(0, 4096):  # not sys.stdin, whose lock a daemon thread would hold while the interpreter ends
        pass
    worker.stop()


if __name__ == "__main__":
    main()
