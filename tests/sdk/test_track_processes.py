"""Processes, threads and ranks tell of one run; children that are waited for: nobody is in anybody's way."""

from pathlib import Path

import pytest

from headhunt.track.journal import Ended, Known, Noted
from headhunt.track.places import places_in
from tests.sdk.couriers import same_as, server, whole
from tests.sdk.servers import until
from tests.sdk.track_server import TrackServer
from tests.sdk.trainings import home, of_kind, records, the_place, told, trained

__all__ = ["home", "server"]


@pytest.mark.parametrize("shell", ["/bin/sh", "/nowhere/sh"])
def test_a_training_that_waits_for_all_its_children_neither_waits_for_its_courier_nor_ends_it(
    server: TrackServer, home: Path, shell: str
) -> None:
    code = f"""
    from headhunt.track import companion; companion.SHELL = {shell!r}
    run = headhunt.init(console=False)
    child = os.fork()
    if not child: os._exit(0)
    try:
        while True: print(os.wait()[0] == child, flush=True) if {shell == "/bin/sh"} else os.waitpid(child, 0)
    except ChildProcessError: print("no other")
    headhunt.log(loss=1.0)
    """
    assert trained(code, home, server).stdout == ("True\nno other\n" if shell == "/bin/sh" else "no other\n")
    assert whole(server, the_place(home).id) == [0]


def test_a_thread_that_waits_for_all_children_meanwhile_does_no_harm(server: TrackServer, home: Path) -> None:
    code = """
    def reap():
        while True:
            try: os.wait()
            except ChildProcessError: pass
    threading.Thread(target=reap, daemon=True).start()
    headhunt.init(console=False)
    headhunt.log(loss=1.0)
    """
    trained(code, home, server)
    assert whole(server, the_place(home).id) == [0]


@pytest.mark.parametrize(
    "odd", ["signal.signal(signal.SIGCHLD, signal.SIG_IGN)", "os.close(0)", "os.close(0); os.close(1)"]
)
def test_a_training_without_some_streams_or_words_of_children_has_a_courier(
    server: TrackServer, home: Path, odd: str
) -> None:
    trained(f"{odd}\nheadhunt.init(console=False)\nheadhunt.log(loss=1.0)", home, server)
    assert whole(server, the_place(home).id) == [0]


def test_processes_threads_and_forks_tell_of_one_run(server: TrackServer, home: Path) -> None:
    code = """
    import subprocess
    run = headhunt.init(project="many")
    def tell(who):
        for n in range(500): headhunt.log({who: float(n)})
    threads = [threading.Thread(target=tell, args=(f"thread{n}",)) for n in range(4)]
    for one in threads: one.start()
    forked = os.fork()
    if not forked:
        tell("fork"); headhunt.finish(); os._exit(0)
    child = "import headhunt\\nwith headhunt.init(project='x'):\\n for n in range(500): headhunt.log(spawn=float(n))"
    subprocess.run([sys.executable, "-c", child], check=True)
    os.waitpid(forked, 0)
    for one in threads: one.join()
    headhunt.log(last=1.0)
    """
    trained(code, home, server)
    place = the_place(home)
    until(lambda: same_as(server, home))
    found = server.runs.records(place.id)
    for who in ("thread0", "thread1", "thread2", "thread3", "fork", "spawn"):
        assert [value for _, value in told(found, who)] == [float(n) for n in range(500)], who
    assert told(found, "last")
    assert [one.state for one in of_kind(found, Ended)] == ["finished"]
    steps = [step for name in ("thread0", "thread1", "thread2", "thread3") for step, _ in told(found, name)]
    assert sorted(steps) == list(range(2000))


def test_the_ranks_of_a_launcher_tell_of_one_run_that_the_first_of_them_ends(server: TrackServer, home: Path) -> None:
    code = """
    import subprocess
    rank = "import headhunt, os\\nheadhunt.init(name='ranks')\\nheadhunt.log({'rank' + os.environ['RANK']: 1.0})"
    names = {"TORCHELASTIC_RUN_ID": "none", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500", "WORLD_SIZE": "3"}
    started = []
    for number in map(str, range(3)):
        here = {**os.environ, **names, "RANK": number, "LOCAL_RANK": number}
        started.append(subprocess.Popen([sys.executable, "-c", rank], env=here))
    sys.exit(sum(one.wait() for one in started))
    """
    trained(code, home, server)
    place = the_place(home)
    until(lambda: all(told(server.runs.records(place.id), f"rank{n}") == [(0, 1.0)] for n in range(3)))
    assert len(of_kind(server.runs.records(place.id), Ended)) == 1


def test_of_a_training_that_fails_at_once_is_known_where_it_ran(server: TrackServer, home: Path) -> None:
    trained("headhunt.init(console=False); 1 / 0", home, server, status=1)
    trained("headhunt.init(console=False, server='local'); 1 / 0", home.with_name("alone"), status=1)
    until(lambda: (the_place(home).folder / "known").exists())
    until(lambda: (the_place(home.with_name("alone")).folder / "known").exists())
    facts = {name for one in of_kind(records(the_place(home)), Known) for name in one.facts}
    assert facts == {"code", "environment"}
    until(lambda: same_as(server, home))


def test_many_runs_of_one_process_have_one_courier(server: TrackServer, home: Path) -> None:
    code = """
    pids = set()
    for n in range(5):
        with headhunt.init(name=f"trial {n}", console=False) as run:
            headhunt.log(loss=float(n)); run.summary["n"] = n
            pids.add(run.carrier._pid)
    print(len(pids))
    """
    assert trained(code, home, server).stdout == "1\n"
    places = list(places_in(home))
    assert len(places) == 5
    summaries = [of_kind(server.runs.records(one.id), Noted) for one in places]
    assert sorted(one[0].values["n"] for one in summaries) == [0, 1, 2, 3, 4]


def test_children_that_outlive_the_training_are_brought_too(server: TrackServer, home: Path) -> None:
    code = """
    import subprocess
    run = headhunt.init(console=False)
    child = "import headhunt, sys\\nsys.stdin.readline()\\nheadhunt.log(spawned=1.0)"
    reading, writing = os.pipe()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.Popen([sys.executable, "-c", child], stdin=reading, **quiet)
    parent = os.getpid()
    if os.fork() == 0:
        os.close(1), os.close(2)
        while os.getppid() == parent: time.sleep(0.05)
        headhunt.log(forked=1.0); headhunt.finish()
        os.write(writing, b"go\\n")
        os._exit(0)
    """
    trained(code, home, server)
    run = the_place(home).id
    until(lambda: told(server.runs.records(run), "forked") and told(server.runs.records(run), "spawned"))
