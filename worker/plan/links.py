"""How rows lead to people: declared foreign keys and the policy's links, as paths of at most MAX_HOPS steps.

A path is walked as nested EXISTS or IN, one table a scope, so that a condition of the policy (plain SQL) can only mean
the columns of its own table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from config.policy import Policy
from worker.databases.facts import Schema
from worker.plan.joins import InOrder

Test = sa.ColumnElement[bool]
MAX_HOPS = 5


@dataclass(frozen=True)
class Step:
    """From rows of `source` to rows of `target`. `delays_only` may keep a row or a person, never make one due."""

    source: str
    source_columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]
    where: str | None = None
    delays_only: bool = False
    declared: bool = True


@dataclass(frozen=True)
class Path:
    """Steps from a table to another; no step at all leads from a row to itself."""

    steps: tuple[Step, ...]

    @property
    def delays_only(self) -> bool:
        """Whether some step may only delay."""
        return any(s.delays_only for s in self.steps)


def true(condition: str) -> Test:
    """A policy's condition where it selects: neither true nor false does not select."""
    return sa.literal_column(f"(({condition}) IS TRUE)", sa.Boolean())


def not_false(condition: str) -> Test:
    """A policy's condition where it protects: neither true nor false counts."""
    return sa.literal_column(f"(({condition}) IS NOT FALSE)", sa.Boolean())


