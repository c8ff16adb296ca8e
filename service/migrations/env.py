"""What Alembic runs: on the connection that it was handed, in the transaction that is open there."""

from alembic import context

import tracking.tables
from service.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=[metadata, tracking.tables.metadata],
    transaction_per_migration=False,
    render_as_batch=True,
)
context.run_migrations()
