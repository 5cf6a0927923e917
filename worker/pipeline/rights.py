"""The least that the nightly role needs on the operator's tables (clause 4.1: least privilege)."""

import sqlalchemy as sa

from config.policy import Policy
from worker.databases.base import Database


def rights_needed(connection: sa.Connection, database: Database, policy: Policy) -> dict[str, set[str]]:
    """Privileges by table: SELECT on all that the plan reads; UPDATE where rows are changed or locked, DELETE where
    they go. PostgreSQL asks for UPDATE before it lets a row be locked."""
    named = {t for s in policy.stages.values() for t in s.tables}
    named |= {c.table for kind in policy.identifiers.values() for together in kind for c in together}
    schema = database.schema(connection, [policy.subject.table, *named])
    needed: dict[str, set[str]] = {t: {"SELECT"} for t, f in schema.tables.items() if f.changeable}

    def add(table: str, *rights: str) -> None:
        needed.setdefault(table, {"SELECT"}).update(rights)

    add(policy.subject.table, "UPDATE")
    for stage in policy.stages.values():
        for event in stage.origin.events:
            add(event.column.table, "UPDATE")
        for table, rule in stage.tables.items():
            add(table, "UPDATE")
            if rule.operation == "delete":
                add(table, "DELETE")
            for trigger in policy.triggers.values():
                for written in trigger.writes:
                    add(written, "INSERT")
    return needed
