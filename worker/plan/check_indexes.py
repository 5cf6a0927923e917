"""Indexes whose lack makes every slice read a whole table: warnings with the DDL to copy."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.sql.compiler import IdentifierPreparer

from config.catalogue import text
from config.names import split_table
from worker.plan.check_ground import Ground
from worker.plan.check_links import unit_of
from worker.plan.links import Step
from worker.plan.scene import by_person

LARGE = 1000  # rows; a smaller table is read faster than an index is


@dataclass(frozen=True)
class Wanted:
    """Columns that merzim looks rows up by and no index starts with; `path` is where the policy makes it do so."""

    table: str
    columns: tuple[str, ...]
    path: str


def wanted_indexes(ground: Ground) -> list[Wanted]:
    """Every lookup without an index, whatever the size of its table."""
    first: dict[tuple[str, str], Wanted] = {}
    for wanted in _lookups(ground):
        facts = ground.table(wanted.table)
        if facts is not None and facts.changeable and not facts.indexed(wanted.columns[0]):
            first.setdefault((wanted.table, wanted.columns[0]), wanted)
    return list(first.values())


def warn_of_scan(ground: Ground, wanted: Wanted, rows: int, preparer: IdentifierPreparer) -> None:
    """Note one index that is missing on a table of so many rows."""
    if rows < LARGE:
        return
    columns = ", ".join(wanted.columns)
    sentence = text("check_indexes.scan", table=wanted.table, columns=columns, rows=str(rows))
    ground.warning(wanted.path, sentence, _ddl(ground, wanted, preparer))


def _ddl(ground: Ground, wanted: Wanted, preparer: IdentifierPreparer) -> str:
    table = preparer.format_table(ground.schema.tables[wanted.table].table)
    columns = ", ".join(preparer.quote(c) for c in wanted.columns)
    if ground.schema.dialect == "postgresql":
        return f"CREATE INDEX CONCURRENTLY ON {table} ({columns});".replace("%%", "%")  # PostgreSQL finds a name itself
    name = preparer.quote("_".join([split_table(wanted.table)[1], *wanted.columns]))
    return f"CREATE INDEX {name} ON {table} ({columns});"


def _lookups(ground: Ground) -> Iterator[Wanted]:
    policy = ground.policy
    subject = policy.subject
    if subject.same_person is not None and ground.column(subject.table, subject.same_person) is not None:
        yield Wanted(subject.table, (subject.same_person,), "subject.same person")
    ways = [(f"clock[{i}]", e.column.table, subject.table) for i, e in enumerate(policy.clock)]
    ways += [(f"holds.{name}.exists", hold.exists, subject.table) for name, hold in policy.holds.items()]
    for stage in policy.stages.values():
        unit = unit_of(ground, stage)
        ways += [(f"stages.{stage.name}.tables.{table}", table, unit) for table in stage.tables]
        if not by_person(stage.origin):
            event = stage.origin.events[0].column
            if ground.column(event.table, event.column) is not None:
                yield Wanted(event.table, (event.column,), f"stages.{stage.name}.from")
    for path, source, target in ways:
        for way in ground.links.paths(source, target):
            for step in way.steps:
                yield from _step(ground, step, path)
    yield from _children(ground)


def _step(ground: Ground, step: Step, path: str) -> Iterator[Wanted]:
    yield Wanted(step.source, step.source_columns, path)
    if not step.declared:  # a declared one points to a key
        yield Wanted(step.target, step.target_columns, path)


def _children(ground: Ground) -> Iterator[Wanted]:
    """Before a row is deleted, the database and merzim look for rows that refer to it."""
    deleted = {rule.table: rule.path for rule in ground.rules if rule.deletes}
    for name, facts in ground.schema.tables.items():
        for fk in facts.foreign_keys:
            if fk.target in deleted:
                yield Wanted(name, fk.columns, deleted[fk.target])
