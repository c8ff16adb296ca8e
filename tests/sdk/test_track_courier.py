"""What a training told comes to the server whole and once, whatever happens to the training, the server or the wire."""

import os
import signal
import threading
from pathlib import Path

import pytest

from headhunt.track.journal import Ended, Kept, Marked
from headhunt.track.places import alive, process_born
from tests.sdk.couriers import same_as, server, whole
from tests.sdk.servers import until
from tests.sdk.track_server import KEY, TrackServer
from tests.sdk.trainings import home, of_kind, records, the_place, told, trained, training

__all__ = ["home", "server"]
STEPS = 2000
LOGS = f"""
headhunt.init(project="flowers", name="far", tags=["baseline"])
for step in range({STEPS}): headhunt.log(loss=float(step), accuracy=0.5)
"""


def test_all_that_was_told_is_at_the_server_when_the_training_has_ended(server: TrackServer, home: Path) -> None:
    code = LOGS + "\nopen('w.bin', 'wb').write(b'x' * 3_000_000)\nheadhunt.init.__globals__['current']().save('w.bin')"
    done = trained(code, home, server)
    run = the_place(home).id
    assert whole(server, run) == list(range(STEPS))
    assert of_kind(server.runs.records(run), Ended)[0].state == "finished"
    assert server.runs.begun[run].experiment == "flowers"
    assert server.runs.begun[run].tags == ("baseline",)
    kept = of_kind(server.runs.records(run), Kept)[0]
    assert server.runs.files[run][kept.digest] == b"x" * 3_000_000
    assert done.stderr == ""


def test_a_server_that_was_down_all_the_while_gets_all_of_it_when_it_is_back(server: TrackServer, home: Path) -> None:
    process = training(LOGS + "\nprint('told', flush=True); sys.stdin.readline()", home, server)
    server.down()
    assert process.stdout.readline() == "told\n"
    server.up()
    process.communicate("go\n", timeout=240)
    assert whole(server, the_place(home).id) == list(range(STEPS))
    until(lambda: same_as(server, home))


def test_a_server_that_goes_and_comes_again_and_again_has_every_point_once(server: TrackServer, home: Path) -> None:
    code = """
    headhunt.init()
    for step in range(4000):
        headhunt.log(loss=float(step)); time.sleep(0.0005)
    """
    process = training(code, home, server)
    over, waits = threading.Event(), threading.Event()

    def trouble() -> None:
        while not over.is_set():
            waits.wait(0.2)
            server.down()
            waits.wait(0.1)
            server.up()

    thread = threading.Thread(target=trouble)
    thread.start()
    process.communicate(timeout=240)
    over.set()
    thread.join()
    until(lambda: same_as(server, home))
    assert whole(server, the_place(home).id) == list(range(4000))


def test_answers_that_are_lost_after_what_came_was_taken_double_nothing(server: TrackServer, home: Path) -> None:
    server.runs.lose_every = 2  # each second one, whatever it asks
    trained(LOGS.replace("accuracy=0.5)", "accuracy=0.5); step % 400 or time.sleep(0.3)"), home, server)
    until(lambda: same_as(server, home))
    assert whole(server, the_place(home).id) == list(range(STEPS))
    assert server.runs.lost_answers > 2


def test_a_killed_training_is_brought_whole_and_called_lost(server: TrackServer, home: Path) -> None:
    process = training(LOGS + "\nprint('told', flush=True); time.sleep(60)", home, server)
    assert process.stdout.readline() == "told\n"
    process.kill()
    process.communicate()
    until(lambda: the_place(home).id in server.runs.begun)
    run = the_place(home).id
    until(lambda: of_kind(server.runs.records(run), Ended))
    assert of_kind(server.runs.records(run), Ended)[0].state == "lost"
    assert whole(server, run) == list(range(STEPS))


def test_what_was_left_over_is_brought_by_the_next_run_of_the_home(server: TrackServer, home: Path) -> None:
    server.down()
    code = LOGS + "\nfrom headhunt.track import companion; companion.SILENCE_S = 0.3"
    done = trained(code, home, server, HEADHUNT_LINGER="0.1")
    first = the_place(home)
    assert "headhunt sync" in done.stderr
    until(lambda: not first.told_on())  # its courier is gone
    server.up()
    assert first.id not in server.runs.begun
    trained("headhunt.init(name='second')", home, server)
    until(lambda: whole(server, first.id) == list(range(STEPS)))


