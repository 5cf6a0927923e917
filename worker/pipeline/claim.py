"""claim: one slice's units, locked and asked again (steps 4 and 5 of DESIGN's slice).

Locking and asking are two statements on purpose: in one statement with the lock the predicate would look at a snapshot
older than the lock, and a payment that committed while we waited would be missed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from worker.databases.base import Database
from worker.plan.calendar import Test
from worker.plan.key_lists import bare, key_in, key_not_in, keys_named
from worker.plan.keys import Key
from worker.plan.ranks import DUE
from worker.plan.stages import StagePlan, Stones

KEYS, PEOPLE = keys_named("keys"), keys_named("people")
KEPT_QUERIES = 64  # of each kind, of the stages at work: building one takes longer than running it


@dataclass(frozen=True)
class Claim:
    """What one slice may act on, written down once: units with the clock decided on (naive UTC), the people they
    belong to, all that is `locked` of people (every row of theirs), and the units that somebody else had locked.
    `groups` tells which row stands for all rows of one person. `relied_on` grows while rows are selected: other people
    who had to be due for a shared row to go."""

    units: tuple[Key, ...]
    clocks: dict[Key, datetime | None]
    people: tuple[Key, ...]
    locked: tuple[Key, ...]
    groups: dict[Key, Key]
    locked_elsewhere: tuple[Key, ...]
    relied_on: set[Key] = field(default_factory=set)

    @property
    def single(self) -> bool:
        """Whether this is one unit, or one person, whose rows are several."""
        return len({self.groups.get(unit, unit) for unit in self.units}) == 1


def claim_units(
    connection: sa.Connection, database: Database, stage: StagePlan, keys: Sequence[Key], wait: bool
) -> Claim:
    """Lock the people (with every row of theirs) and the units, then ask the predicate. `wait` waits for locks, up to
    the transaction's lock time-out, instead of passing over locked rows."""
    people, pairs = _lock_people(connection, database, stage, keys, wait)
    units = people if stage.by_person else _lock(connection, database, stage, stage.unit, keys, wait)
    busy = _busy(connection, stage, units, people, pairs)
    free = [k for k in units if k not in busy]
    clocks = due_with_clocks(connection, stage, free, alone=not pairs)
    groups = _groups(people, pairs) if stage.by_person else {}
    taken = set(units)
    locked_elsewhere = tuple(k for k in keys if k not in taken or k in busy)
    due = tuple(k for k in units if k in clocks)
    owners = due if stage.by_person else tuple(owners_of(connection, stage, due))
    return Claim(due, clocks, owners, tuple(people), groups, _still_there(connection, stage, locked_elsewhere))


def claim_queries(stage: StagePlan) -> list[sa.Select[Any]]:
    """The large ones of `claim_units`, built once a stage."""
    pairs = _pairs_query(stage)
    more = [] if stage.by_person else [_busy_query(stage), *_owner_queries(stage)]
    kinds: tuple[Stones, ...] = ("none", "whole", "in part") if stage.is_remembered else ("none",)
    due = [_due_query(stage, stones, alone) for stones in kinds for alone in (True, False)]
    remembered = [_tombstones_query(stage)] if stage.is_remembered else []
    return [*remembered, *due, *([] if pairs is None else [pairs]), *more]


def _lock(
    connection: sa.Connection, database: Database, stage: StagePlan, name: str, keys: Sequence[Key], wait: bool
) -> list[Key]:
    """The rows of the table with these keys, in key order."""
    if not keys:
        return []
    query = _locking(database, stage, name, not wait)
    return [tuple(r) for r in connection.execute(query, {"keys": bare(keys)}).all()]


@lru_cache(maxsize=KEPT_QUERIES)
def _locking(database: Database, stage: StagePlan, name: str, skip: bool) -> sa.Select[Any]:
    table = stage.scene.links.alias(name)
    columns = stage.scene.key(name, table)
    query = sa.select(*columns).select_from(table).where(key_in(columns, KEYS)).order_by(*columns)
    return database.locked(query, skip=skip)


def _lock_people(
    connection: sa.Connection, database: Database, stage: StagePlan, keys: Sequence[Key], wait: bool
) -> tuple[list[Key], list[tuple[Key, Key]]]:
    """The subject rows that the units are or lead to, then the other rows of the same persons, each in key order; and
    the pairs of rows of one person there are now."""
    scene = stage.scene
    wanted = keys if stage.by_person else owners_of(connection, stage, keys)
    first = _lock(connection, database, stage, scene.subject, wanted, wait)
    pairs = _pairs(connection, stage, first)
    others = {twin for _, twin in pairs}.difference(first)
    if not others:
        return first, pairs
    twins = _lock(connection, database, stage, scene.subject, list(others), wait)
    pairs = _pairs(connection, stage, [*first, *twins])
    still = {twin for _, twin in pairs}  # who was somebody's twin before the lock may not be any more
    people = [*first, *(k for k in twins if k in still)]
    return people, pairs


def _pairs(connection: sa.Connection, stage: StagePlan, people: Sequence[Key]) -> list[tuple[Key, Key]]:
    """Each of these people with another row of the same person; the value that they share stays in the database."""
    query = _pairs_query(stage)
    if query is None or not people:
        return []
    width = len(people[0])
    found = connection.execute(query, {"keys": bare(people)}).all()
    return [(tuple(row[:width]), tuple(row[width:])) for row in found]


