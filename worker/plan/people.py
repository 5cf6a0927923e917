"""When a person may be touched: the one predicate's half that looks at people (promises 4 to 7).

Every part is a list of (state, condition). The first condition that holds names the state, so plan, claim and explain
cannot disagree: `due` is "none of them holds". Rows with one `same person` value are one person: what keeps or holds
one of them keeps or holds all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from config.policy import Origin, Policy
from worker.databases.facts import Schema
from worker.ledger.holds import active_holds_exist
from worker.ledger.keys import KeyCodec
from worker.ledger.tables import Ledger
from worker.plan.calendar import Calendar, Moment, Test, moment
from worker.plan.links import Links, exists, not_false

KEPT = "kept"
DONE = "done"
BLOCKED = "held: blocked by law"
BY_HAND = "held: by hand"
NO_EVENT = "quarantined: no event says when the person stopped"
ABSURD_PERSON = "quarantined: an event of the person cannot be true"
ABSURD_ROW = "quarantined: the row's event cannot be true"

RowTest = Callable[[sa.FromClause], Test]
EventTest = Callable[[Moment, sa.FromClause], Test]


@dataclass(frozen=True)
class Scene:
    """All that the predicate looks at: policy, live schema, links, calendar and ledger."""

    policy: Policy
    schema: Schema
    links: Links
    calendar: Calendar
    ledger: Ledger

    @property
    def dialect(self) -> str:
        """The database's name for SQL that differs."""
        return self.schema.dialect

    def key(self, table: str, row: sa.FromClause) -> list[sa.ColumnElement[Any]]:
        """The key columns of a row of the table."""
        return [row.c[c] for c in self.schema.tables[table].key]

    def codec(self, table: str) -> KeyCodec:
        """How the ledger writes keys of the table."""
        return KeyCodec.of(self.key(table, self.schema.tables[table].table))

    def qualified(self, stage: str) -> str:
        """A stage's permanent name in the ledger: policy/stage."""
        return f"{self.policy.name}/{stage}"

    @property
    def now_utc(self) -> datetime:
        """The run's fixed moment as the ledger writes times."""
        return self.calendar.now.astimezone(UTC).replace(tzinfo=None)


def key_in(columns: Sequence[sa.ColumnElement[Any]], keys: sa.BindParameter[Any] | list[Any]) -> Test:
    """Whether a key is one of a list, given now or when the statement runs: values for one column, tuples for more."""
    return columns[0].in_(keys) if len(columns) == 1 else sa.tuple_(*columns).in_(keys)


def keys_named(name: str) -> sa.BindParameter[Any]:
    """A list of keys that a statement gets when it runs."""
    return sa.bindparam(name, expanding=True)


