"""A stage of the policy as queries: which units are due and why not, and which rows go with them.

A unit is what a batch lists: a person, or in a stage by rows one row of the table whose event the term counts from.
`reasons` is the predicate (promise 4): plan counts it, claim asks it again over locked keys, explain names it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from config.policy import Stage, TableRule
from worker.databases.facts import TableFacts
from worker.ledger.holds import active_holds_exist
from worker.plan.calendar import Moment, Test, moment
from worker.plan.links import Path, exists, not_false, true
from worker.plan.people import (
    ABSURD_ROW,
    BY_HAND,
    DONE,
    KEPT,
    People,
    RowTest,
    Scene,
    by_person,
    key_in,
)
from worker.plan.treatments import Column, columns_of, looks_done, nothing_left

DUE = "due"


@dataclass(frozen=True)
class RulePlan:
    """What a stage does to one table, bound to the live table and the strategies."""

    rule: TableRule
    facts: TableFacts
    columns: tuple[Column, ...]

    @property
    def table(self) -> str:
        """The table's name as the policy writes it."""
        return self.rule.table

    @property
    def deletes(self) -> bool:
        """Whether rows go altogether."""
        return self.rule.operation == "delete"


class StagePlan:
    """One stage at one moment. Pure: makes expressions, runs none."""

    def __init__(self, scene: Scene, people: People, stage: Stage) -> None:
        self.scene, self.people, self.stage = scene, people, stage
        self.name = stage.name
        self.qualified = scene.qualified(stage.name)
        self.by_person = by_person(stage.origin)
        self.unit = scene.policy.subject.table if self.by_person else stage.origin.events[0].column.table
        self.key = scene.schema.tables[self.unit].key
        self.rules = _ordered(scene, stage)
        today = scene.calendar.today
        self.cutoff = stage.term.cutoff(today)
        floor = scene.policy.floor.term.cutoff(today)
        self.person_cutoff = min(self.cutoff, floor) if stage.origin.subject else floor
        self.moments = [moment(scene.policy, scene.schema, scene.calendar, e) for e in stage.origin.events]

    def rule_of(self, table: str) -> RulePlan | None:
        """The stage's rule for a table, if it has one."""
        return next((r for r in self.rules if r.table == table), None)

    @property
    def unit_is_deleted(self) -> bool:
        """Whether the unit's own row goes, so that no tombstone is needed for a row's own clock."""
        rule = self.rule_of(self.unit)
        return rule is not None and rule.deletes

    def units(self) -> sa.FromClause:
        """The table of the units, under a name of its own."""
        return self.scene.links.alias(self.unit)

    def unit_filter(self, unit: sa.FromClause) -> Test:
        """Rows that the stage is about at all: where it has one rule only, those that its `where` selects."""
        rule = self.rule_of(self.unit)
        if not self.by_person and len(self.rules) == 1 and rule is not None and rule.rule.where is not None:
            return true(rule.rule.where)
        return sa.true()

    def reasons(self) -> list[tuple[str, RowTest]]:
        """Why a unit is not due, strongest first. None of them: due."""
        of_person = self.people.reasons(self.person_cutoff)
        if self.by_person:
            waits = [(KEPT, partial(self._waits_for, name)) for name in self.stage.origin.done]
            return [(DONE, self._hidden), *waits, *of_person]
        through_paths = [(state, partial(self._some_person, test)) for state, test in of_person]
        return [
            (DONE, self._hidden),
            (KEPT, self._own_event_keeps),
            *self._row_holds(self.unit),
            *through_paths,
            (ABSURD_ROW, self._own_event_absurd),
        ]

    def due(self, unit: sa.FromClause) -> Test:
        """The predicate: decidably past its term, not held, not done. AND of negations, for the planner's sake."""
        return sa.and_(self.unit_filter(unit), *(sa.not_(test(unit)) for _, test in self.reasons()))

    def state(self, unit: sa.FromClause) -> sa.ColumnElement[str]:
        """The same predicate with its reason, for counting and explaining."""
        whens = [(test(unit), sa.literal(state, sa.Text())) for state, test in self.reasons()]
        return sa.case(*whens, else_=sa.literal(DUE, sa.Text()))

    def rows(self, rule: RulePlan, row: sa.FromClause, unit_is: RowTest, also: RowTest) -> Test:
        """Rows of a rule's table to act on for the units that `unit_is` accepts: found over links, selected by `where`,
        not held themselves, belonging to no other person who is not due (`also` accepts persons known to be due), and
        not certainly done already."""
        return sa.and_(self.belongs(rule, row, unit_is), *self._selected(rule, row), self.free(rule.table, row, also))

    def free(self, table: str, row: sa.FromClause, also: RowTest) -> Test:
        """Whether nothing covers the row itself and it belongs to nobody who is not due (promise 5)."""
        held = [sa.not_(test(row)) for _, test in self._row_holds(table)]
        return sa.and_(sa.true(), *held, *(sa.not_(test) for test in self._others(table, row, also)))

    def belongs(self, rule: RulePlan, row: sa.FromClause, unit_is: RowTest) -> Test:
        """Whether the row is a unit's own, or leads to one over links that may make it due."""
        paths = self.scene.links.finding(rule.table, self.unit)
        if len(paths) == 1:
            return self.scene.links.found_by(paths[0], row, unit_is)
        inner = self.scene.links.alias(rule.table)
        key, outer = self.scene.key(rule.table, inner), self.scene.key(rule.table, row)
        each = [
            sa.select(*key).select_from(inner).where(self.scene.links.found_by(p, inner, unit_is)).correlate_except(inner)
            for p in paths
        ]
        side = outer[0] if len(outer) == 1 else sa.tuple_(*outer)
        return side.in_(sa.union(*each)) if each else sa.false()

    def left(self, unit: sa.FromClause) -> Test:
        """Whether rows of the unit are there that could be acted on now."""

        def actionable(rule: RulePlan, row: sa.FromClause) -> Test:
            return self.free(rule.table, row, self._is(unit))

        return self._some_row(unit, actionable)

    def waiting(self, unit: sa.FromClause, changed: Mapping[str, sa.BindParameter[Any]]) -> Test:
        """Whether rows of the unit remain undone, behind a hold, another person, or the slice's limit. `changed` are
        the keys that the slice has acted on, by table."""

        def unchanged(rule: RulePlan, row: sa.FromClause) -> Test:
            return sa.not_(key_in(self.scene.key(rule.table, row), changed[rule.table]))

        return self._some_row(unit, unchanged)

    def _some_row(self, unit: sa.FromClause, test: Callable[[RulePlan, sa.FromClause], Test]) -> Test:
        found = []
        for rule in self.rules:
            here = partial(self._selected_and, rule, test)
            for path in self.scene.links.finding(rule.table, self.unit):
                if path.steps:
                    found.append(self.scene.links.backward(path, unit, here, true))
                else:
                    source = self.scene.links.alias(rule.table)
                    found.append(exists(source, self._is(unit)(source), here(source)))
        return sa.or_(sa.false(), *found)

    def _selected_and(
        self, rule: RulePlan, test: Callable[[RulePlan, sa.FromClause], Test], row: sa.FromClause
    ) -> Test:
        return sa.and_(*self._selected(rule, row), test(rule, row))

    def referred_to(self, rule: RulePlan, row: sa.FromClause, gone: Mapping[str, sa.BindParameter[Any]]) -> Test:
        """For a delete: whether something that stays refers to the row. The database would refuse to delete it, or a
        cascade would destroy or change what nobody selected. `gone` are the keys this slice deletes, by table."""
        tests = []
        for name, facts in self.scene.schema.tables.items():
            for fk in facts.foreign_keys:
                if fk.target != rule.table or name == rule.table:
                    continue
                child = self.scene.links.alias(name)
                same = [child.c[a] == row.c[b] for a, b in zip(fk.columns, fk.target_columns, strict=True)]
                if name in gone:
                    same.append(sa.not_(key_in(self.scene.key(name, child), gone[name])))
                tests.append(exists(child, *same))
        return sa.or_(sa.false(), *tests)

    def _selected(self, rule: RulePlan, row: sa.FromClause) -> list[Test]:
        tests: list[Test] = [] if rule.rule.where is None else [true(rule.rule.where)]
        if not rule.deletes:
            tests.append(sa.not_(nothing_left(rule.columns, row, self.scene.dialect)))
        return tests

    def _others(self, table: str, row: sa.FromClause, also: RowTest) -> list[Test]:
        """Somebody else to whom the row belongs and who is not due."""
        if table == self.scene.policy.subject.table:
            return []

        def other(person: sa.FromClause) -> Test:
            return sa.and_(sa.not_(also(person)), self.people.not_due(person, self.person_cutoff))

        links = self.scene.links
        return [links.forward(path, row, other) for path in links.to_people(table)]

    def _some_person(self, test: RowTest, row: sa.FromClause) -> Test:
        links = self.scene.links
        return sa.or_(sa.false(), *(links.forward(p, row, test) for p in links.to_people(self.unit)))

    def _row_holds(self, table: str) -> list[tuple[str, RowTest]]:
        scene = self.scene

        def by_hand(row: sa.FromClause) -> Test:
            key = scene.key(table, row)
            rows = active_holds_exist(scene.ledger, "row", table, key, scene.dialect, scene.now_utc)
            return sa.or_(rows, active_holds_exist(scene.ledger, "table", table, key, scene.dialect, scene.now_utc))

        found: list[tuple[str, RowTest]] = [(BY_HAND, by_hand)]
        for name, hold in scene.policy.holds.items():
            paths = scene.links.paths(table, hold.exists) if hold.exists != scene.policy.subject.table else ()
            condition = hold.where
            for path in paths:
                if condition is not None:
                    found.append((f"held: {name}", partial(self._leads_to_hold, path, condition)))
        return found

    def _leads_to_hold(self, path: Path, condition: str, row: sa.FromClause) -> Test:
        return self.scene.links.forward(path, row, lambda _: not_false(condition))

    def _own_event(self, m: Moment, row: sa.FromClause, test: Any) -> Test:
        def counts(source: sa.FromClause) -> Test:
            found: Test = test(m, source)
            return found if m.event.where is None else sa.and_(not_false(m.event.where), found)

        links = self.scene.links
        if m.table == self.unit:
            return counts(row)
        upwards = [links.forward(p, row, counts) for p in links.paths(self.unit, m.table)]
        downwards = [links.backward(p, row, counts) for p in links.paths(m.table, self.unit)]
        return sa.or_(sa.false(), *upwards, *downwards)

    def _own_event_keeps(self, row: sa.FromClause) -> Test:
        first = self.moments[0]
        began = first.of(row).is_not(None)
        recent = [self._own_event(m, row, lambda m, source: m.recent(source, self.cutoff)) for m in self.moments]
        return sa.or_(sa.not_(began), *recent)

    def _own_event_absurd(self, row: sa.FromClause) -> Test:
        return sa.or_(*(self._own_event(m, row, lambda m, source: m.absurd(source)) for m in self.moments))

    def _is(self, unit: sa.FromClause) -> RowTest:
        return lambda row: sa.and_(*(row.c[c] == unit.c[c] for c in self.key if c in row.c and c in unit.c))

    def _hidden(self, unit: sa.FromClause) -> Test:
        """Done before: a tombstone, nothing newer than the clock it was decided on, and the row still looks done."""
        if self.unit_is_deleted and not self.by_person:
            return sa.false()
        stone = self.scene.ledger.tombstone.alias()
        match = self.scene.codec(self.unit).match(stone, self.scene.key(self.unit, unit), self.scene.dialect)
        complete = sa.or_(sa.not_(stone.c.remains), sa.not_(self.left(unit)))
        known = exists(stone, stone.c.stage == self.qualified, match, complete, sa.not_(self._newer(unit, stone)))
        rule = self.rule_of(self.unit)
        if rule is None or rule.deletes:
            return known
        done = looks_done(rule.columns, unit, self.scene.dialect)
        selected = true(rule.rule.where) if rule.rule.where is not None else sa.true()
        # A row held by itself may look undone for as long as it is held.
        held = [test(unit) for _, test in self._row_holds(self.unit)]
        return sa.and_(known, sa.or_(done, sa.not_(selected), *held))

    def _newer(self, unit: sa.FromClause, stone: sa.FromClause) -> Test:
        clock = sa.type_coerce(stone.c.clock, sa.String()) if self.scene.dialect == "sqlite" else stone.c.clock

        def newer(m: Moment, source: sa.FromClause) -> Test:
            return sa.and_(m.utc(source) > clock, m.settled(source, m.calendar.sane_until))

        if self.by_person:
            return self.people.has_event(unit, newer)
        return sa.or_(*(self._own_event(m, unit, newer) for m in self.moments))

    def _waits_for(self, name: str, person: sa.FromClause) -> Test:
        """For `done`: something of the other stage is not done for the person, or was done less than the term ago."""
        other = self.scene.policy.stages[name]
        scene = self.scene
        stone = scene.ledger.tombstone.alias()
        limit = scene.calendar.start(self.cutoff).replace(tzinfo=None)

        def done_long_ago(table: str, row: sa.FromClause) -> Test:
            match = scene.codec(table).match(stone, scene.key(table, row), scene.dialect)
            return exists(
                stone, stone.c.stage == scene.qualified(name), match, sa.not_(stone.c.remains), stone.c.done_at < limit
            )

        if by_person(other.origin):
            return sa.not_(done_long_ago(scene.policy.subject.table, person))
        table = other.origin.events[0].column.table
        tests = [
            scene.links.backward(path, person, lambda row: sa.not_(done_long_ago(table, row)))
            for path in scene.links.to_people(table)
        ]
        return sa.or_(sa.false(), *tests)

    def clock(self, unit: sa.FromClause) -> Sequence[sa.ColumnElement[Any]]:
        """The moments decided on, as columns; the largest is the unit's clock."""
        if self.by_person:
            return self.people.newest(unit)
        first = self.moments[0]
        return [first.utc(unit)]


def _ordered(scene: Scene, stage: Stage) -> tuple[RulePlan, ...]:
    """The order in which a slice acts: deletes, children before parents; then updates, the subject before what follows
    it; last the tables that our own triggers write to (`after`)."""
    plans = [
        RulePlan(rule, scene.schema.tables[table], columns_of(scene.policy, rule))
        for table, rule in stage.tables.items()
    ]
    early = [p for p in plans if not p.rule.after]
    deletes = _children_first([p for p in early if p.deletes])
    subject = scene.policy.subject.table
    updates = sorted((p for p in early if not p.deletes), key=lambda p: p.table != subject)
    return (*deletes, *updates, *(p for p in plans if p.rule.after))


def _children_first(plans: list[RulePlan]) -> list[RulePlan]:
    ordered: list[RulePlan] = []
    rest = list(plans)
    while rest:
        referred = {fk.target for p in rest for fk in p.facts.foreign_keys if fk.target != p.table}
        free = [p for p in rest if p.table not in referred] or rest[:1]
        ordered += free
        rest = [p for p in rest if p not in free]
    return ordered
