"""What a plan counts: units by the verdict on them, and the rows that go with them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from worker.databases.base import Database
from worker.plan.keys import Key, Keys
from worker.plan.links import true
from worker.plan.ranks import DONE, DUE, KEPT, NAMED
from worker.plan.rows import RulePlan
from worker.plan.stages import StagePlan

QUARANTINE_LIMIT = 10_000
UNITS = -1  # the place of what is said of units; the rules' tables have theirs
EVERY = "every"  # row, whatever the verdict


@dataclass
class Counted:
    """`due`: keys, the longest overdue first (what does not fit into a window or a quota has waited least), then in key
    order. `states`: units by verdict. `rows`: of each table, those that stay, by the verdict on their unit."""

    due: Keys = field(default_factory=Keys)
    states: dict[str, int] = field(default_factory=dict)
    quarantine: list[tuple[Key, str]] = field(default_factory=list)
    rows: dict[str, dict[str, int]] = field(default_factory=dict)

    def unit(self, key: Key, state: str, count: int) -> None:
        """Note the verdict on one unit, or on many of which no key is known."""
        self.states[state] = self.states.get(state, 0) + count
        if state == DUE:
            self.due.append(key)
        elif state.startswith("quarantined") and len(self.quarantine) < QUARANTINE_LIMIT:
            self.quarantine.append((key, state.removeprefix("quarantined: ")))


def count_tables(connection: sa.Connection, stages: Sequence[StagePlan]) -> dict[str, int]:
    """All rows of each table of the stages."""
    tables = {rule.table: rule.facts.table for stage in stages for rule in stage.rules}
    tables |= {stage.unit: stage.facts.table for stage in stages}
    count = sa.select(sa.func.count())
    return {name: connection.execute(count.select_from(table)).scalar_one() for name, table in tables.items()}


def count_verdicts(
    connection: sa.Connection, database: Database, stage: StagePlan, totals: Mapping[str, int]
) -> Counted:
    """All of it by one question: a database that keeps a relation for as long as a question asks the predicate once."""
    found = Counted(rows={rule.table: {} for rule in stage.rules})
    verdicts = stage.planned(bool(connection.execute(stage.outlived()).scalar_one()))
    for place, *key, state, _, count in database.rows(connection, _question(stage, verdicts)):
        if place == UNITS:
            found.unit(tuple(key), state, count)
        else:
            of_table = found.rows[stage.rules[place].table]
            of_table[state] = of_table.get(state, 0) + count
    if stage.leaves_out_kept:
        _rest_is_kept(found.states, totals[stage.unit])
    found.rows = {table: _that_stay(rows) for table, rows in found.rows.items()}
    if stage.unit in found.rows:
        found.rows[stage.unit] = {state: n for state, n in found.states.items() if state != DUE}
    return found


def _rest_is_kept(states: dict[str, int], total: int) -> None:
    """Who has no part in the verdicts is kept."""
    if kept := total - sum(states.values()):
        states[KEPT] = states.get(KEPT, 0) + kept


def _that_stay(rows: dict[str, int]) -> dict[str, int]:
    if EVERY in rows:
        _rest_is_kept(rows, rows.pop(EVERY))
    return {state: n for state, n in rows.items() if n and state not in (DUE, DONE)}


def _question(stage: StagePlan, verdicts: sa.CTE) -> sa.Select[Any]:
    """(place, key_0…, state, clock, n)."""
    parts = [_units(stage, verdicts)]
    for place, rule in enumerate(stage.rules):
        if rule.table != stage.unit:
            parts += _rows_with_units(stage, rule, place, verdicts)
    union = sa.union_all(*parts).subquery()
    return sa.select(*union.c).order_by(union.c.place, union.c.clock, *stage.keys(union))


def _units(stage: StagePlan, verdicts: sa.CTE) -> sa.Select[Any]:
    """Each unit's key, state and clock. Units of which a plan only says how many come as one row with their count."""
    named = verdicts.c.state.in_(NAMED)
    keys = [sa.case((named, k), else_=None).label(k.name) for k in stage.keys(verdicts)]
    clock = sa.case((verdicts.c.state == DUE, verdicts.c.clock), else_=None).label("clock")
    inner = sa.select(*keys, verdicts.c.state, clock).subquery()
    return sa.select(_place(UNITS), *inner.c, sa.func.count().label("n")).group_by(*inner.c)


def _rows_with_units(stage: StagePlan, rule: RulePlan, place: int, verdicts: sa.CTE) -> Iterator[sa.Select[Any]]:
    """Rows of another table than the units', counted by the verdict on the unit that they lead to."""
    links = stage.scene.links
    nothing = [sa.null().label(name) for name in (*(k.name for k in stage.keys(verdicts)), "clock")]

    def counted(state: sa.ColumnElement[str], rows: sa.FromClause) -> sa.Select[Any]:
        return sa.select(_place(place), *nothing[:-1], state, nothing[-1], sa.func.count().label("n")).select_from(rows)

    for path in links.finding(rule.table, stage.unit):
        unit = stage.units()
        joined = links.chain(path, links.source(path, condition=true), unit, true)
        same = sa.and_(*(k == unit.c[c] for k, c in zip(stage.keys(verdicts), stage.key, strict=True)))
        yield counted(verdicts.c.state, joined.join(verdicts, same)).group_by(verdicts.c.state)
        if stage.leaves_out_kept:
            yield counted(sa.literal(EVERY, sa.Text()).label("state"), joined)


def _place(number: int) -> sa.Label[Any]:
    column: sa.ColumnElement[Any] = sa.literal_column(str(number))
    return column.label("place")
