"""A stage of the policy as queries: the verdict on each of its units, and which rows go with them.

A unit is what a batch lists: a person, or in a stage by rows one row of the table whose event the term counts from.
`verdicts` is the one predicate (promise 4): plan counts it, claim asks it again over locked keys, explain names it.
"""

from functools import cached_property, partial
from typing import Any, Literal

import sqlalchemy as sa

from config.policy import Stage
from worker.ledger.holds import in_force
from worker.plan.calendar import Moment, Test, moment
from worker.plan.key_lists import key_in_query
from worker.plan.leftovers import StageLeftovers
from worker.plan.links import Path, exists, not_false, true
from worker.plan.people import People
from worker.plan.ranks import ABSURD_ROW, BY_HAND, DONE, DUE, KEPT, NO_EVENT
from worker.plan.scene import RowTest, Scene, by_person
from worker.plan.treatments import looks_done
from worker.plan.zones import CLOCK

Stones = Literal["none", "whole", "in part"]


class StagePlan(StageLeftovers):
    """One stage at one moment. Pure: makes expressions, runs none."""

    def __init__(self, scene: Scene, people: People, stage: Stage) -> None:
        super().__init__(scene, people, stage)
        self.name = stage.name
        self.qualified = scene.qualified(stage.name)
        self.moments = [moment(scene.policy, scene.schema, scene.calendar, e) for e in stage.origin.events]

    @property
    def unit_is_deleted(self) -> bool:
        """Whether the unit's own row goes, so that no tombstone is needed for a row's own clock."""
        rule = self.rule_of(self.unit)
        return rule is not None and rule.deletes

    def units(self) -> sa.FromClause:
        """The table of the units, under a name of its own."""
        return self.scene.links.alias(self.unit)

    def verdicts(self, only: RowTest | None = None, stones: Stones = "in part", alone: bool = False) -> sa.CTE:
        """(key_0…, state, clock) of each unit, or of those whose row passes `only`. One relation for every question.
        What is known already is not looked for: `stones`, of the units' tombstones (to look for what is left is most of
        the question); `alone`, that no other row belongs to the same people."""
        if not self.by_person:
            return self._of_rows(only, stones, alone)
        people, unit = self.people.everybody() if only is None else self.people.those(only), self.units()
        return self._of_people(people, unit, [] if only is None else [only(unit)], only, stones, alone)

    def tombstones(self, only: RowTest) -> sa.Select[Any]:
        """(remains) of each unit: of its tombstone in this stage, NULL where it has none. Asked one by one, so that no
        planner reads all that the stage ever did."""
        unit, stone = self.units(), self.scene.ledger.tombstone.alias()
        its = sa.select(stone.c.remains).where(
            stone.c.stage == self.qualified, self.scene.match(stone, self.unit, unit)
        )
        return sa.select(its.correlate(unit).scalar_subquery()).select_from(unit).where(only(unit))

    @cached_property
    def planned(self) -> sa.CTE:
        """The verdicts that a plan is made of: on the units of the people whom a purge is about, or on every unit but
        those that are `surely_kept`."""
        if self.scene.request is not None:
            return self.verdicts(self.asked)
        if not self.by_person:
            return self.verdicts()

        def is_open(row: sa.FromClause) -> Test:
            return sa.not_(self.surely_kept(row))

        unit = self.units()
        return self._of_people(self.people.those_many(is_open), unit, [is_open(unit)], None, "in part", alone=False)

    def surely_kept(self, row: sa.FromClause) -> Test:
        """Whether a person's row by itself tells an event that keeps the person, so that nothing else has to be asked:
        no verdict is stronger, and no tombstone hides it, having been decided on an older clock. Whose was not (the
        term is longer now, or an erasure went under it) is asked. In stages by rows, and for a purge, of no use."""
        if not self.by_person or self.scene.request is not None:
            return sa.false()
        stone, bound = self.scene.ledger.tombstone.alias(), self.scene.calendar.start(self.person_cutoff)
        later = sa.or_(stone.c.clock.is_(None), stone.c.clock >= bound.replace(tzinfo=None))
        told = [m.recent(row, self.person_cutoff) for m in self.people.moments if self.people.is_told_by_row(m)]
        keeps = sa.func.coalesce(sa.or_(sa.false(), *told), sa.false())
        its = self.scene.match(stone, self.unit, row)
        return sa.and_(keeps, sa.not_(exists(stone, stone.c.stage == self.qualified, its, later)))

    def keys(self, verdicts: sa.FromClause) -> list[sa.ColumnElement[Any]]:
        """The key columns of verdicts."""
        return [verdicts.c[f"key_{i}"] for i in range(len(self.key))]

    def due(self, only: RowTest | None = None) -> sa.Select[Any]:
        """Keys of the units that are due."""
        verdicts = self.verdicts(only)
        return sa.select(*self.keys(verdicts)).where(verdicts.c.state == DUE)

    def events(self, only: RowTest) -> list[tuple[Moment, sa.Select[Any]]]:
        """In a stage by rows: what verdicts say of each event, one by one: (key_0…, rank, clock)."""
        tests = [only(self.facts.table), *self._own_filter()]
        others = [m for m in self.moments[1:] for _ in range(self._ways(m))]
        return list(
            zip([self.moments[0], *others], [self._first_event(tests), *self._other_events(tests)], strict=True)
        )

    def _ways(self, m: Moment) -> int:
        links = self.scene.links
        if m.table == self.unit:
            return 1
        return len(links.paths(m.table, self.unit)) + len(links.paths(self.unit, m.table))

    def _of_people(
        self,
        people: sa.FromClause,
        unit: sa.FromClause,
        tests: list[Test],
        only: RowTest | None,
        stones: Stones,
        alone: bool,
    ) -> sa.CTE:
        verdicts = self.people.verdicts(people, self.person_cutoff, alone=alone)
        known = self.people.is_person(verdicts, unit)
        rank: sa.ColumnElement[Any] = sa.func.coalesce(verdicts.c.rank, self.people.ranks.of(NO_EVENT))
        if self.stage.origin.done:
            rank = sa.case(
                (sa.or_(*(self._waits_for(n, unit) for n in self.stage.origin.done)), self.people.ranks.of(KEPT)),
                else_=rank,
            )
        return self._finished(unit, unit.outerjoin(verdicts, known), rank, verdicts.c.clock, tests, only, stones)

    def _of_rows(self, only: RowTest | None, stones: Stones, alone: bool) -> sa.CTE:
        tests = [*([only(self.facts.table)] if only is not None else []), *self._own_filter()]
        reasons = [self._first_event(tests), *self._other_events(tests), *self._row_holds(tests)]
        reasons += self._of_owners(tests, only, alone)
        union = sa.union_all(*reasons).subquery()
        keys = self.keys(union)
        grouped = sa.select(*keys, sa.func.min(union.c.rank).label("rank"), sa.func.max(union.c.clock).label("clock"))
        verdicts = grouped.group_by(*keys).subquery()
        unit = self.units()
        same = sa.and_(*(v == unit.c[c] for v, c in zip(self.keys(verdicts), self.key, strict=True)))
        return self._finished(unit, verdicts.join(unit, same), verdicts.c.rank, verdicts.c.clock, [], only, stones)

    def _finished(
        self,
        unit: sa.FromClause,
        joined: sa.FromClause,
        rank: sa.ColumnElement[Any],
        clock: sa.ColumnElement[Any],
        tests: list[Test],
        only: RowTest | None,
        stones: Stones,
    ) -> sa.CTE:
        """The last word: what was done before and still looks done is done."""
        state: sa.ColumnElement[str] = self.people.ranks.name(rank)
        if stones != "none" and (not self.unit_is_deleted or self.by_person):
            state = sa.case((self._hidden(unit, clock, only, stones), DONE), else_=state)
        keys = [unit.c[c].label(f"key_{i}") for i, c in enumerate(self.key)]
        query = sa.select(*keys, state.label("state"), clock.label("clock")).select_from(joined).where(*tests)
        # PostgreSQL would write the state out wherever it is mentioned, and ask for the tombstone each time.
        return query.cte("merzim_verdicts").prefix_with("MATERIALIZED", dialect="postgresql")

    def _own_filter(self) -> list[Test]:
        """Rows that the stage is about at all: where it has one rule only, those that its `where` selects."""
        rule = self.rule_of(self.unit)
        if len(self.rules) == 1 and rule is not None and rule.rule.where is not None:
            return [true(rule.rule.where)]
        return []

    def _reason(
        self, row: sa.FromClause, joined: sa.FromClause, rank: sa.ColumnElement[Any], clock: Any = None
    ) -> sa.Select[Any]:
        kind = sa.String() if self.scene.dialect == "sqlite" else CLOCK
        keys = [row.c[c].label(f"key_{i}") for i, c in enumerate(self.key)]
        moment_of = sa.cast(sa.null(), kind) if clock is None else clock
        return sa.select(*keys, rank.label("rank"), moment_of.label("clock")).select_from(joined)

    def _rank(self, m: Moment, source: sa.FromClause, if_null: str | None = None) -> sa.ColumnElement[int]:
        ranks = self.people.ranks
        whens = [(m.of(source).is_(None), ranks.of(if_null))] if if_null is not None else []
        return sa.case(
            *whens,
            (m.recent(source, self.cutoff), ranks.of(KEPT)),
            (m.settled(source, self.cutoff), ranks.of(DUE)),
            else_=ranks.of(ABSURD_ROW),
        )

    def _first_event(self, tests: list[Test]) -> sa.Select[Any]:
        """The row's own event; one without has not begun (promise 6)."""
        m = self.moments[0]
        row = self.scene.links.filtered(self.unit, *tests)
        sane = sa.case((m.settled(row, m.calendar.sane_until), m.utc(row)), else_=None)
        rank = self._rank(m, row, KEPT)
        if m.event.where is not None:
            rank = sa.case((sa.not_(not_false(m.event.where)), self.people.ranks.of(KEPT)), else_=rank)
        return self._reason(row, row, self._unless_asked(row, rank), sane)

    def _unless_asked(self, row: sa.FromClause, rank: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
        """For an erasure: no term of its own keeps a row of whom the request names."""
        return sa.case((self.asked(row), self.people.ranks.of(DUE)), else_=rank) if self.scene.erases else rank

    def _other_events(self, tests: list[Test]) -> list[sa.Select[Any]]:
        """Events of rows that lead to the unit, or that the unit leads to: the newest of all counts."""
        found = []
        links = self.scene.links
        for m in self.moments[1:]:
            column = m.of(self.scene.schema.tables[m.table].table)
            begun = [column.is_not(None), *([not_false(m.event.where)] if m.event.where is not None else [])]
            if m.table == self.unit:
                row = links.filtered(self.unit, *tests, *begun)
                found.append(self._reason(row, row, self._unless_asked(row, self._rank(m, row))))
                continue
            for path in links.paths(m.table, self.unit):
                source, row = links.source(path, *begun), links.filtered(self.unit, *tests)
                rank = self._unless_asked(row, self._rank(m, source))
                found.append(self._reason(row, links.chain(path, source, row), rank))
            for path in links.paths(self.unit, m.table):
                row, target = links.source(path, *tests), links.filtered(m.table, *begun)
                rank = self._unless_asked(row, self._rank(m, target))
                found.append(self._reason(row, links.chain(path, row, target), rank))
        return found

    def _of_owners(self, tests: list[Test], only: RowTest | None, alone: bool) -> list[sa.Select[Any]]:
        """The verdicts on the people whom the row belongs to (promise 5): each of them must be due."""
        links, ranks = self.scene.links, self.people.ranks
        paths = [p for p in links.to_people(self.unit) if p.steps]
        if self.unit == self.scene.subject:
            paths = []
        if not paths:
            return []
        people = self.people.everybody() if only is None else self.people.those(partial(self._owns, paths, only))
        verdicts = self.people.verdicts(people, self.person_cutoff, alone=alone)
        found = []
        for path in paths:
            row, person = links.source(path, *tests), links.alias(self.scene.subject)
            joined = links.chain(path, row, person).outerjoin(verdicts, self.people.is_person(verdicts, person))
            found.append(self._reason(row, joined, sa.func.coalesce(verdicts.c.rank, ranks.of(NO_EVENT))))
        return found

    def _owns(self, paths: list[Path], only: RowTest, person: sa.FromClause) -> Test:
        """As one list of keys: of several INs joined by OR a planner expects half of all people, and reads whole tables
        for a few rows."""
        links, subject = self.scene.links, self.scene.subject
        each = []
        for path in paths:
            owner = links.alias(subject)
            each.append(sa.select(*self.scene.key(subject, owner)).where(links.reached_from(path, owner, only)))
        return key_in_query(self.scene.key(subject, person), sa.union(*each))

    def _row_holds(self, tests: list[Test]) -> list[sa.Select[Any]]:
        scene, ranks = self.scene, self.people.ranks
        held = scene.ledger.hold.alias()
        row = scene.links.filtered(self.unit, *tests)
        covers = sa.or_(held.c.scope == "table", sa.and_(held.c.scope == "row", scene.match(held, self.unit, row)))
        by_hand = sa.and_(held.c.table_name == self.unit, in_force(held, scene.now_utc), covers)
        found = [self._reason(row, row.join(held, by_hand), ranks.of(BY_HAND))]
        for name, path, condition in self.holds_reached(self.unit):
            if path.steps:
                row, target = scene.links.source(path, *tests), scene.links.filtered(path.steps[-1].target, condition)
                found.append(self._reason(row, scene.links.chain(path, row, target), ranks.of(f"held: {name}")))
            else:
                row = scene.links.filtered(self.unit, *tests, condition)
                found.append(self._reason(row, row, ranks.of(f"held: {name}")))
        return found

    def _hidden(self, unit: sa.FromClause, clock: sa.ColumnElement[Any], only: RowTest | None, stones: Stones) -> Test:
        """Done before: a tombstone, nothing newer than the clock it was decided on, and the row still looks done.
        A row that is held by itself may look undone for as long as it is held."""
        stone = self.scene.ledger.tombstone.alias()
        known = sa.type_coerce(stone.c.clock, sa.String()) if self.scene.dialect == "sqlite" else stone.c.clock
        newer = sa.func.coalesce(clock > known, sa.false())
        whole = [sa.or_(sa.not_(stone.c.remains), sa.not_(self.left(unit, only)))] if stones == "in part" else []
        match = self.scene.match(stone, self.unit, unit)
        done = exists(stone, stone.c.stage == self.qualified, match, sa.not_(newer), *whole)
        rule = self.rule_of(self.unit)
        if rule is None or rule.deletes:
            return done
        looks = [looks_done(rule.columns, unit, self.scene.dialect), sa.not_(self.row_is_free(self.unit, unit))]
        if rule.rule.where is not None:
            looks.append(sa.not_(true(rule.rule.where)))
        return sa.and_(done, sa.or_(*looks))

    def _waits_for(self, name: str, person: sa.FromClause) -> Test:
        """For `done`: something of the other stage is not done for the person, or was done less than the term ago."""
        scene = self.scene
        other = scene.policy.stages[name]
        limit = scene.calendar.start(self.cutoff).replace(tzinfo=None)

        def not_done_long_ago(table: str, row: sa.FromClause) -> Test:
            stone = scene.ledger.tombstone.alias()
            tests = [stone.c.stage == scene.qualified(name), scene.match(stone, table, row)]
            return sa.not_(exists(stone, *tests, sa.not_(stone.c.remains), stone.c.done_at < limit))

        if by_person(other.origin):
            return not_done_long_ago(scene.subject, person)
        table = other.origin.events[0].column.table
        test = partial(not_done_long_ago, table)
        return sa.or_(sa.false(), *(scene.links.backward(p, person, test) for p in scene.links.to_people(table)))