class Links:
    """Every way from one table of the operator's database to another."""

    def __init__(self, policy: Policy, schema: Schema) -> None:
        self.schema = schema
        self.subject = policy.subject.table
        self.steps = _steps(policy, schema)
        self._paths: dict[tuple[str, str], tuple[Path, ...]] = {}

    @cached_property
    def _by_source(self) -> Mapping[str, list[Step]]:
        found: dict[str, list[Step]] = {}
        for step in self.steps:
            found.setdefault(step.source, []).append(step)
        return found

    def paths(self, source: str, target: str) -> tuple[Path, ...]:
        """All ways from `source` to `target` that pass no table twice; a table leads to itself in no step."""
        if source == target:
            return (Path(()),)
        if (source, target) not in self._paths:
            found: list[Path] = []
            self._walk(source, target, (), {source}, found)
            self._paths[(source, target)] = tuple(found)
        return self._paths[(source, target)]

    def _walk(self, at: str, goal: str, steps: tuple[Step, ...], seen: set[str], found: list[Path]) -> None:
        if len(steps) == MAX_HOPS:
            return
        for step in self._by_source.get(at, ()):
            if step.target == goal:
                found.append(Path((*steps, step)))
            elif step.target not in seen and step.target != self.subject:
                self._walk(step.target, goal, (*steps, step), seen | {step.target}, found)

    def to_people(self, table: str) -> tuple[Path, ...]:
        """All ways from a table to the subject."""
        return self.paths(table, self.subject)

    def finding(self, table: str, unit: str) -> tuple[Path, ...]:
        """The ways by which a stage may find rows: never over a link that only delays."""
        return tuple(p for p in self.paths(table, unit) if not p.delays_only)

    def alias(self, table: str) -> sa.FromClause:
        """The table under a name of its own."""
        return self.schema.tables[table].table.alias()

    def forward(self, path: Path, row: sa.FromClause, then: Callable[[sa.FromClause], Test]) -> Test:
        """Whether `row` leads along the path to a row for which `then` holds. Protects: an unknown link condition
        counts. The step's condition stands in the scope of `row`."""
        if not path.steps:
            return then(row)
        step, rest = path.steps[0], Path(path.steps[1:])
        target = self.alias(step.target)
        inner = sa.and_(self.join(step, row, target), self.forward(rest, target, then))
        reached = exists(target, inner)
        return reached if step.where is None else sa.and_(not_false(step.where), reached)

    def backward(
        self,
        path: Path,
        row: sa.FromClause,
        then: Callable[[sa.FromClause], Test],
        condition: Callable[[str], Test] = not_false,
    ) -> Test:
        """Whether some row at the path's beginning, for which `then` holds, leads to `row`."""
        if not path.steps:
            return then(row)
        step, rest = path.steps[-1], Path(path.steps[:-1])
        source = self.alias(step.source)
        tests = [self.join(step, source, row)]
        if step.where is not None:
            tests.append(condition(step.where))
        return exists(source, sa.and_(*tests, self.backward(rest, source, then, condition)))

    def found_by(
        self,
        path: Path,
        row: sa.FromClause,
        target_is: Callable[[sa.FromClause], Test],
        condition: Callable[[str], Test] = true,
    ) -> Test:
        """The same as `forward`, as nested IN: the form that starts at few known targets and uses the indexes of the
        rows. Finds, unless told otherwise: an unknown link condition does not select."""
        if not path.steps:
            return target_is(row)
        step, rest = path.steps[0], Path(path.steps[1:])
        target = self.alias(step.target)
        left, right = self.columns(step, row, target)
        inner = sa.select(*right).select_from(target).where(self.found_by(rest, target, target_is, condition))
        side = left[0] if len(left) == 1 else sa.tuple_(*left)
        inside = side.in_(inner.correlate_except(target))
        return inside if step.where is None else sa.and_(condition(step.where), inside)

    def reached_from(self, path: Path, row: sa.FromClause, source_is: Callable[[sa.FromClause], Test]) -> Test:
        """The same as `backward`, as nested IN: the form that starts at few known rows at the path's beginning."""
        if not path.steps:
            return source_is(row)
        step, rest = path.steps[-1], Path(path.steps[:-1])
        source = self.alias(step.source)
        left, right = self.columns(step, source, row)
        tests = [self.reached_from(rest, source, source_is)]
        if step.where is not None:
            tests.append(not_false(step.where))
        inner = sa.select(*left).select_from(source).where(*tests)
        side = right[0] if len(right) == 1 else sa.tuple_(*right)
        return side.in_(inner.correlate_except(source))

    def filtered(self, table: str, *tests: Test) -> sa.FromClause:
        """The table's rows that pass the tests, which may be a policy's plain SQL: it can only mean this table."""
        if not tests:
            return self.alias(table)
        source = self.schema.tables[table].table
        return sa.select(*source.c).where(*tests).subquery()

    def source(self, path: Path, *tests: Test, condition: Callable[[str], Test] = not_false) -> sa.FromClause:
        """The rows at a path's beginning that pass the tests and the first step's own condition."""
        where = path.steps[0].where
        return self.filtered(path.steps[0].source, *tests, *([condition(where)] if where is not None else []))

    def chain(
        self,
        path: Path,
        source: sa.FromClause,
        target: sa.FromClause,
        condition: Callable[[str], Test] = not_false,
    ) -> sa.Join:
        """`source` joined along the path's steps to `target`, which has the columns that the last step joins."""
        joined: sa.FromClause = source
        at = source
        for place, step in enumerate(path.steps):
            following = path.steps[place + 1] if place + 1 < len(path.steps) else None
            if following is None:
                next_table = target
            else:
                where = following.where
                next_table = self.filtered(step.target, *([condition(where)] if where is not None else []))
            joined = joined.join(next_table, self.join(step, at, next_table))
            at = next_table
        assert isinstance(joined, sa.Join)
        return joined

    def chain_back(self, path: Path, few: sa.FromClause, source: sa.FromClause) -> sa.Join:
        """The same for a target of few rows, where the joining has to begin."""
        joined = few
        at = few
        for place, step in reversed(list(enumerate(path.steps))):
            where = step.where
            rows = self.filtered(step.source, *([not_false(where)] if where is not None else [])) if place else source
            joined = (InOrder if self._is_served(step) else sa.Join)(joined, rows, self.join(step, rows, at))
            at = rows
        assert isinstance(joined, sa.Join)
        return joined

    def _is_served(self, step: Step) -> bool:
        """Whether an index finds the rows at the step's beginning. Without one a table is better read once than once
        for each row; SQLite makes an index of its own then."""
        source, target = (self.schema.tables[t].table for t in (step.source, step.target))
        compared, _ = self.columns(step, source, target)
        as_they_are = all(a is source.c[b] for a, b in zip(compared, step.source_columns, strict=True))
        served = self.schema.tables[step.source].served(step.source_columns) is not None
        return self.schema.dialect == "sqlite" or (as_they_are and served)

    def join(self, step: Step, source: sa.FromClause, target: sa.FromClause) -> Test:
        """The step's equality."""
        left, right = self.columns(step, source, target)
        return sa.and_(*(a == b for a, b in zip(left, right, strict=True)))

    def columns(
        self, step: Step, source: sa.FromClause, target: sa.FromClause
    ) -> tuple[list[sa.ColumnElement[Any]], list[sa.ColumnElement[Any]]]:
        """Both sides of a step; where an undeclared link joins a text with another type, both are compared as text."""
        left: list[sa.ColumnElement[Any]] = []
        right: list[sa.ColumnElement[Any]] = []
        for a, b in zip(step.source_columns, step.target_columns, strict=True):
            x, y = source.c[a], target.c[b]
            if self.schema.dialect != "sqlite" and isinstance(x.type, sa.String) != isinstance(y.type, sa.String):
                left.append(x if isinstance(x.type, sa.String) else sa.cast(x, sa.Text()))
                right.append(y if isinstance(y.type, sa.String) else sa.cast(y, sa.Text()))
            else:
                left.append(x)
                right.append(y)
        return left, right


def exists(source: sa.FromClause, *tests: Test) -> Test:
    """EXISTS over one table, correlated with everything around it."""
    query: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(source).where(*tests)
    return sa.exists(query.correlate_except(source))


def _steps(policy: Policy, schema: Schema) -> tuple[Step, ...]:
    declared = [
        Step(name, fk.columns, fk.target, fk.target_columns)
        for name, facts in schema.tables.items()
        for fk in facts.foreign_keys
        if fk.target in schema.tables
    ]
    by_policy = [
        Step(
            link.source.table,
            (link.source.column,),
            link.target.table,
            (link.target.column,),
            link.where,
            link.delays_only,
            declared=False,
        )
        for link in policy.links
        if link.source.table in schema.tables and link.target.table in schema.tables
    ]
    return (*declared, *by_policy)