def test_runs_that_were_not_meant_for_the_server_stay_where_they_are(server: TrackServer, home: Path) -> None:
    trained("headhunt.init(server='local')", home, server)
    private = the_place(home).id
    trained("headhunt.init(name='second')", home, server)
    until(lambda: len(server.runs.begun) == 1)
    assert private not in server.runs.begun


def test_a_hung_server_delays_no_training(server: TrackServer, home: Path) -> None:
    server.runs.hang = threading.Event()
    code = LOGS + "\nfrom headhunt.track import companion; companion.SILENCE_S, companion.PATIENCE_S = 0.3, 0.1"
    done = trained(code, home, server)
    assert f"{server.url} lacks some of it: waiting" in done.stderr
    assert "headhunt sync" in done.stderr
    server.runs.hang.set()
    server.runs.hang = None
    until(lambda: same_as(server, home))


def test_a_key_that_does_not_hold_is_told_and_the_run_stays_here(server: TrackServer, home: Path) -> None:
    done = trained(LOGS, home, server, HEADHUNT_API_KEY="hh_wrong", HEADHUNT_LINGER="0.1")
    assert "does not take this key" in done.stderr
    assert [step for step, _ in told(records(the_place(home)), "loss")] == list(range(STEPS))
    assert KEY not in done.stderr


def test_a_file_that_the_server_does_not_take_is_marked_and_the_rest_arrives(server: TrackServer, home: Path) -> None:
    server.runs.refuse_files = True
    trained(LOGS + "\nheadhunt.log(words='text')", home, server)
    run = the_place(home).id
    until(lambda: of_kind(server.runs.records(run), Marked))
    assert "does not take the file 'text/words.txt'" in of_kind(server.runs.records(run), Marked)[0].words
    assert whole(server, run) == list(range(STEPS))


def test_a_journal_that_was_cut_off_within_a_record_is_brought_up_to_there(server: TrackServer, home: Path) -> None:
    server.down()
    code = LOGS + "\nfrom headhunt.track import companion; companion.SILENCE_S = 0.1"
    trained(code, home, server, HEADHUNT_LINGER="0.1")
    place = the_place(home)
    until(lambda: not place.told_on())  # its courier is gone
    first = sorted(place.journals())[0]
    path = place.journal(first)
    path.write_bytes(path.read_bytes()[:20_000])
    server.up()
    trained("headhunt.init(name='second')", home, server)
    until(lambda: first in server.runs.journals.get(place.id, {}) and place.arrived(server.url))
    steps = whole(server, place.id)
    assert steps == list(range(len(steps)))
    assert 20_000 - 100 < len(server.runs.journals[place.id][first]) <= 20_000


def test_a_training_that_says_nothing_for_a_while_is_alive_to_the_server(server: TrackServer, home: Path) -> None:
    process = training("headhunt.init(measure=False); sys.stdin.readline()", home, server, HEADHUNT_BEAT="0.2")
    until(lambda: server.runs.beats > 2)
    process.communicate("go\n", timeout=240)


def test_a_training_is_alive_to_the_server_while_a_large_file_is_brought(server: TrackServer, home: Path) -> None:
    server.runs.hold_files = threading.Event()
    code = """
    run = headhunt.init(measure=False, console=False)
    open('w.bin', 'wb').write(b'x' * 1000)
    run.save('w.bin')
    sys.stdin.readline()
    """
    process = training(code, home, server, HEADHUNT_BEAT="0.2")
    try:
        until(lambda: server.runs.beats > 2)
        assert not server.runs.files
    finally:
        server.runs.hold_files.set()
    process.communicate("go\n", timeout=240)
    assert server.runs.files


def test_a_run_that_goes_on_is_measured_and_lost_like_any_other(home: Path) -> None:
    trained("headhunt.init(id='a' * 32); headhunt.log(loss=1.0)", home)
    code = "headhunt.init(id='a' * 32, resume=True); print('up', flush=True); sys.stdin.readline()"
    process = training(code, home, HEADHUNT_LOOK="0.1")
    process.stdout.readline()
    until(lambda: told(records(the_place(home)), "system/cpu_percent"))
    process.kill()
    process.communicate()
    until(lambda: [one.state for one in of_kind(records(the_place(home)), Ended)] == ["finished", "lost"])


