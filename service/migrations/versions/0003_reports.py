"""Reports of runs, and the mails that carry them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "reports",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=32), nullable=False),
        sa.Column("run", sa.String(length=32), nullable=True),
        sa.Column("experiment", sa.String(length=250), nullable=True),
        sa.Column("same", sa.String(length=64), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=160), nullable=True),
        sa.Column("created", sa.Float(precision=53), nullable=False),
        sa.Column("over", sa.Float(precision=53), nullable=True),
        sa.ForeignKeyConstraint(["project"], ["projects.id"], name=op.f("fk_reports_project"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        sa.UniqueConstraint("project", "same", name=op.f("uq_reports_project_same")),
    )
    op.create_index(op.f("ix_reports_project"), "reports", ["project"], unique=False)
    op.create_index("ix_reports_over", "reports", ["over"], unique=False)
    op.create_table(
        "report_mails",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("report", sa.String(length=32), nullable=True),
        sa.Column("project", sa.String(length=32), nullable=False),
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("event", sa.String(length=80), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("created", sa.Float(precision=53), nullable=False),
        sa.Column("due", sa.Float(precision=53), nullable=False),
        sa.Column("lease_until", sa.Float(precision=53), nullable=True),
        sa.Column("ended", sa.Float(precision=53), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["project"], ["projects.id"], name=op.f("fk_report_mails_project"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["report"], ["reports.id"], name=op.f("fk_report_mails_report"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_mails")),
    )
    op.create_index(op.f("ix_report_mails_report"), "report_mails", ["report"], unique=False)
    op.create_index("ix_report_mails_state_due", "report_mails", ["state", "due"], unique=False)
    op.create_index("ix_report_mails_project_created", "report_mails", ["project", "created"], unique=False)
