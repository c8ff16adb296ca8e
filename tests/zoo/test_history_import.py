"""Tables of outcomes: what comes in, what is left out and why; nothing half-written."""

import os
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headhunt.errors import BadTable, MissingFile, NotWritten
from headhunt.vocabulary import Domain, ModelCard
from zoo.catalogue.store import Catalogue
from zoo.history.store import History

PLAIN = "model,dataset,accuracy\nresnet50,dtd,0.71\nvit,dtd,0.75\n"


def imported(home: Path, content: str | bytes) -> History:
    path = home / "runs.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return History(home / "home")


def test_a_plain_table_comes_in_and_a_second_time_adds_nothing(tmp_path: Path) -> None:
    history = imported(tmp_path, PLAIN)
    first, second = (history.import_csv(tmp_path / "runs.csv") for _ in range(2))
    assert (first.rows, first.added, first.already, first.skipped) == (2, 2, 0, 0)
    assert (second.rows, second.added, second.already) == (2, 0, 2)
    assert [(row.model, row.dataset, row.accuracy, row.source) for row in history.rows()] == [
        ("resnet50", "dtd", 0.71, "import:runs.csv"),
        ("vit", "dtd", 0.75, "import:runs.csv"),
    ]


def test_the_same_table_imported_by_several_at_once_comes_in_once(tmp_path: Path) -> None:
    history = imported(tmp_path, PLAIN)
    with ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(lambda _: History(history.home).import_csv(tmp_path / "runs.csv"), range(16)))
    assert sum(report.added for report in reports) == len(history.rows()) == 2


def test_a_longer_table_adds_what_is_new_and_equal_runs_count(tmp_path: Path) -> None:
    history = imported(tmp_path, PLAIN)
    history.import_csv(tmp_path / "runs.csv")
    (tmp_path / "more.csv").write_text(PLAIN + "vit,dtd,0.75\nvit,dtd,0.8\n")
    report = history.import_csv(tmp_path / "more.csv")
    assert (report.added, report.already) == (2, 2)
    assert history.import_csv(tmp_path / "more.csv").added == 0


def test_every_column_comes_in_under_its_usual_names(tmp_path: Path) -> None:
    history = imported(
        tmp_path,
        "Model,Dataset,Protocol,Learning Rate,Epochs,Batch-Size,val_acc,Test Accuracy,accuracy,time,seed,notes\n"
        "a/b,eurosat,full,0.01,25,64.0,0.5,0.25,0.9,12.5,3,x\n",
    )
    report = history.import_csv(tmp_path / "runs.csv")
    row = history.rows()[0]
    assert (row.protocol_name, row.lr, row.epochs, row.batch_size, row.seconds, row.seed) == (
        "full",
        0.01,
        25,
        64,
        12.5,
        3,
    )
    assert (row.accuracy, row.val_accuracy) == (0.25, 0.5)
    assert report.ignored == ("accuracy", "notes")


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + PLAIN.encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(),
        ("\n\n" + PLAIN.rstrip()).encode(),
        PLAIN.replace("model,dataset,accuracy", '"MODEL", "Dataset" ,"Accuracy"')
        .replace("resnet50", '"resnet50"')
        .encode(),
        PLAIN.replace("0.71", "71.0").replace("0.75", "75 %").encode(),
    ],
    ids=["bom", "crlf", "semicolons", "tabs", "blank-lines", "quotes-and-case", "percent"],
)
def test_a_table_means_the_same_in_every_dress(tmp_path: Path, content: bytes) -> None:
    history = imported(tmp_path, content)
    assert history.import_csv(tmp_path / "runs.csv").skipped == 0
    assert [(row.model, row.dataset, row.accuracy) for row in history.rows()] == [
        ("resnet50", "dtd", 0.71),
        ("vit", "dtd", 0.75),
    ]


def test_percentages_are_decided_once_for_a_column_and_said(tmp_path: Path) -> None:
    history = imported(tmp_path, "model,dataset,accuracy\na,d,91.5\nb,d,0.8\nc,d,100\n")
    report = history.import_csv(tmp_path / "runs.csv")
    assert report.percent
    assert [row.accuracy for row in history.rows()] == [0.915, 0.008, 1.0]


