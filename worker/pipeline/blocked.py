"""People whom the law blocks, counted without all that a plan needs: `status` is asked often."""

import sqlalchemy as sa

from config.names import split_table
from config.policy import Policy


def blocked_people(connection: sa.Connection, policy: Policy) -> int | None:
    """How many people the law blocks, whatever else keeps them; None where the policy names no column for it."""
    subject = policy.subject
    schema, name = split_table(subject.table)
    if subject.blocked is None or not sa.inspect(connection).has_table(name, schema=schema):
        return None
    column: sa.ColumnClause[object] = sa.column(subject.blocked)
    query = sa.select(sa.func.count()).select_from(sa.table(name, column, schema=schema)).where(column.is_not(None))
    return int(connection.scalar(query) or 0)
