"""What is noted of a command line tells no secrets."""

import pytest

from headhunt.track.surroundings import without_secrets


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("--token=hh_x", "--token=***"),
        ("wandb.api_key=x", "wandb.api_key=***"),
        ("+db.password=x=y", "+db.password=***"),
        ("API_KEY=x", "API_KEY=***"),
        ("--db=postgres://me:x@host/runs", "--db=postgres://***@host/runs"),
        ("https://x@host/a@b", "https://***@host/a@b"),
        ("lr=0.1", "lr=0.1"),
        ("data/keys.csv", "data/keys.csv"),
        ("print(key == 'a')", "print(key == 'a')"),
        ("s3://bucket/a@2x.png", "s3://bucket/a@2x.png"),
    ],
)
def test_what_looks_secret_in_a_command_line_is_not_told(word: str, told: str) -> None:
    assert without_secrets(["train.py", word, "end"]) == ["train.py", told, "end"]


def test_what_follows_an_option_that_names_a_secret_is_not_told() -> None:
    assert without_secrets(["--api-key", "x", "--lr", "1"]) == ["--api-key", "***", "--lr", "1"]
