"""What clients of MLflow tell beyond runs: tags of experiments, what runs saw and made, models."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "experiment_tags",
        sa.Column("experiment", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment"], ["experiments.id"], name=op.f("fk_experiment_tags_experiment"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("experiment", "name", name=op.f("pk_experiment_tags")),
    )
    op.create_table(
        "run_links",
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=600), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name=op.f("fk_run_links_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "kind", "name", name=op.f("pk_run_links")),
    )
    op.create_table(
        "logged_models",
        sa.Column("id", sa.String(length=34), nullable=False),
        sa.Column("project", sa.String(length=32), nullable=False),
        sa.Column("experiment", sa.Integer(), nullable=False),
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("own", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("kind", sa.String(length=250), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("created", sa.Float(precision=53), nullable=False),
        sa.Column("changed", sa.Float(precision=53), nullable=False),
        sa.Column("deleted", sa.Float(precision=53), nullable=True),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("metrics", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment"], ["experiments.id"], name=op.f("fk_logged_models_experiment"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name=op.f("fk_logged_models_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logged_models")),
    )
    op.create_index("ix_logged_models_project_created", "logged_models", ["project", "created"], unique=False)
    op.create_index("ix_logged_models_run", "logged_models", ["run"], unique=False)
