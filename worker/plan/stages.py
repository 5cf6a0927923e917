"""A stage of the policy as queries: the verdict on each of its units, and which rows go with them.

A unit is what a batch lists: a person, or in a stage by rows one row of the table whose event the term counts from.
`verdicts` is the one predicate (promise 4): plan counts it, claim asks it again over locked keys, explain names it.
"""

from functools import partial
from typing import Any, Literal

import sqlalchemy as sa

from config.policy import Stage
from worker.plan.calendar import Test
from worker.plan.links import exists, true
from worker.plan.people import People
from worker.plan.ranks import DONE, DUE, KEPT, NO_EVENT, strongest
from worker.plan.reasons import RowReasons
from worker.plan.scene import RowTest, Scene, by_person
from worker.plan.treatments import looks_done

LOOKS_DONE = "merzim_looks_done"
Stones = Literal["none", "whole", "in part"]


class StagePlan(RowReasons):
    """One stage at one moment. Pure: makes expressions, runs none."""

    def __init__(self, scene: Scene, people: People, stage: Stage) -> None:
        super().__init__(scene, people, stage)
        self.name = stage.name
        self.qualified = scene.qualified(stage.name)

    @property
    def is_remembered(self) -> bool:
        """Whether its units leave tombstones. A row that goes by its own clock needs none."""
        rule = self.rule_of(self.unit)
        return self.by_person or rule is None or not rule.deletes

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

    @property
    def leaves_out_kept(self) -> bool:
        """Whether `planned` has no verdicts on units that their own rows keep."""
        return self.by_person and self.scene.request is None

    def planned(self, outlived: bool) -> sa.CTE:
        """The verdicts that a plan is made of: on the units of the people whom a purge is about, or on every unit but
        those that their own rows keep: no verdict is stronger, and a tombstone hides it only if it is `outlived`."""
        if not self.leaves_out_kept:
            return self.verdicts(self.asked if self.scene.request is not None else None)

        def is_open(row: sa.FromClause) -> Test:
            # A condition that PostgreSQL can estimate: NOT coalesce(…), or an EXISTS beside it, is half of all for it.
            told = [m.recent(row, self.person_cutoff) for m in self.people.moments if self.people.is_told_by_row(m)]
            quiet = sa.and_(sa.true(), *(t.is_not(sa.true()) for t in told))
            return sa.or_(quiet, self._is_outlived(row)) if outlived else quiet

        row = self.units()
        known = sa.select(*(row.c[c] for c in self.people.told), self._row_looks_done(row).label(LOOKS_DONE))
        # How the rows look is most of the work, and only here several of PostgreSQL's processes can do it.
        unit = known.where(is_open(row)).cte("merzim_open").prefix_with("MATERIALIZED", dialect="postgresql")
        return self._of_people(self.people.those_many(is_open), unit, [], None, "in part", alone=False)

    def outlived(self) -> sa.Select[Any]:
        """Whether some tombstones were decided on a clock that keeps people now: the term was shorter then, or an
        erasure went under it."""
        stone = self.scene.ledger.tombstone.alias()
        return sa.select(sa.exists(sa.select(stone.c.stage).where(*self._is_newer(stone))))

    def _is_outlived(self, row: sa.FromClause) -> Test:
        stone = self.scene.ledger.tombstone.alias()
        return exists(stone, self.scene.match(stone, self.unit, row), *self._is_newer(stone))

    def _is_newer(self, stone: sa.FromClause) -> list[Test]:
        bound = self.scene.calendar.start(self.person_cutoff).replace(tzinfo=None)
        return [stone.c.stage == self.qualified, sa.or_(stone.c.clock.is_(None), stone.c.clock >= bound)]

    def keys(self, verdicts: sa.FromClause) -> list[sa.ColumnElement[Any]]:
        """The key columns of verdicts."""
        return [verdicts.c[f"key_{i}"] for i in range(len(self.key))]

    def due(self, only: RowTest | None = None) -> sa.Select[Any]:
        """Keys of the units that are due."""
        verdicts = self.verdicts(only)
        return sa.select(*self.keys(verdicts)).where(verdicts.c.state == DUE)

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
        rank: sa.ColumnElement[Any] = sa.func.coalesce(verdicts.c.merzim_rank, self.people.ranks.of(NO_EVENT))
        if self.stage.origin.done:
            rank = sa.case(
                (sa.or_(*(self._waits_for(n, unit) for n in self.stage.origin.done)), self.people.ranks.of(KEPT)),
                else_=rank,
            )
        return self._finished(unit, unit.outerjoin(verdicts, known), rank, verdicts.c.merzim_clock, tests, only, stones)

    def _of_rows(self, only: RowTest | None, stones: Stones, alone: bool) -> sa.CTE:
        tests = [*([only(self.facts.table)] if only is not None else []), *self._own_filter()]
        reasons = [self._first_event(tests), *self._other_events(tests), *self._row_holds(tests)]
        reasons += self._of_owners(tests, only, alone)
        union = sa.union_all(*reasons).subquery()
        keys = self.keys(union)
        grouped = sa.select(*keys, *strongest(union))
        verdicts = grouped.group_by(*keys).subquery()
        unit = self.units()
        same = sa.and_(*(v == unit.c[c] for v, c in zip(self.keys(verdicts), self.key, strict=True)))
        return self._finished(
            unit, verdicts.join(unit, same), verdicts.c.merzim_rank, verdicts.c.merzim_clock, [], only, stones
        )

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
        if stones != "none" and self.is_remembered:
            joined, done = self._done(unit, joined, clock, only, stones)
            state = sa.case((done, DONE), else_=state)
        keys = [unit.c[c].label(f"key_{i}") for i, c in enumerate(self.key)]
        query = sa.select(*keys, state.label("state"), clock.label("clock")).select_from(joined).where(*tests)
        # PostgreSQL would write the state out wherever it is mentioned, and ask for the tombstone each time.
        return query.cte("merzim_verdicts").prefix_with("MATERIALIZED", dialect="postgresql")

    def _done(
        self,
        unit: sa.FromClause,
        joined: sa.FromClause,
        clock: sa.ColumnElement[Any],
        only: RowTest | None,
        stones: Stones,
    ) -> tuple[sa.FromClause, Test]:
        """What is selected from, and whether the unit was done before: a tombstone, nothing newer than the clock it was
        decided on, and the row still looks done. Everybody's tombstones are read once; those of a few are found by
        their keys."""
        stone = self.scene.ledger.tombstone.alias()
        its = sa.and_(stone.c.stage == self.qualified, self.scene.match(stone, self.unit, unit))
        known = sa.type_coerce(stone.c.clock, sa.String()) if self.scene.dialect == "sqlite" else stone.c.clock
        tests = [sa.not_(sa.func.coalesce(clock > known, sa.false()))]
        if stones == "in part":
            tests.append(sa.or_(sa.not_(stone.c.remains), sa.not_(self.left(unit, only))))
        if only is None:
            row = self.scene.links.alias(self.unit)
            # Where there is no other table that a policy's plain SQL could mean.
            stays = exists(row, self.scene.same_key(self.unit, row, unit), self._may_look_undone(row))
            done = sa.and_(stone.c.stage.is_not(None), *tests, sa.or_(self._row_looks_done(unit), stays))
            return joined.outerjoin(stone, its), done
        looks = sa.or_(self._row_looks_done(unit), self._may_look_undone(unit))
        return joined, sa.and_(exists(stone, its, *tests), looks)

    def _may_look_undone(self, row: sa.FromClause) -> Test:
        """A row that is held by itself, or that the rule leaves out, for as long as that lasts."""
        rule = self.rule_of(self.unit)
        if rule is None or rule.deletes:
            return sa.true()
        left_out = [] if rule.rule.where is None else [sa.not_(true(rule.rule.where))]
        return sa.or_(sa.not_(self.row_is_free(self.unit, row)), *left_out)

    def _row_looks_done(self, unit: sa.FromClause) -> Test:
        if LOOKS_DONE in unit.c:
            return unit.c[LOOKS_DONE]
        rule = self.rule_of(self.unit)
        return sa.true() if rule is None or rule.deletes else looks_done(rule.columns, unit, self.scene.dialect)

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