@lru_cache(maxsize=KEPT_QUERIES)
def _pairs_query(stage: StagePlan) -> sa.Select[Any] | None:
    scene = stage.scene
    return stage.people.pairs(lambda row: key_in(scene.key(scene.subject, row), KEYS))


def owners_of(connection: sa.Connection, stage: StagePlan, keys: Sequence[Key]) -> list[Key]:
    """The people that rows belong to, over any link."""
    found: dict[Key, None] = {}
    for query in _owner_queries(stage) if keys else ():
        found.update(dict.fromkeys(tuple(r) for r in connection.execute(query, {"keys": bare(keys)}).all()))
    return list(found)


@lru_cache(maxsize=KEPT_QUERIES)
def _owner_queries(stage: StagePlan) -> tuple[sa.Select[Any], ...]:
    scene = stage.scene
    found = []
    for path in scene.links.to_people(stage.unit):
        person = scene.links.alias(scene.subject)
        columns = scene.key(scene.subject, person)
        reached = scene.links.reached_from(path, person, lambda row: key_in(scene.key(stage.unit, row), KEYS))
        found.append(sa.select(*columns).select_from(person).where(reached).order_by(*columns))
    return tuple(found)


def _busy(
    connection: sa.Connection,
    stage: StagePlan,
    units: Sequence[Key],
    people: Sequence[Key],
    pairs: Sequence[tuple[Key, Key]],
) -> set[Key]:
    """Units with a person, or another row of the same person, whose lock we did not get."""
    if stage.by_person:
        ours = set(people)
        return {person for person, twin in pairs if twin not in ours}
    if not units:
        return set()
    parameters = {"keys": bare(units), "people": bare(people)}
    return {tuple(r) for r in connection.execute(_busy_query(stage), parameters).all()}


@lru_cache(maxsize=KEPT_QUERIES)
def _busy_query(stage: StagePlan) -> sa.Select[Any]:
    """For a stage by rows."""
    scene = stage.scene

    def not_ours(person: sa.FromClause) -> Test:
        return key_not_in(scene.key(scene.subject, person), PEOPLE)

    def not_ours_or_kin(person: sa.FromClause) -> Test:
        return sa.or_(not_ours(person), stage.people.of_same_person(person, not_ours))

    unit = stage.units()
    columns = scene.key(stage.unit, unit)
    test = stage.belongs_to(stage.unit, unit, not_ours_or_kin)
    return sa.select(*columns).select_from(unit).where(key_in(columns, KEYS), test)


def due_with_clocks(
    connection: sa.Connection, stage: StagePlan, keys: Sequence[Key], alone: bool = False
) -> dict[Key, datetime | None]:
    """The predicate over locked keys: those that are due, with the clock (naive UTC) that says so. Tombstones are
    written by those who have locked the units: that there are none holds. `alone`: no other rows of the same people
    were there when theirs were locked; one that comes is looked for before COMMIT, whatever this says."""
    if not keys:
        return {}
    query = _due_query(stage, _stones(connection, stage, keys), alone)
    found = connection.execute(query, {"keys": bare(keys)}).all()
    return {tuple(key): moment_of(clock) for *key, clock in found}


def _stones(connection: sa.Connection, stage: StagePlan, keys: Sequence[Key]) -> Stones:
    """What tombstones the units have, taken together."""
    if not stage.is_remembered:
        return "none"
    remain = set(connection.execute(_tombstones_query(stage), {"keys": bare(keys)}).scalars().all())
    stones: Stones = "in part" if True in remain else "whole" if False in remain else "none"
    return stones


@lru_cache(maxsize=KEPT_QUERIES)
def _tombstones_query(stage: StagePlan) -> sa.Select[Any]:
    return stage.tombstones(lambda row: key_in(stage.scene.key(stage.unit, row), KEYS))


@lru_cache(maxsize=KEPT_QUERIES)
def _due_query(stage: StagePlan, stones: Stones, alone: bool) -> sa.Select[Any]:
    verdicts = stage.verdicts(lambda row: key_in(stage.scene.key(stage.unit, row), KEYS), stones, alone)
    columns = stage.keys(verdicts)
    return sa.select(*columns, verdicts.c.clock).where(verdicts.c.state == DUE).order_by(*columns)


def moment_of(value: Any) -> datetime | None:
    """SQLite hands out texts; the predicate has let through only those that are dates."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, date):
        return datetime.combine(value, time())
    return datetime.fromisoformat(value) if isinstance(value, str) else None


def _groups(people: Sequence[Key], pairs: Sequence[tuple[Key, Key]]) -> dict[Key, Key]:
    """For each row that is not a person by itself, the row that stands for all of the person's."""
    places = {key: place for place, key in enumerate(people)}
    found: dict[Key, Key] = {}
    for person, twin in pairs:
        if twin in places:
            found[person] = min(found.get(person, person), twin, key=places.__getitem__)
    return found


def _still_there(connection: sa.Connection, stage: StagePlan, keys: Sequence[Key]) -> tuple[Key, ...]:
    """Of the keys that could not be locked, those that exist: the others were deleted by somebody else."""
    if not keys:
        return ()
    unit = stage.units()
    columns = stage.scene.key(stage.unit, unit)
    query = sa.select(*columns).where(key_in(columns, KEYS)).order_by(*columns)
    return tuple(tuple(r) for r in connection.execute(query, {"keys": bare(keys)}).all())
