"""When a person may be touched: the half of the one predicate that looks at people (promises 4 to 7).

Written as a relation, not as a condition: every event, hold and memory of a person gives a row (person, rank, clock);
the smallest rank is the verdict. So each table is read once, a slice asks about its few people by index, and a plan
asks about everybody in one pass. What keeps or holds one row of a person keeps all of them.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from worker.ledger.holds import in_force
from worker.plan.calendar import Moment, Test
from worker.plan.joins import InOrder
from worker.plan.key_lists import key_not_in
from worker.plan.links import Path, not_false
from worker.plan.persons import Persons
from worker.plan.ranks import ABSURD_PERSON, BLOCKED, BY_HAND, DUE, KEPT, NO_EVENT, Ranks, strongest
from worker.plan.scene import Scene
from worker.plan.zones import CLOCK

Joining = Callable[[sa.FromClause, Path, sa.FromClause], sa.FromClause]
Part = tuple[sa.FromClause, Joining, type[sa.Join]]
"""Rows of people, how the rows that lead to them are joined, and how the ledger's are."""


class People(Persons):
    """The verdict on people."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.ranks = Ranks(scene)
        # About everybody the same is asked for many stages; building that query again each time would take seconds.
        self._made: dict[tuple[Any, str], sa.CTE] = {}

    def verdicts(
        self, people: sa.FromClause, cutoff: Any, name: str = "merzim_people_verdicts", alone: bool = False
    ) -> sa.CTE:
        """(merzim_person_0…, rank, clock) for each of `people` of whom anything is known. `clock` is the newest sane
        moment in UTC. Who has no row here has no event at all: NO_EVENT. `alone`: as of `_kin`."""
        if people is not self._everybody:
            return self._verdicts(people, cutoff, name, alone)
        if (cutoff, name) not in self._made:
            self._made[(cutoff, name)] = self._verdicts(people, cutoff, name, alone=False)
        return self._made[(cutoff, name)]

    def _verdicts(self, people: sa.FromClause, cutoff: Any, name: str, alone: bool) -> sa.CTE:
        reasons = []
        for rows, join, beside in self._parts(people, name, alone):
            reasons += [*self._events(rows, cutoff, join), *self._holds(rows, join, beside)]
            reasons.append(self._remembered(rows, cutoff, beside))
            if self.scene.erases:
                asked = self.scene.asked(self.scene.subject, rows)
                reasons.append(self._reason(rows, rows, self.ranks.of(DUE), None, asked))
        union = sa.union_all(*reasons).subquery()
        keys = self._person(union)
        query = sa.select(*keys, *strongest(union))
        return query.group_by(*keys).cte(name)

    def _parts(self, people: sa.FromClause, name: str, alone: bool) -> list[Part]:
        """The people's rows, in relations that have all of them between them, and how others are joined to each.
        PostgreSQL's processes do not share what a CTE has, and before version 17 it knows nothing of its values: it
        would rather keep all messages in memory than those of it. So it is given everybody's own rows as they stand in
        the table, and the other rows of the same persons, which are few or found as fast by index, apart."""
        if self._are_few(people):
            return [(self._kin(people, self.told, alone).cte(f"{name}_kin"), self._joined_to_few, InOrder)]
        # SQLite would begin at the ledger, which is read once beside everybody, and read all people for each row of it.
        beside = InOrder if self.scene.dialect == "sqlite" else sa.Join
        if self.scene.dialect != "postgresql":
            return [(self._kin(people, self.told).cte(f"{name}_kin"), self._joined, beside)]
        own, others = self._own(people, self.told), self._others(people, self.told)
        parts: list[Part] = [(own.subquery(), self._joined, beside)]
        return parts if others is None else [*parts, (others.cte(f"{name}_twins"), self._joined_to_few, InOrder)]

    def not_due(self, people: sa.FromClause, cutoff: Any, name: str = "merzim_people_not_due") -> sa.Select[Any]:
        """Keys of those of `people` who must not be touched."""
        verdicts = self.verdicts(people, cutoff, f"{name}_verdicts")
        query = sa.select(*(people.c[c] for c in self._facts.key)).select_from(
            people.outerjoin(verdicts, self.is_person(verdicts, people))
        )
        return query.where(sa.func.coalesce(verdicts.c.merzim_rank, -1) != self.ranks.of(DUE))

    def crossed(self, people: sa.FromClause, cutoff: Any) -> sa.Select[Any]:
        """Whether some of `people` are active or held. That they have no events left is no such thing: the slice
        itself may have deleted them."""
        return self._some_keep(self.verdicts(people, cutoff))

    def crossed_since(self, people: sa.FromClause, cutoff: Any, locked: sa.BindParameter[Any]) -> sa.Select[Any] | None:
        """Whether some of `people` became active or held since they were claimed: by rows that lead to them, or by a
        new row of the same person, of which nothing is known yet. None where neither can be. Their own rows are
        `locked` and cannot have changed, whoever places a hold by hand waits at the gate, and what the ledger remembers
        of people is written by those who have locked them."""
        kin = self._kin(people, self.columns).cte("merzim_people_since_kin")
        reasons = [
            *self._events(kin, cutoff, self._joined_to_few, others_only=True),
            *self._holds_by_policy(kin, self._joined_to_few, others_only=True),
        ]
        if self.subject.same_person is not None:
            is_new = key_not_in(self.scene.key(self.subject.table, kin), locked)
            reasons.append(self._reason(kin, kin, self.ranks.of(KEPT), None, is_new))
        return self._some_keep(sa.union_all(*reasons).subquery()) if reasons else None

    def _some_keep(self, verdicts: sa.FromClause) -> sa.Select[Any]:
        keep = verdicts.c.merzim_rank < self.ranks.of(NO_EVENT)
        return sa.select(sa.literal_column("1")).select_from(verdicts).where(keep).limit(1)

    def clocks(self, people: sa.FromClause, cutoff: Any) -> sa.Select[Any]:
        """(merzim_person_0…, clock) of those of `people` who have one."""
        verdicts = self.verdicts(people, cutoff)
        return sa.select(*self._person(verdicts), verdicts.c.merzim_clock).where(verdicts.c.merzim_clock.is_not(None))

    def events(self, people: sa.FromClause, cutoff: Any) -> list[tuple[Moment | None, sa.Select[Any]]]:
        """What verdicts say of events, one by one: (merzim_person_0…, rank, clock) of each. None: what only the ledger
        remembers."""
        kin = self._kin(people, self.told).cte("merzim_people_events_kin")
        moments = [m for m in self.moments for _ in self.scene.links.to_people(m.table)]
        events = self._events(kin, cutoff, self._joined_to_few)
        return [*zip(moments, events, strict=True), (None, self._remembered(kin, cutoff, InOrder))]

    def holds(self, people: sa.FromClause) -> sa.Select[Any]:
        """(state, rows) of every block and hold that covers some of `people`; verdicts have only the strongest."""
        kin = self._kin(people, self.told).cte("merzim_people_holds_kin")
        found = sa.union_all(*self._holds(kin, self._joined_to_few, InOrder)).subquery()
        columns: list[Any] = [self.ranks.name(found.c.merzim_rank), sa.func.count()]
        query = sa.select(*columns)
        return query.group_by(found.c.merzim_rank).order_by(found.c.merzim_rank)

    def _joined(self, kin: sa.FromClause, path: Path, source: sa.FromClause) -> sa.FromClause:
        """`kin` with the rows at the beginning of a path that leads to them."""
        if path.steps:
            return self.scene.links.chain(path, source, kin)
        return kin.join(source, self.scene.same_key(self.subject.table, kin, source))

    def _joined_to_few(self, kin: sa.FromClause, path: Path, source: sa.FromClause) -> sa.FromClause:
        if path.steps:
            return self.scene.links.chain_back(path, kin, source)
        return InOrder(kin, source, self.scene.same_key(self.subject.table, kin, source))

    def _reason(
        self,
        kin: sa.FromClause,
        joined: sa.FromClause,
        rank: sa.ColumnElement[Any],
        clock: Any = None,
        *tests: Test,
    ) -> sa.Select[Any]:
        moment_of = sa.cast(sa.null(), self._clock_type) if clock is None else clock
        columns = [*self._person(kin), rank.label("merzim_rank"), moment_of.label("merzim_clock")]
        return sa.select(*columns).select_from(joined).where(*tests)

    @property
    def _clock_type(self) -> Any:
        return sa.String() if self.scene.dialect == "sqlite" else CLOCK

    def _events(
        self, kin: sa.FromClause, cutoff: Any, join: Joining, others_only: bool = False
    ) -> list[sa.Select[Any]]:
        """A row per event: it keeps, cannot be true, or lets the term end."""
        found = []
        links = self.scene.links
        for m in self.moments:
            for path in links.to_people(m.table):
                if path.steps or not others_only:
                    source, joined, tests = self._event(kin, m, path, join)
                    rank = self._unless_asked(kin, self._rank(m, source, cutoff))
                    found.append(self._reason(kin, joined, rank, self._sane(m, source), *tests))
        return found

    def _event(
        self, kin: sa.FromClause, m: Moment, path: Path, join: Joining
    ) -> tuple[sa.FromClause, sa.FromClause, list[Test]]:
        """Where an event stands, that with `kin`, and what is still to be asked."""
        if not path.steps and self.is_told_by_row(m):
            return kin, kin, [m.of(kin).is_not(None)]
        links = self.scene.links
        tests: list[Test] = [m.of(self.scene.schema.tables[m.table].table).is_not(None)]
        if m.event.where is not None:
            tests.append(not_false(m.event.where))
        source = links.source(path, *tests) if path.steps else links.filtered(m.table, *tests)
        return source, join(kin, path, source), []

    def _unless_asked(self, kin: sa.FromClause, rank: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
        """For an erasure: no event keeps whom the request names; one of the same person's other rows still does."""
        if not self.scene.erases:
            return rank
        return sa.case((self.scene.asked(self.scene.subject, kin), self.ranks.of(DUE)), else_=rank)

    def _rank(self, m: Moment, source: sa.FromClause, cutoff: Any) -> sa.ColumnElement[int]:
        return sa.case(
            (m.recent(source, cutoff), self.ranks.of(KEPT)),
            (m.settled(source, cutoff), self.ranks.of(DUE)),
            else_=self.ranks.of(ABSURD_PERSON),
        )

    def _sane(self, m: Moment, source: sa.FromClause) -> sa.ColumnElement[Any]:
        """The moment in UTC, NULL for one that cannot be true (which may not even be castable)."""
        return sa.case((m.settled(source, m.calendar.sane_until), m.utc(source)), else_=None)

    def _holds(self, kin: sa.FromClause, join: Joining, beside: type[sa.Join]) -> list[sa.Select[Any]]:
        found = []
        if self.subject.blocked is not None:
            is_blocked = kin.c[self.subject.blocked].is_not(None)
            found.append(self._reason(kin, kin, self.ranks.of(BLOCKED), None, is_blocked))
        held = self.scene.ledger.hold.alias()
        by_hand = sa.and_(
            held.c.scope == "person",
            held.c.table_name == self.subject.table,
            in_force(held, self.scene.now_utc),
            self.scene.match(held, self.subject.table, kin),
        )
        found.append(self._reason(kin, beside(kin, held, by_hand), self.ranks.of(BY_HAND)))
        return [*found, *self._holds_by_policy(kin, join)]

    def _holds_by_policy(self, kin: sa.FromClause, join: Joining, others_only: bool = False) -> list[sa.Select[Any]]:
        """A row per row that holds."""
        links, found = self.scene.links, []
        for name, hold in self.scene.policy.holds.items():
            tests = [] if hold.where is None else [not_false(hold.where)]
            for path in links.to_people(hold.exists):
                if path.steps or not others_only:
                    source = links.source(path, *tests) if path.steps else links.filtered(hold.exists, *tests)
                    found.append(self._reason(kin, join(kin, path, source), self.ranks.of(f"held: {name}")))
        return found

    def _remembered(self, kin: sa.FromClause, cutoff: Any, beside: type[sa.Join]) -> sa.Select[Any]:
        """The clock dates that the ledger keeps: of events that merzim itself may have deleted."""
        stone = self.scene.ledger.tombstone.alias()
        bound = self.scene.calendar.start(cutoff).replace(tzinfo=None)
        rank = sa.case((stone.c.clock >= bound, self.ranks.of(KEPT)), else_=self.ranks.of(DUE))
        clock = sa.type_coerce(stone.c.clock, self._clock_type)
        stages = [sa.literal(name) for name in self.scene.remembering()]
        of_person = sa.and_(stone.c.stage.in_(stages), self.scene.match(stone, self.subject.table, kin))
        joined = beside(kin, stone, of_person)
        return self._reason(kin, joined, self._unless_asked(kin, rank), clock, stone.c.clock.is_not(None))
