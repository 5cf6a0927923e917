"""What alembic runs for every command: it works on the connection that `migrate` was given."""

from alembic import context

from worker.ledger.version import version_table

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    version_table=version_table(attributes["schema"]),
    version_table_schema=attributes["schema"],
    # SQLite too rolls DDL back, when the transaction was begun explicitly; MariaDB commits it.
    transactional_ddl=attributes["connection"].dialect.name != "mysql",
)
with context.begin_transaction():
    context.run_migrations()
