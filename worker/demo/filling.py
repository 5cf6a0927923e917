"""Fills the operator's tables: the same people for the same seed and moment, on every server."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from worker.demo import words
from worker.demo.debts import owe
from worker.demo.disk import Disk
from worker.demo.loading import load, prepare, settle
from worker.demo.outreach import reach, strange_subscriber, strange_visit
from worker.demo.people import World, person
from worker.demo.records import register, strange_feedback, write
from worker.demo.rows import TABLES, AuditLogLine, Region

PEOPLE_AT_ONCE = 2_000  # keeps memory flat: only these people's rows are in it


def fill(
    engine: sa.Engine,
    people: int,
    seed: int,
    files: Mapping[str, Path],
    now: datetime,
    on_progress: Callable[[int], None] = lambda people: None,
) -> dict[str, int]:
    """Invent people and all that belongs to them, in one transaction, into the empty tables of make_schema.

    `files` gives the folder of each file root (`scans`, `recordings`; ValueError if one is missing); `now` is the
    moment the stories are told from (a naive one is UTC). `on_progress` gets the number of people loaded so far.
    Returns the rows per table.
    """
    rng = random.Random(seed)  # noqa: S311 - invented people are to come out the same again, not secret
    world = World(rng=rng, now=_naive_utc(now), disk=Disk(files), start=rng.random())
    loaded: Counter[str] = Counter()
    with engine.begin() as connection:
        prepare(connection)
        _regions(world)
        for first in range(1, people + 1, PEOPLE_AT_ONCE):
            upto = min(first + PEOPLE_AT_ONCE, people + 1)
            for number in range(first, upto):
                _live(world, number)
            _unload(world, connection, loaded)
            on_progress(upto - 1)
        _unload(world, connection, loaded)
        settle(connection, [table for table in TABLES.values() if table != "regions"])
    return dict(loaded)


def _live(world: World, number: int) -> None:
    made = person(world, number)
    register(world, made)
    write(world, made)
    owe(world, made)
    reach(world, made)
    if world.chance(0.05):
        strange_feedback(world)
    if world.chance(0.03):
        strange_subscriber(world)
    if world.chance(0.4):
        strange_visit(world)


def _regions(world: World) -> None:
    for number, (code, name) in enumerate(words.REGIONS, start=1):
        world.heap.add(Region(number, code, name))
        # The audit log knows other tables too; their row ids say nothing about a user of the same id.
        line = world.heap.new_id(AuditLogLine)
        world.heap.add(AuditLogLine(line, "regions", number, str(world.now), '{"name": ""}', '{"name": "…"}'))


def _unload(world: World, connection: sa.Connection, loaded: Counter[str]) -> None:
    for table, columns, rows in world.heap.drain():
        load(connection, table, columns, rows)
        loaded[table] += len(rows)


def _naive_utc(moment: datetime) -> datetime:
    aware = moment.astimezone(UTC) if moment.tzinfo else moment
    return aware.replace(tzinfo=None, microsecond=0)
