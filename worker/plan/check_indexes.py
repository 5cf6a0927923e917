"""By which columns merzim looks rows up, and which index serves that; where none does, every slice reads a whole table:
warnings with the DDL to copy."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.sql.compiler import IdentifierPreparer

from config.catalogue import text
from config.names import split_table
from worker.plan.check_ground import Ground
from worker.plan.check_keys import tables_with_keys
from worker.plan.check_links import unit_of
from worker.plan.scene import by_person

LARGE = 1000  # rows; a smaller table is read faster than an index is


Purpose = Literal["key", "same_person", "order", "clock", "hold", "stage", "children"]


@dataclass(frozen=True)
class Lookup:
    """Columns that merzim looks rows up by: `path` is where the policy makes it do so, `step` what for."""

    step: Purpose
    table: str
    columns: tuple[str, ...]
    path: str


def lookups(ground: Ground) -> list[Lookup]:
    """Every lookup in tables that can be changed, each once."""
    found = dict.fromkeys(_lookups(ground))
    return [k for k in found if (facts := ground.table(k.table)) is not None and facts.changeable]


def index_of(ground: Ground, lookup: Lookup) -> str | None:
    """The name of the index that serves a lookup, or that it is the primary key; None if there is none."""
    facts = ground.schema.tables[lookup.table]
    columns = facts.served(lookup.columns)
    if columns is None:
        return None
    return facts.index_names.get(columns) or text("check_indexes.key", columns=", ".join(columns))


def wanted_indexes(ground: Ground) -> list[Lookup]:
    """Every lookup without an index, whatever the size of its table."""
    first: dict[tuple[str, str], Lookup] = {}
    for lookup in lookups(ground):
        if lookup.step != "key" and index_of(ground, lookup) is None:
            first.setdefault((lookup.table, lookup.columns[0]), lookup)
    return list(first.values())


def warn_of_scan(ground: Ground, wanted: Lookup, rows: int, preparer: IdentifierPreparer) -> None:
    """Note one index that is missing on a table of so many rows."""
    if rows < LARGE:
        return
    columns = ", ".join(wanted.columns)
    sentence = text("check_indexes.scan", table=wanted.table, columns=columns, rows=str(rows))
    ground.warning(wanted.path, sentence, index_ddl(ground, wanted, preparer))


def index_ddl(ground: Ground, wanted: Lookup, preparer: IdentifierPreparer) -> str:
    """The statement that makes the index."""
    table = preparer.format_table(ground.schema.tables[wanted.table].table)
    columns = ", ".join(preparer.quote(c) for c in wanted.columns)
    if ground.schema.dialect == "postgresql":
        return f"CREATE INDEX CONCURRENTLY ON {table} ({columns});".replace("%%", "%")  # PostgreSQL finds a name itself
    name = preparer.quote("_".join([split_table(wanted.table)[1], *wanted.columns]))
    return f"CREATE INDEX {name} ON {table} ({columns});"


def _lookups(ground: Ground) -> Iterator[Lookup]:
    policy = ground.policy
    subject = policy.subject
    for table, path in tables_with_keys(ground).items():
        if (facts := ground.table(table)) is not None and facts.key:
            yield Lookup("key", table, facts.key, path)
    if subject.same_person is not None and ground.column(subject.table, subject.same_person) is not None:
        yield Lookup("same_person", subject.table, (subject.same_person,), "subject.same person")
    for i, event in enumerate(policy.clock):
        yield from _ways(ground, "clock", event.column.table, subject.table, f"clock[{i}]")
    for name, hold in policy.holds.items():
        yield from _ways(ground, "hold", hold.exists, subject.table, f"holds.{name}.exists")
    for stage in policy.stages.values():
        if not by_person(stage.origin):
            event_column = stage.origin.events[0].column
            if ground.column(event_column.table, event_column.column) is not None:
                yield Lookup("order", event_column.table, (event_column.column,), f"stages.{stage.name}.from")
        for table in stage.tables:
            yield from _ways(ground, "stage", table, unit_of(ground, stage), f"stages.{stage.name}.tables.{table}")
    yield from _children(ground)


def _ways(ground: Ground, purpose: Purpose, source: str, target: str, path: str) -> Iterator[Lookup]:
    for way in ground.links.paths(source, target):
        for step in way.steps:
            yield Lookup(purpose, step.source, step.source_columns, path)
            if not step.declared:  # a declared one points to a key
                yield Lookup(purpose, step.target, step.target_columns, path)


def _children(ground: Ground) -> Iterator[Lookup]:
    """Before a row is deleted, the database and merzim look for rows that refer to it."""
    deleted = {rule.table: rule.path for rule in ground.rules if rule.deletes}
    for name, facts in ground.schema.tables.items():
        for fk in facts.foreign_keys:
            if fk.target in deleted:
                yield Lookup("children", name, fk.columns, deleted[fk.target])
