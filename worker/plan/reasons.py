"""In stages by rows: what its own events, its people and its holds say of each row, as relations of (key_0…,
merzim_rank, merzim_clock)."""

from functools import partial
from typing import Any

import sqlalchemy as sa

from config.policy import Stage
from worker.ledger.holds import in_force
from worker.plan.calendar import Moment, Test, moment
from worker.plan.key_lists import key_in_query
from worker.plan.leftovers import StageLeftovers
from worker.plan.links import Path, not_false, true
from worker.plan.people import People
from worker.plan.ranks import ABSURD_ROW, BY_HAND, DUE, KEPT, NO_EVENT
from worker.plan.scene import RowTest, Scene
from worker.plan.zones import CLOCK


class RowReasons(StageLeftovers):
    """Why a row may go, or not. Pure: makes expressions, runs none."""

    def __init__(self, scene: Scene, people: People, stage: Stage) -> None:
        super().__init__(scene, people, stage)
        self.moments = [moment(scene.policy, scene.schema, scene.calendar, e) for e in stage.origin.events]

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

    def _own_filter(self) -> list[Test]:
        """Rows that the stage is about at all: where it has one rule only, those that its `where` selects."""
        rule = self.rule_of(self.unit)
        if len(self.rules) == 1 and rule is not None and rule.rule.where is not None:
            return [true(rule.rule.where)]
        return []

    def _first_event(self, tests: list[Test]) -> sa.Select[Any]:
        """The row's own event; one without has not begun (promise 6)."""
        m = self.moments[0]
        row = self.scene.links.filtered(self.unit, *tests)
        sane = sa.case((m.settled(row, m.calendar.sane_until), m.utc(row)), else_=None)
        rank = self._rank(m, row, KEPT)
        if m.event.where is not None:
            rank = sa.case((sa.not_(not_false(m.event.where)), self.people.ranks.of(KEPT)), else_=rank)
        return self._reason(row, row, self._unless_asked(row, rank), sane)

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
            found.append(self._reason(row, joined, sa.func.coalesce(verdicts.c.merzim_rank, ranks.of(NO_EVENT))))
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

    def _rank(self, m: Moment, source: sa.FromClause, if_null: str | None = None) -> sa.ColumnElement[int]:
        ranks = self.people.ranks
        whens = [(m.of(source).is_(None), ranks.of(if_null))] if if_null is not None else []
        return sa.case(
            *whens,
            (m.recent(source, self.cutoff), ranks.of(KEPT)),
            (m.settled(source, self.cutoff), ranks.of(DUE)),
            else_=ranks.of(ABSURD_ROW),
        )

    def _unless_asked(self, row: sa.FromClause, rank: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
        """For an erasure: no term of its own keeps a row of whom the request names."""
        return sa.case((self.asked(row), self.people.ranks.of(DUE)), else_=rank) if self.scene.erases else rank

    def _reason(
        self, row: sa.FromClause, joined: sa.FromClause, rank: sa.ColumnElement[Any], clock: Any = None
    ) -> sa.Select[Any]:
        kind = sa.String() if self.scene.dialect == "sqlite" else CLOCK
        keys = [row.c[c].label(f"key_{i}") for i, c in enumerate(self.key)]
        moment_of = sa.cast(sa.null(), kind) if clock is None else clock
        return sa.select(*keys, rank.label("merzim_rank"), moment_of.label("merzim_clock")).select_from(joined)
