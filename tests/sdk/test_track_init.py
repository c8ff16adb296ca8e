"""What a run is begun with, what belongs to it besides, and where there is no room for it."""

from pathlib import Path

import pytest

from headhunt.track.journal import Ended, Marked, Points, Said
from headhunt.track.places import Begun, Place
from tests.sdk.trainings import home, marks_of, of_kind, records, run_here, the_place, told, trained

__all__ = ["home"]


def test_what_init_is_given_wrongly_is_told_at_once(home: Path) -> None:
    code = """
    from headhunt.errors import BadValue, NameTaken, NotSignedIn, NotWritten, UnknownRun
    def refused(kind, **words):
        try: headhunt.init(**words)
        except kind as error: print(type(error).__name__)
    refused(BadValue, id="short"); refused(BadValue, project=17); refused(BadValue, tags=[1]); refused(BadValue, server="ftp://x")
    refused(UnknownRun, id="b" * 32, resume=True); refused(NotSignedIn, server="http://127.0.0.1:9")
    headhunt.init(id="c" * 32).finish(); refused(NameTaken, id="c" * 32, resume=False)
    open("blocked", "w").close(); refused(NotWritten, home="blocked")
    """
    done = trained(code, home)
    names = ["BadValue"] * 4 + ["UnknownRun", "NotSignedIn", "NameTaken", "NotWritten"]
    assert done.stdout.split() == names


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("name='n' * 251", "name"),
        ("name='two\\nlines'", "name"),
        ("group=3", "group"),
        ("tags=7", "tags of the run are a int"),
        ("tags=['t' * 300]", "tag"),
        ("tags=map(str, range(2000))", "1,000 tags at most, and 2,000"),
        ("dataset=type('D', (), {'__str__': None})()", "dataset"),
        ("intent=type('D', (), {'__str__': None})()", "intent"),
    ],
)
def test_what_init_cannot_keep_is_refused_by_its_name(home: Path, words: str, said: str) -> None:
    done = trained(f"try: headhunt.init({words})\nexcept headhunt.HeadhuntError as error: print(error)", home)
    assert said in done.stdout
    assert len(done.stdout.splitlines()) == 1


def test_words_that_no_text_can_have_do_not_keep_a_run_from_beginning(home: Path) -> None:
    code = r"headhunt.init(intent='a\udcff\0b', dataset=b'/data/\xff', model=17, tags=None); headhunt.log(loss=1.0)"
    place, found = run_here(home, code)
    asked = place.begun().asked
    assert (asked.intent, asked.dataset, asked.model) == (r"a\udcffb", r"/data/\udcff", "17")
    assert told(found, "loss") == [(0, 1.0)]


def test_a_server_that_the_surroundings_name_wrongly_keeps_nobody_from_training(home: Path) -> None:
    done = trained("headhunt.init(); headhunt.log(loss=1.0)", home, HEADHUNT_SERVER="http://127.0.0.1:9")
    assert told(records(the_place(home)), "loss") == [(0, 1.0)]
    assert "headhunt sync" in done.stderr


def test_what_is_told_before_init_begins_a_run(home: Path) -> None:
    _, found = run_here(home, "headhunt.log(loss=1.0)")
    assert told(found, "loss") == [(0, 1.0)]
    assert "before headhunt.init()" in marks_of(found)


def test_a_run_in_a_run_is_told_of_until_it_ends(home: Path) -> None:
    code = """
    with headhunt.init(name="study") as study:
        with headhunt.init(name="trial", parent=study):
            headhunt.log(loss=1.0)
        headhunt.log(best=2.0)
    """
    trained(code, home)
    runs = {
        begun.asked.name: (begun, records(Place(path.parent)))
        for path in home.glob("runs/*/run.json")
        if (begun := Place(path.parent).begun())
    }
    assert told(runs["trial"][1], "loss") == [(0, 1.0)]
    assert told(runs["study"][1], "best") == [(0, 2.0)]
    assert runs["trial"][0].asked.parent == runs["study"][0].id


