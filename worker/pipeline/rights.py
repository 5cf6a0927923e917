"""The least that the nightly role needs on the operator's tables (clause 4.1: least privilege)."""

import sqlalchemy as sa

from config.policy import Policy, Stage
from worker.databases.base import Database
from worker.plan.links import Links


def rights_needed(connection: sa.Connection, database: Database, policy: Policy) -> dict[str, set[str]]:
    """Privileges by table: SELECT on all that the plan reads; UPDATE where rows are changed or locked, those that lie
    between included, DELETE where they go. PostgreSQL asks for UPDATE before it lets a row be locked."""
    named = {t for s in policy.stages.values() for t in s.tables}
    named |= {c.table for kind in policy.identifiers.values() for together in kind for c in together}
    schema = database.schema(connection, [policy.subject.table, *named])
    needed: dict[str, set[str]] = {t: {"SELECT"} for t, f in schema.tables.items() if f.changeable}

    def add(table: str, *rights: str) -> None:
        needed.setdefault(table, {"SELECT"}).update(rights)

    add(policy.subject.table, "UPDATE")
    links = Links(policy, schema)
    for stage in policy.stages.values():
        for event in stage.origin.events:
            add(event.column.table, "UPDATE")
        for table, rule in stage.tables.items():
            for locked in (table, *_between(links, policy, stage, table)):
                add(locked, "UPDATE")
            if rule.operation == "delete":
                add(table, "DELETE")
            for trigger in policy.triggers.values():
                for written in trigger.writes:
                    add(written, "INSERT")
    return needed


def _between(links: Links, policy: Policy, stage: Stage, table: str) -> set[str]:
    """Tables over which rows of a table lead to people, units, what may hold them, and events that count for them."""
    events = [event.column.table for event in stage.origin.events]
    goals = {policy.subject.table, *(h.exists for h in policy.holds.values()), *events}
    ways = [path for goal in goals for path in links.paths(table, goal)]
    ways += [path for event in events for path in links.paths(event, table)]
    found = {name for path in ways for step in path.steps for name in (step.source, step.target)}
    return {name for name in found if links.schema.tables[name].changeable}
