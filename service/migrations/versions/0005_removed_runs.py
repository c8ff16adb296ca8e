"""Runs that were removed: what still lies of them in a home does not bring them back."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "removed_runs",
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("at", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_removed_runs")),
    )
