"""Alembic's entry: migrates the database whose connection `app.migrations` hands over."""

from alembic import context

from app.migrations import is_ours
from billing.tables import metadata
from scheduler import tables as _scheduler_tables  # noqa: F401 - adds its tables to the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_name=is_ours,
    render_as_batch=False,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
