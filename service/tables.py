"""The tables. Rows stay in the modules that own them; times are seconds of the database's clock.

A change here is a new file in service/migrations/versions; a test compares the two, on both databases.
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


def named(length: int = 32) -> sa.Column[str]:
    return sa.Column("id", sa.String(length), primary_key=True)


def of(table: str, **more: Any) -> sa.Column[str]:
    """The row of another table that this one belongs to, and goes with."""
    name = table.removesuffix("s")
    return sa.Column(
        name, sa.String(32), sa.ForeignKey(f"{table}.id", ondelete="CASCADE"), **{"nullable": False, **more}
    )


def when(name: str, needed: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Float(53), nullable=not needed)


# --- Who is there ----------------------------------------------------------------------------------------------------

users = sa.Table(
    "users",
    metadata,
    named(),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("password", sa.String(256)),
    sa.Column("admin", sa.Boolean, nullable=False),
    when("created", True),
    when("disabled"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    named(64),
    of("users"),
    sa.Column("csrf", sa.String(64), nullable=False),
    sa.Column("linked", sa.Boolean, nullable=False),
    when("created", True),
    when("expires", True),
)

sign_in_links = sa.Table(
    "sign_in_links", metadata, named(64), of("users"), when("created", True), when("expires", True)
)

failures = sa.Table(
    "failures",
    metadata,
    named(),
    sa.Column("subject", sa.String(160), nullable=False),
    when("at", True),
    sa.Index("ix_failures_subject_at", "subject", "at"),
)

projects = sa.Table(
    "projects",
    metadata,
    named(),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("public", sa.Boolean, nullable=False),
    sa.Column("max_bytes", sa.BigInteger),
    when("created", True),
)

members = sa.Table(
    "members",
    metadata,
    of("projects", primary_key=True),
    of("users", primary_key=True),
    sa.Column("role", sa.String(16), nullable=False),
    when("created", True),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    named(16),
    of("projects", index=True),
    of("users", nullable=True),
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("secret_hash", sa.String(64), nullable=False),
    when("created", True),
    when("expires"),
    when("revoked"),
    sa.Column("study", sa.String(32)),
)
"""study: the one thing that the key is for; it goes with it."""

audit = sa.Table(
    "audit",
    metadata,
    named(),
    sa.Column("project", sa.String(32)),
    when("at", True),
    sa.Column("who", sa.String(160), nullable=False),
    sa.Column("action", sa.String(160), nullable=False),
    sa.Column("path", sa.String(512), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("request_id", sa.String(64)),
    sa.Index("ix_audit_project_at", "project", "at"),
)

# --- Datasets --------------------------------------------------------------------------------------------------------

datasets = sa.Table(
    "datasets",
    metadata,
    named(),
    of("projects"),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("latest", sa.Integer, nullable=False),
    when("created", True),
    sa.UniqueConstraint("project", "name"),
)

dataset_versions = sa.Table(
    "dataset_versions",
    metadata,
    of("datasets", primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.String(64), nullable=False, index=True),
    sa.Column("facts", sa.Text, nullable=False),
    when("created", True),
)

project_blobs = sa.Table(
    "project_blobs",
    metadata,
    of("projects", primary_key=True),
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    when("created", True),
    sa.Index("ix_project_blobs_digest", "digest"),
)

uploads = sa.Table(
    "uploads",
    metadata,
    named(),
    of("projects"),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.String(64)),
    sa.Column("key", sa.String(128)),
    sa.Column("dataset", sa.String(32)),
    when("created", True),
    when("touched", True),
    sa.UniqueConstraint("project", "key"),
)

upload_parts = sa.Table(
    "upload_parts",
    metadata,
    of("uploads", primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    when("created", True),
)

# --- Jobs ------------------------------------------------------------------------------------------------------------

jobs = sa.Table(
    "jobs",
    metadata,
    named(),
    sa.Column("project", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("resource", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("dataset", sa.String(32), index=True),
    sa.Column("by", sa.String(160)),
    when("created", True),
    when("run_after", True),
    when("started"),
    when("ended"),
    when("lease_until"),
    sa.Column("worker", sa.String(64)),
    sa.Column("cancel", sa.Boolean, nullable=False),
    sa.Column("step", sa.Text),
    sa.Column("result", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("request_id", sa.String(64)),
    sa.Column("key", sa.String(128)),
    sa.UniqueConstraint("project", "key"),
    sa.Index("ix_jobs_state_resource_created", "state", "resource", "created"),
    sa.Index("ix_jobs_project_created", "project", "created"),
)

job_events = sa.Table(
    "job_events",
    metadata,
    of("jobs", primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    when("at", True),
    sa.Column("body", sa.Text, nullable=False),
)

workers = sa.Table(
    "workers",
    metadata,
    named(64),
    sa.Column("host", sa.String(128), nullable=False),
    sa.Column("slots", sa.Integer, nullable=False),
    sa.Column("resources", sa.String(128), nullable=False),
    when("started", True),
    when("seen", True),
)

# --- The zoo, where several machines share it ------------------------------------------------------------------------

shared_files = sa.Table(
    "shared_files",
    metadata,
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    when("changed", True),
)

# --- Reports of runs, by mail ----------------------------------------------------------------------------------------

reports = sa.Table(
    "reports",
    metadata,
    named(),
    of("projects", index=True),
    sa.Column("run", sa.String(32)),
    sa.Column("experiment", sa.String(250)),
    sa.Column("same", sa.String(64), nullable=False),
    sa.Column("asked", sa.Text, nullable=False),
    sa.Column("by", sa.String(160)),
    when("created", True),
    when("over"),
    sa.UniqueConstraint("project", "same"),
    sa.Index("ix_reports_over", "over"),
)
"""run or experiment: what it is of. same: the digest of what was asked. over: nothing more will be sent."""

report_mails = sa.Table(
    "report_mails",
    metadata,
    named(64),
    sa.Column("report", sa.String(32), sa.ForeignKey("reports.id", ondelete="CASCADE"), index=True),
    of("projects"),
    sa.Column("run", sa.String(32), nullable=False),
    sa.Column("event", sa.String(80), nullable=False),
    sa.Column("asked", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    when("created", True),
    when("due", True),
    when("lease_until"),
    when("ended"),
    sa.Column("error", sa.Text),
    sa.Index("ix_report_mails_state_due", "state", "due"),
    sa.Index("ix_report_mails_project_created", "project", "created"),
)
"""One mail of one occasion. id: of schedule, run and event, so that no occasion has two."""

# --- Studies ---------------------------------------------------------------------------------------------------------

studies = sa.Table(
    "studies",
    metadata,
    named(),
    of("projects"),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("owner", sa.String(160), nullable=False),
    sa.Column("owner_id", sa.String(64), nullable=False),
    sa.Column("private", sa.Boolean, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("plan", sa.Text, nullable=False),
    sa.Column("trials", sa.Integer),
    sa.Column("seconds", sa.Float(53)),
    sa.Column("lease_s", sa.Float(53), nullable=False),
    when("created", True),
    sa.Column("lines", sa.Integer, nullable=False),
    sa.Column("spent", sa.Float(53), nullable=False),
    sa.Column("counts", sa.Text, nullable=False),
    sa.Column("best", sa.Text),
    sa.Column("key", sa.String(128)),
    sa.UniqueConstraint("project", "name"),
    sa.UniqueConstraint("project", "key"),
    sa.Index("ix_studies_project_created", "project", "created"),
)
"""plan: tuning.hosted.Plan. trials, seconds: what may be spent. lines: of its journal; spent: seconds of all trials;
counts: trials by state."""

study_lines = sa.Table(
    "study_lines",
    metadata,
    sa.Column("study", sa.String(32), sa.ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("body", sa.Text, nullable=False),
)
"""What Optuna wrote, in order."""

study_trials = sa.Table(
    "study_trials",
    metadata,
    sa.Column("study", sa.String(32), sa.ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("lease", sa.String(32), nullable=False),
    sa.Column("token", sa.String(64), nullable=False),
    sa.Column("key", sa.String(128)),
    sa.Column("worker", sa.String(160), nullable=False),
    sa.Column("run", sa.String(32), nullable=False),
    sa.Column("params", sa.Text, nullable=False),
    when("given", True),
    when("seen", True),
    when("ended"),
    sa.Column("lost", sa.Boolean, nullable=False),
    sa.UniqueConstraint("study", "key"),
)
"""Who runs a trial, and when they were heard last. token: they show it when they tell. lost: it was taken from them."""
