"""Studies, their journals, and who runs which trial; keys that are for one study."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("study", sa.String(length=32), nullable=True))
    op.create_table(
        "studies",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("owner", sa.String(length=160), nullable=False),
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("trials", sa.Integer(), nullable=True),
        sa.Column("seconds", sa.Float(precision=53), nullable=True),
        sa.Column("lease_s", sa.Float(precision=53), nullable=False),
        sa.Column("created", sa.Float(precision=53), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("spent", sa.Float(precision=53), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("best", sa.Text(), nullable=True),
        sa.Column("key", sa.String(length=128), nullable=True),
        sa.ForeignKeyConstraint(["project"], ["projects.id"], name=op.f("fk_studies_project"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_studies")),
        sa.UniqueConstraint("project", "key", name=op.f("uq_studies_project_key")),
        sa.UniqueConstraint("project", "name", name=op.f("uq_studies_project_name")),
    )
    op.create_index("ix_studies_project_created", "studies", ["project", "created"], unique=False)
    op.create_table(
        "study_lines",
        sa.Column("study", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["study"], ["studies.id"], name=op.f("fk_study_lines_study"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("study", "number", name=op.f("pk_study_lines")),
    )
    op.create_table(
        "study_trials",
        sa.Column("study", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lease", sa.String(length=32), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=True),
        sa.Column("worker", sa.String(length=160), nullable=False),
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("given", sa.Float(precision=53), nullable=False),
        sa.Column("seen", sa.Float(precision=53), nullable=False),
        sa.Column("ended", sa.Float(precision=53), nullable=True),
        sa.Column("lost", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["study"], ["studies.id"], name=op.f("fk_study_trials_study"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("study", "number", name=op.f("pk_study_trials")),
        sa.UniqueConstraint("study", "key", name=op.f("uq_study_trials_study_key")),
    )
