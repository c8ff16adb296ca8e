"""The tables of the tracker. `project` is the id of a project of the service, which is nothing more than a word here.

Numbers of curves lie in `run_metrics.tail` until there are enough of them for a chunk (tracking/columns.py). Whatever
JSON knows is kept as text. A change here is a new file in service/migrations/versions.
"""

from typing import Any

import sqlalchemy as sa

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = sa.MetaData(naming_convention=NAMES)
LONGEST_NAME, LONGEST_PATH = 250, 512
"""Of what is told of a run, and of its files: an index takes no more."""
NO_STEP = -(2**63)
"""Of a file that came without one: a key has no gaps."""


def of_run(**more: Any) -> sa.Column[str]:
    return sa.Column(
        "run", sa.String(32), sa.ForeignKey("runs.id", ondelete="CASCADE"), **{"primary_key": True, **more}
    )


def when(name: str, needed: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Float(53), nullable=not needed)


def number(name: str, **more: Any) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, **{"nullable": False, **more})


experiments = sa.Table(
    "experiments",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("project", sa.String(32), nullable=False),
    sa.Column("name", sa.String(LONGEST_NAME), nullable=False),
    when("created", True),
    when("deleted"),
    sa.UniqueConstraint("project", "name"),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("project", sa.String(32), nullable=False),
    sa.Column("experiment", sa.Integer, sa.ForeignKey("experiments.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", sa.String(LONGEST_NAME), nullable=False),
    sa.Column("intent", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    when("started", True),
    when("created", True),
    when("ended"),
    when("seen", True),
    sa.Column("error", sa.Text),
    sa.Column("parent", sa.String(LONGEST_NAME)),
    sa.Column("group", sa.String(LONGEST_NAME)),
    sa.Column("dataset", sa.Text),
    sa.Column("model", sa.Text),
    sa.Column("by", sa.String(160)),
    number("bytes"),
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("marks", sa.Text, nullable=False),
    when("deleted"),
    sa.Index("ix_runs_project_started", "project", "started"),
    sa.Index("ix_runs_experiment", "experiment"),
)

removed_runs = sa.Table(
    "removed_runs",
    metadata,
    sa.Column("run", sa.String(32), primary_key=True),
    when("at", True),
)
"""When a run was removed: what still lies of it in a home, or is told by a training that goes on, does not bring it
back; a run that is begun anew does."""

run_values = sa.Table(
    "run_values",
    metadata,
    of_run(),
    sa.Column("kind", sa.String(8), primary_key=True),
    sa.Column("name", sa.String(LONGEST_NAME), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

run_metrics = sa.Table(
    "run_metrics",
    metadata,
    of_run(),
    sa.Column("name", sa.String(LONGEST_NAME), primary_key=True),
    number("count"),
    number("last_step"),
    when("last_time", True),
    sa.Column("last", sa.Float(53)),
    sa.Column("min", sa.Float(53)),
    sa.Column("max", sa.Float(53)),
    sa.Column("chunks", sa.Integer, nullable=False),
    sa.Column("tail", sa.LargeBinary, nullable=False),
)
"""last: of the highest step; none where it is NaN, which SQLite cannot hold. min and max: of what is finite."""

metric_chunks = sa.Table(
    "metric_chunks",
    metadata,
    of_run(),
    sa.Column("name", sa.String(LONGEST_NAME), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("count", sa.Integer, nullable=False),
    number("first_step"),
    number("last_step"),
    sa.Column("peaks", sa.LargeBinary, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

run_files = sa.Table(
    "run_files",
    metadata,
    of_run(),
    sa.Column("path", sa.String(LONGEST_PATH), primary_key=True),
    number("step", primary_key=True, autoincrement=False),
    sa.Column("digest", sa.String(64), nullable=False, index=True),
    number("size"),
    sa.Column("kind", sa.String(32), nullable=False),
    when("created", True),
    sa.Column("facts", sa.Text, nullable=False),
)

project_files = sa.Table(
    "project_files",
    metadata,
    sa.Column("project", sa.String(32), primary_key=True),
    sa.Column("digest", sa.String(64), primary_key=True),
    number("size"),
    when("created", True),
    sa.Index("ix_project_files_digest", "digest"),
)
"""What was sent of the files of runs. Each counts once in its project."""

run_console = sa.Table(
    "run_console",
    metadata,
    of_run(),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    when("at", True),
    sa.Column("stream", sa.String(8), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
)

run_writers = sa.Table(
    "run_writers",
    metadata,
    of_run(),
    sa.Column("writer", sa.String(64), primary_key=True),
    number("kept"),
    when("seen", True),
)
"""How far each journal has come in."""

experiment_tags = sa.Table(
    "experiment_tags",
    metadata,
    sa.Column("experiment", sa.Integer, sa.ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.String(LONGEST_NAME), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

run_links = sa.Table(
    "run_links",
    metadata,
    of_run(),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("name", sa.String(600), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
"""What a run saw and made. kind: data, model-in, model-out."""

logged_models = sa.Table(
    "logged_models",
    metadata,
    sa.Column("id", sa.String(34), primary_key=True),
    sa.Column("project", sa.String(32), nullable=False),
    sa.Column("experiment", sa.Integer, sa.ForeignKey("experiments.id", ondelete="CASCADE"), nullable=False),
    of_run(primary_key=False, nullable=False),
    sa.Column("own", sa.Boolean, nullable=False),
    sa.Column("name", sa.String(LONGEST_NAME), nullable=False),
    sa.Column("kind", sa.String(LONGEST_NAME), nullable=False),
    sa.Column("state", sa.String(32), nullable=False),
    when("created", True),
    when("changed", True),
    when("deleted"),
    sa.Column("params", sa.Text, nullable=False),
    sa.Column("tags", sa.Text, nullable=False),
    sa.Column("metrics", sa.Text, nullable=False),
    sa.Index("ix_logged_models_project_created", "project", "created"),
    sa.Index("ix_logged_models_run", "run"),
)
"""Models that a client of MLflow logged. run: among whose files it lies. own: that run was made for it alone."""
