"""What becomes of each column of a depersonalised table: the policy's words bound to strategies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.policy import ColumnRef, Policy, TableRule
from worker.databases.facts import Schema
from worker.plan.calendar import Test
from worker.plan.links import Links, Path, Step
from worker.strategies.registry import BoundStrategy, resolve

FOLLOWS = "follows"


@dataclass(frozen=True)
class Column:
    """One column of a rule with its strategy. For `follows`, `bound` is the strategy of the column followed and
    `followed` says which that is."""

    name: str
    bound: BoundStrategy
    followed: ColumnRef | None = None

    @property
    def made_in_python(self) -> bool:
        """Whether values leave Python in bulk; false where the database can make them."""
        return self.followed is None and self.bound.strategy.made_in == "python"

    @property
    def empties(self) -> bool:
        """Whether the column becomes NULL in every row."""
        return self.followed is None and self.bound.strategy.writes_null

    def looks_done(self, row: sa.FromClause, dialect: str) -> Test:
        """What must be true of the column afterwards."""
        return self.bound.strategy.looks_done(row.c[self.name], self.bound.argument, dialect)

    def expression(self, row: sa.FromClause, dialect: str) -> sa.ColumnElement[Any]:
        """The replacement, made by the database."""
        return self.bound.strategy.expression(row.c[self.name], self.bound.argument, dialect)


def columns_of(policy: Policy, rule: TableRule) -> tuple[Column, ...]:
    """Every treated column of a rule, in the policy's order. Raises UnknownStrategy."""
    found = []
    for treatment in rule.treatments:
        bound = resolve(treatment.spelling)
        if bound.strategy.name == FOLLOWS:
            followed = ColumnRef.parse(bound.argument or "")
            found += [Column(c, _strategy_of(policy, followed), followed) for c in treatment.columns]
        else:
            found += [Column(c, bound) for c in treatment.columns]
    return tuple(found)


def _strategy_of(policy: Policy, reference: ColumnRef) -> BoundStrategy:
    """The strategy that replaces a column somewhere in the policy. KeyError where none does (`coverage` says so)."""
    for stage in policy.stages.values():
        rule = stage.tables.get(reference.table)
        for treatment in rule.treatments if rule else ():
            if reference.column in treatment.columns:
                return resolve(treatment.spelling)
    raise KeyError(str(reference))


def looks_done(columns: Sequence[Column], row: sa.FromClause, dialect: str) -> Test:
    """Whether a whole row looks depersonalised."""
    return sa.and_(sa.true(), *(c.looks_done(row, dialect) for c in columns))


def nothing_left(columns: Sequence[Column], row: sa.FromClause, dialect: str) -> Test:
    """Whether a row certainly needs no treatment: only strategies whose look is a proof can say so (an invented name
    looks like a real one)."""
    if not columns or not all(c.bound.strategy.proves_done for c in columns):
        return sa.false()
    return looks_done(columns, row, dialect)


@dataclass(frozen=True)
class Carry:
    """A link column that changes in the same transaction as the subject's column it joins, to the same value."""

    step: Step
    table: str
    column: str
    followed: str


def carried(policy: Policy, links: Links, changed: Mapping[str, Column]) -> tuple[Carry, ...]:
    """Link columns with `follows` whose target is among the subject's changed columns."""
    found = []
    for stage in policy.stages.values():
        for table, rule in stage.tables.items():
            if rule.operation != "depersonalise":
                continue
            for column in columns_of(policy, rule):
                step = link_of(links, policy, table, column)
                if step is not None and column.followed is not None and column.followed.column in changed:
                    found.append(Carry(step, table, column.name, column.followed.column))
    return tuple(found)


def link_of(links: Links, policy: Policy, table: str, column: Column) -> Step | None:
    """The link that a `follows` column is, where it joins the subject's table."""
    if column.followed is None or column.followed.table != policy.subject.table:
        return None
    wanted = ((column.name,), (column.followed.column,))
    for step in links.steps:
        if (step.source, step.target) == (table, policy.subject.table) and wanted == (
            step.source_columns,
            step.target_columns,
        ):
            return step
    return None


def value_by_path(
    schema: Schema, links: Links, column: Column, table: str, row: sa.FromClause, dialect: str
) -> sa.ColumnElement[Any]:
    """The followed column's present value, reached from `row` by any way but the column itself, where it looks done."""
    assert column.followed is not None
    followed = column.followed
    target_type = schema.tables[followed.table].column(followed.column).type
    options: list[sa.ColumnElement[Any]] = []
    for path in links.paths(table, followed.table):
        if path.steps and path.steps[0].source_columns != (column.name,):
            options.append(_reached(links, path, row, followed, column, dialect))
    return sa.func.coalesce(*options, sa.null()) if options else sa.cast(sa.null(), target_type)


def _reached(
    links: Links, path: Path, row: sa.FromClause, followed: ColumnRef, column: Column, dialect: str
) -> sa.ColumnElement[Any]:
    step, rest = path.steps[0], Path(path.steps[1:])
    target = links.alias(step.target)
    value: sa.ColumnElement[Any]
    tests = [links.join(step, row, target)]
    if rest.steps:
        value = _reached(links, rest, target, followed, column, dialect)
    else:
        value = target.c[followed.column]
        done = column.bound.strategy.looks_done(value, column.bound.argument, dialect)
        tests += [done, value.is_not(None)]
    query = sa.select(sa.func.max(value)).select_from(target).where(*tests)
    return query.correlate_except(target).scalar_subquery()