def bare(keys: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Keys in the form that `key_in` compares: values instead of tuples of one."""
    return [k[0] if len(k) == 1 else k for k in keys]


class People:
    """The predicate about one person, standing as a row of the subject's table (or of a copy of its columns)."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.policy = scene.policy
        self.links = scene.links
        self.subject = scene.policy.subject
        self.moments = [moment(scene.policy, scene.schema, scene.calendar, e) for e in scene.policy.clock]
        self._key = scene.schema.tables[self.subject.table].key

    def reasons(self, cutoff: date) -> list[tuple[str, RowTest]]:
        """Why a person is not due at this cut-off, strongest first."""

        def recent(m: Moment, row: sa.FromClause) -> Test:
            return m.recent(row, cutoff)

        def settled(m: Moment, row: sa.FromClause) -> Test:
            return m.settled(row, cutoff)

        since, ever = self._remembered_since(cutoff), self._remembered_since(None)
        return [
            (KEPT, lambda person: self.has_event(person, recent, since)),
            *((state, self._lifted(test)) for state, test in self._holds()),
            (ABSURD_PERSON, lambda person: self.has_event(person, lambda m, row: m.absurd(row))),
            (NO_EVENT, lambda person: sa.not_(self.has_event(person, settled, ever))),
        ]

    def not_due(self, person: sa.FromClause, cutoff: date) -> Test:
        """Whether the person must not be touched."""
        return sa.or_(*(test(person) for _, test in self.reasons(cutoff)))

    def crossed(self, person: sa.FromClause, cutoff: date) -> Test:
        """What may have come about since the claim, an event or a hold: looked for once more before COMMIT. The lack
        of events is none of it, since the slice itself may have deleted them."""
        return sa.or_(*(test(person) for state, test in self.reasons(cutoff) if state != NO_EVENT))

    def has_event(
        self,
        person: sa.FromClause,
        test: EventTest,
        remembered: RowTest | None = None,
    ) -> Test:
        """Whether some event in the clock of the person, under any of its rows, passes the test. `remembered` adds the
        clock dates that the ledger kept of events which merzim itself deleted."""

        def of_row(row: sa.FromClause) -> Test:
            tests = [
                self.links.backward(path, row, partial(self._event, m, test))
                if path.steps
                else self._own_event(m, test, row)
                for m in self.moments
                for path in self.links.to_people(m.table)
            ]
            return sa.or_(*tests, *([remembered(row)] if remembered else []))

        return self._any_of_person(person, of_row)

    def newest(self, person: sa.FromClause) -> list[sa.ColumnElement[Any]]:
        """The newest sane moment of each kind of event of one row, in UTC; the largest is its clock. Rows of the same
        person are put together by the claim, which has locked them all."""
        found = []
        for m in self.moments:
            for path in self.links.to_people(m.table):
                source = self.links.alias(m.table)
                mine = self.links.found_by(path, source, lambda row: self._is(row, person), not_false)
                tests = [m.settled(source, m.calendar.sane_until), mine]
                if m.event.where is not None:
                    tests.append(not_false(m.event.where))
                query = sa.select(sa.func.max(m.utc(source))).select_from(source).where(*tests)
                found.append(query.correlate_except(source).scalar_subquery())
        return [*found, self._newest_remembered(person)]

    def _own_event(self, m: Moment, test: EventTest, row: sa.FromClause) -> Test:
        """An event in the subject's own table, looked up by key: `row` may be a copy with few columns."""
        source = self.links.alias(m.table)
        return exists(source, self._is(source, row), self._event(m, test, source))

    def _event(self, m: Moment, test: EventTest, source: sa.FromClause) -> Test:
        found = test(m, source)
        return found if m.event.where is None else sa.and_(not_false(m.event.where), found)

    def _is(self, row: sa.FromClause, person: sa.FromClause) -> Test:
        return sa.and_(*(row.c[c] == person.c[c] for c in self._key))

    def _twin(self, row: sa.FromClause, person: sa.FromClause) -> Test:
        """Whether two rows of the subject's table are one person. An empty text joins nobody."""
        column = self.subject.same_person
        if column is None:
            return sa.false()
        same = row.c[column] == person.c[column]
        text = isinstance(row.c[column].type, sa.String)
        return sa.and_(same, row.c[column] != "") if text else same

    def _any_of_person(self, person: sa.FromClause, test: RowTest) -> Test:
        return sa.or_(test(person), self.of_same_person(person, test))

    def of_same_person(self, person: sa.FromClause, test: RowTest) -> Test:
        """Whether another row of the same person passes the test."""
        if self.subject.same_person is None:
            return sa.false()
        twin = self.links.alias(self.subject.table)
        return exists(twin, self._twin(twin, person), sa.not_(self._is(twin, person)), test(twin))

    def _lifted(self, test: RowTest) -> RowTest:
        return lambda person: self._any_of_person(person, test)

    def _holds(self) -> list[tuple[str, RowTest]]:
        found: list[tuple[str, RowTest]] = []
        if self.subject.blocked is not None:
            found.append((BLOCKED, self._blocked))
        found.append((BY_HAND, self._held_by_hand))
        found += [(f"held: {name}", partial(self._held, name)) for name in self.policy.holds]
        return found

    def _blocked(self, person: sa.FromClause) -> Test:
        source = self.links.alias(self.subject.table)
        return exists(source, self._is(source, person), source.c[self.subject.blocked or ""].is_not(None))

    def _held_by_hand(self, person: sa.FromClause) -> Test:
        key = [person.c[c] for c in self._key]
        scene = self.scene
        return active_holds_exist(scene.ledger, "person", self.subject.table, key, scene.dialect, scene.now_utc)

    def _held(self, name: str, person: sa.FromClause) -> Test:
        hold = self.policy.holds[name]

        def condition(row: sa.FromClause) -> Test:
            return sa.true() if hold.where is None else not_false(hold.where)

        tests = []
        for path in self.links.to_people(hold.exists):
            if path.steps:
                tests.append(self.links.backward(path, person, condition))
            else:
                source = self.links.alias(hold.exists)
                tests.append(exists(source, self._is(source, person), condition(source)))
        return sa.or_(*tests) if tests else sa.false()

    def _remembered_since(self, cutoff: date | None) -> RowTest:
        """The clock dates kept with the tombstones of stages by person: at or after the cut-off, or any at all."""

        def test(row: sa.FromClause) -> Test:
            stone = self.scene.ledger.tombstone.alias()
            tests = [self._stone_of(stone, row)]
            if cutoff is None:
                tests.append(stone.c.clock.is_not(None))
            else:
                tests.append(stone.c.clock >= self.scene.calendar.start(cutoff).replace(tzinfo=None))
            return exists(stone, *tests)

        return test

    def _newest_remembered(self, person: sa.FromClause) -> sa.ColumnElement[Any]:
        stone = self.scene.ledger.tombstone.alias()
        clock = sa.type_coerce(stone.c.clock, sa.String()) if self.scene.dialect == "sqlite" else stone.c.clock
        query = sa.select(sa.func.max(clock)).select_from(stone).where(self._stone_of(stone, person))
        return query.correlate_except(stone).scalar_subquery()

    def _stone_of(self, stone: sa.FromClause, person: sa.FromClause) -> Test:
        stages = [self.scene.qualified(n) for n, s in self.policy.stages.items() if by_person(s.origin)]
        key = [person.c[c] for c in self._key]
        match = self.scene.codec(self.subject.table).match(stone, key, self.scene.dialect)
        return sa.and_(stone.c.stage.in_(stages), match)


def by_person(origin: Origin) -> bool:
    """Whether a stage's units are people: it counts from the person's clock or from other stages' end."""
    return not origin.events