@pytest.mark.parametrize("shift", [-7200.0, 7200.0])
def test_a_clock_that_is_set_meanwhile_reorders_nothing(home: Path, shift: float) -> None:
    code = f"""
    headhunt.init(console=False)
    real = time.time
    for step in range(10):
        if step == 5: time.time = lambda: real() + {shift}
        headhunt.log(loss=float(step))
    """
    place, found = run_here(home, code)
    times = [one.at for one in of_kind(found, Points)]
    assert times == sorted(times)
    assert times[-1] - times[0] < 60
    begun = place.begun()
    assert isinstance(begun, Begun)
    assert abs(times[0] - begun.clock.wall) < 60


def test_what_is_printed_belongs_to_the_run_and_still_goes_where_it_went(home: Path) -> None:
    code = """
    import logging
    logging.basicConfig()
    stream = sys.stdout
    run = headhunt.init()
    assert sys.stdout is stream
    print("one"); print("two", end=""); print(" and three")
    for n in range(100): sys.stderr.write(f"\\r{n}%")
    sys.stderr.write("\\n")
    logging.warning("logged before")
    run.finish()
    print("after")
    """
    done = trained(code, home)
    said = of_kind(records(the_place(home)), Said)
    assert "".join(one.text for one in said if one.stream == "out") == "one\ntwo and three\n"
    error = "".join(one.text for one in said if one.stream == "err")
    assert "99%\n" in error
    assert len(error) < 100
    assert "logged before" in error
    assert done.stdout == "one\ntwo and three\nafter\n"


def test_too_much_output_is_counted_and_the_training_goes_on(home: Path) -> None:
    code = """
    headhunt.init()
    for n in range(100): print("x" * 99_999)
    headhunt.log(loss=1.0)
    """
    _, found = run_here(home, code)
    said = of_kind(found, Said)
    assert sum(len(one.text) for one in said) < 3 << 20
    assert "characters came faster than they are kept" in "".join(one.text for one in said)
    assert told(found, "loss") == [(0, 1.0)]


def test_init_and_log_load_no_heavy_library(home: Path) -> None:
    code = """
    headhunt.init(); headhunt.log(loss=1.0)
    heavy = ("torch", "numpy", "timm", "litestar", "sqlalchemy", "httpx2", "PIL", "logging", "subprocess", "service")
    print([one for one in heavy if one in sys.modules])
    """
    assert trained(code, home).stdout == "[]\n"


@pytest.mark.parametrize("bound", [16 << 20, 2000])
def test_what_a_full_disk_had_no_room_for_is_written_when_there_is_room_or_counted(home: Path, bound: int) -> None:
    code = f"""
    import resource
    from headhunt.track import writer
    writer.MOST_HELD = {bound}
    headhunt.init(console=False, measure=False)
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (3333, most))
    for step in range(1000): headhunt.log(loss=float(step))
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    """
    _, found = run_here(home, code)
    values = [value for _, value in told(found, "loss")]
    lost = sum(one.count for one in of_kind(found, Marked) if "no room" in one.words)
    assert values == sorted(set(values))
    assert (lost > 0) == (bound == 2000)
    assert lost == 1000 - len(values)
    assert [one.state for one in of_kind(found, Ended)] == ["finished"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("to=['nobody']", "'nobody' is no address"),
        ("to=[]", "at least one address"),
        ("to=5", "cannot be done"),
        ("to='me@example.org', every='5s'", "too often"),
        ("to='me@example.org', every='soon'", "'soon'"),
        ("to='me@example.org', when='loss hasnt improved'", "has not improved for 5 epochs"),
    ],
)
def test_a_report_that_no_server_would_send_is_told_in_the_training_and_does_not_end_it(
    asked: str, words: str, home: Path
) -> None:
    place, found = run_here(home, f"headhunt.init(); headhunt.watch_report({asked}); headhunt.log(after=1.0)")
    assert words in marks_of(found)
    assert told(found, "after") == [(0, 1.0)]
    assert not place.asked.exists()