def test_rows_that_cannot_be_outcomes_are_left_out_with_their_line_and_reason(tmp_path: Path) -> None:
    rows = [
        ("good,d,0.5", None),
        (",d,0.5", "no model"),
        ("m,,0.5", "no dataset"),
        ("m,d,", "no accuracy"),
        ("m,d", "no accuracy"),
        ("m,d,high", "accuracy is no number: 'high'"),
        ("m,d,nan", "accuracy is no number"),
        ("m,d,1e999", "accuracy is no number"),
        ("m,d,1.2", "accuracy out of range: 1.2 is not between 0 and 1, in a table of fractions"),
        ("m,d,-0.1", "accuracy out of range"),
        ("m,d,0.5,1,2", "too many cells"),
        ("m" * 201 + ",d,0.5", "model is no name"),
        ("m\u202ex,d,0.5", "model is no name: 'm\\\\u202ex'"),
        ("m,d,0.5,x", "seed is no number"),
        ("m,d,0.5,1.5", "seed is no whole number"),
        ("m,d,0.5," + "9" * 5000, "seed"),
    ]
    history = imported(tmp_path, "model,dataset,accuracy,seed\n" + "".join(row + "\n" for row, _ in rows))
    report = history.import_csv(tmp_path / "runs.csv")
    assert [row.model for row in history.rows()] == ["good"]
    expected = [(line, reason) for line, (_, reason) in enumerate(rows, 2) if reason is not None]
    assert [skip.line for skip in report.skips] == [line for line, _ in expected]
    for skip, (_, reason) in zip(report.skips, expected, strict=True):
        assert skip.reason.startswith(reason)
        assert skip.reason.isprintable()
    assert report.skipped == sum(report.reasons.values()) == len(expected)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"model,dataset,accuracy\n", "header only"),
        (b"model,dataset\na,b\n", r"no column 'accuracy'; it has: model, dataset\."),
        (b"net,score\na,1\n", "no column 'model' and no 'dataset' and no 'accuracy'; it has: net, score"),
        (b"model,dataset,accuracy,Model\na,b,1,c\n", "column 'model' twice"),
        (b"model,dataset,accuracy\na,b,x\n", "line 2: accuracy is no number: 'x'"),
        (b"model,dataset,accuracy\na,b,101\n", "101 is not between 0 and 100 %"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not text in UTF-8"),
        (b"PK\x03\x04\0\0\0\0", "zero bytes"),
        (PLAIN.encode("utf-16"), "not text in UTF-8"),
        (b'model,dataset,accuracy\n"a,b,0.5\n' + b"x,y,0.5\n" * 30_000, "Check its quotes"),
        (b"{}", "no column 'model'"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line_and_nothing_is_written(
    tmp_path: Path, content: bytes, words: str
) -> None:
    history = imported(tmp_path, content)
    with pytest.raises(BadTable, match=words) as caught:
        history.import_csv(tmp_path / "runs.csv")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600 + len(str(tmp_path))
    assert history.rows() == ()
    assert not history.path.exists()


def test_a_file_that_is_not_there_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(MissingFile, match=str(path)):
            History(tmp_path / "home").import_csv(path)


def test_a_line_of_a_gigabyte_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "runs.csv").open("wb") as file:
        file.write(b"model,dataset,accuracy\n")
        os.truncate(file.fileno(), 2**30)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadTable, match="line 2"):
        History(tmp_path / "home").import_csv(tmp_path / "runs.csv")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_spreadsheet_formulas_stay_text(tmp_path: Path) -> None:
    history = imported(tmp_path, 'model,dataset,accuracy\n"=HYPERLINK(""x"")",d,0.5\n')
    history.import_csv(tmp_path / "runs.csv")
    assert history.rows()[0].model == '=HYPERLINK("x")'


def test_a_model_of_this_repository_that_was_trained_on_the_target_is_noticed_by_its_lineage(tmp_path: Path) -> None:
    history = imported(tmp_path, "model,dataset,accuracy\nphotos/tuned,cifar-10,0.9\nphotos/tuned,dtd,0.9\n")
    facts = {
        "network": "n",
        "origin": "train",
        "input_size": 32,
        "mean": (0.5,),
        "std": (0.5,),
        "channels": 1,
        "params": 1,
        "macs": 1,
    }
    with Catalogue(history.home).change() as draft:
        for name in ("cifar10", "photos"):
            draft.ensure_domain(Domain(name=name))
        draft.add_card(ModelCard(id="cifar10/base", domain="cifar10", **facts))  # type: ignore[arg-type]  # facts of several types
        draft.add_card(ModelCard(id="photos/tuned", domain="photos", parent="cifar10/base", **facts))  # type: ignore[arg-type]
    history.import_csv(tmp_path / "runs.csv")
    assert [row.flags for row in history.rows()] == [("seen-target",), ()]


def test_an_import_that_cannot_be_written_leaves_the_history_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    history = imported(tmp_path, PLAIN)
    with monkeypatch.context() as patch:
        patch.setattr("zoo.history.store.os.fsync", full)
        with pytest.raises(NotWritten, match="No space left"):
            history.import_csv(tmp_path / "runs.csv")
    assert history.rows() == ()
    assert history.import_csv(tmp_path / "runs.csv").added == 2


def test_the_report_tells_all_of_it_in_a_few_lines(tmp_path: Path) -> None:
    rows = [f"net{i},d,0.1" for i in range(5)] + ["x/vit-d100,d100,0.9", "good,d,0.8", "fine,d,0.9"]
    history = imported(tmp_path, "model,dataset,accuracy,notes\n" + "\n".join([*rows, *["m,d,x"] * 12]) + "\n")
    assert history.import_csv(tmp_path / "runs.csv").told().splitlines() == [
        "runs.csv: 8 rows; 8 added, 0 here already. Accuracies are fractions.",
        "columns not read: notes",
        "12 rows left out:",
        *[f"  line {line}: accuracy is no number: 'x'" for line in range(10, 20)],
        "  and 2 more",
        "rows flagged diverged: 5 (no better than naming the largest class)",
        "rows flagged seen-target: 1 (the model was already trained on this data)",
        "  d: 5 diverged of 7 rows; one answer to all gives 10 %",
        "  d100: 1 seen-target of 1 rows",
    ]