def test_a_training_here_that_says_nothing_and_is_not_measured_is_alive(home: Path) -> None:
    code = "headhunt.init(measure=False, console=False); print('up', flush=True); sys.stdin.readline()"
    process = training(code, home, HEADHUNT_LOOK="0.1")
    process.stdout.readline()
    until(lambda: (the_place(home).folder / "known").exists())
    newest = max(path.stat().st_mtime_ns for path in the_place(home).journals().values())
    until(lambda: max(path.stat().st_mtime_ns for path in the_place(home).journals().values()) > newest)
    process.communicate("go\n", timeout=240)


@pytest.mark.parametrize(
    "odd",
    [
        "folder = os.path.join(os.getcwd(), 'gone'); os.mkdir(folder); os.chdir(folder); os.rmdir(folder)",
        "sys.orig_argv[:] = ['x' * 4000] * 200",
        "sys.orig_argv.append('\\udcff')",
        "os.environ['HEADHUNT_LINGER'] = 'soon'",
    ],
    ids=["a folder that is gone", "a long command line", "a word that is no text", "no number"],
)
def test_odd_surroundings_of_a_training_keep_nothing_from_the_server(server: TrackServer, home: Path, odd: str) -> None:
    known = "while not (run.folder / 'known').exists(): time.sleep(0.01)"  # so that its courier has no more to bring
    trained(f"{odd}\nrun = headhunt.init(console=False)\nheadhunt.log(loss=1.0)\n{known}", home, server)
    assert whole(server, the_place(home).id) == [0]


def test_a_courier_that_was_killed_is_followed_by_another(server: TrackServer, home: Path) -> None:
    code = """
    run = headhunt.init()
    headhunt.log(loss=0.0)
    print(run.carrier._pid, flush=True)
    sys.stdin.readline()
    headhunt.log(loss=1.0)
    """
    process = training(code, home, server)
    courier = int(process.stdout.readline())
    os.kill(courier, signal.SIGKILL)
    process.communicate("go\n", timeout=240)
    assert whole(server, the_place(home).id) == [0, 1]


def test_words_that_are_too_long_for_a_server_are_cut_and_kept_whole_as_files(server: TrackServer, home: Path) -> None:
    code = """
    run = headhunt.init(intent="why " * 3_000_000, dataset="d" * 9_000_000, model="m" * 5_000, tags=None)
    open("w.bin", "wb").write(b"x")
    run.save("w.bin", name="n" * 9_000_000)
    headhunt.log(loss=1.0)
    """
    trained(code, home, server)
    run = the_place(home).id
    begun, found = server.runs.begun[run], server.runs.records(run)
    assert [len(one) for one in (begun.intent, begun.dataset, begun.model)] == [60_000, 4_000, 4_000]
    files = {one.path: one.size for one in of_kind(found, Kept)}
    assert files == {"text/intent.txt": 12_000_000, "text/dataset.txt": 9_000_000, "text/model.txt": 5_000}
    marks = " ".join(one.words for one in of_kind(found, Marked))
    assert "The intent has 12,000,000 characters" in marks
    assert "save() could not be kept" in marks
    assert whole(server, run) == [0]


def test_the_courier_goes_when_the_training_has_gone(server: TrackServer, home: Path) -> None:
    done = trained("print(headhunt.init(console=False).carrier._pid)", home, server)
    courier = int(done.stdout)
    until(lambda: not alive(courier, process_born(courier)) or not process_born(courier))


def test_the_load_of_the_machine_is_measured(home: Path) -> None:
    process = training("headhunt.init(); print('up', flush=True); sys.stdin.readline()", home, HEADHUNT_LOOK="0.1")
    process.stdout.readline()
    until(lambda: told(records(the_place(home)), "system/cpu_percent"))
    process.communicate("go\n", timeout=240)
    found = records(the_place(home))
    assert all(0 <= value <= 100 for _, value in told(found, "system/cpu_percent"))
    assert all(value > 1e6 for _, value in told(found, "system/process/memory"))
    assert told(found, "system/network/received")


def test_a_report_that_was_asked_for_is_asked_of_the_server(server: TrackServer, home: Path) -> None:
    trained("headhunt.init(); headhunt.watch_report(to=['me@example.org'], every='30m')", home, server)
    assert server.runs.asked == [("schedules", {"to": ["me@example.org"], "every": "30m", "end": True})]
