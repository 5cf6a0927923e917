"""explain: which event set a clock, and in which slices something was done."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from worker.pipeline.claim import moment_of
from worker.plan.calendar import Moment, Test
from worker.plan.keys import Key
from worker.plan.scene import RowTest
from worker.plan.stages import StagePlan
from worker.reports.person import EventFacts, SliceFacts


def newest_events(
    connection: sa.Connection,
    events: Sequence[tuple[Moment | None, sa.Select[Any]]],
    absurd: Callable[[sa.ColumnElement[Any]], Test],
) -> list[EventFacts]:
    """Each event's newest sane moment, and how many of its dates cannot be true; events without any are left out."""
    found: dict[str | None, EventFacts] = {}
    for moment, query in events:
        name = None if moment is None else _name(moment)
        rows = query.subquery()
        strange = sa.func.coalesce(sa.func.sum(sa.case((absurd(rows.c.merzim_rank), 1), else_=0)), 0)
        last, wrong = connection.execute(sa.select(sa.func.max(rows.c.merzim_clock), strange)).one()
        before = found.get(name, EventFacts(name, None))
        newest = max((m for m in (moment_of(last), before.newest) if m is not None), default=None)
        found[name] = EventFacts(name, newest, int(wrong) + before.absurd)
    return [e for e in found.values() if e.newest is not None or e.absurd]


def _name(moment: Moment) -> str:
    event = moment.event
    return text("lawyer.event", column=event.column, condition=event.where) if event.where else str(event.column)


def slices_of(connection: sa.Connection, stage: StagePlan, unit_is: RowTest, key: Key | None) -> list[SliceFacts]:
    """The slices in which the units were done, oldest first. `key`: a person's, also of one who is gone."""
    stone = stage.scene.ledger.tombstone
    unit = stage.units()
    there: sa.Select[Any] = sa.select(sa.literal_column("1")).where(
        stage.scene.match(stone, stage.unit, unit), unit_is(unit)
    )
    known: list[Test] = [sa.exists(there.correlate(stone))]
    if stage.by_person and key is not None:
        number, written = stage.scene.codec(stage.unit).columns_of(key)
        known.append(sa.and_(stone.c.key_number == number, stone.c.key_text == written))
    place = (stone.c.run_id, stone.c.batch, stone.c.slice)
    remains = sa.func.max(sa.cast(stone.c.remains, sa.Integer))
    query = sa.select(*place, sa.func.count(), remains).where(stone.c.stage == stage.qualified, sa.or_(*known))
    found = []
    for run, batch, number, units, remain in connection.execute(query.group_by(*place)).all():
        found += _entries(connection, stage, (run, batch, number), units, bool(remain))
    return sorted(found, key=lambda s: (s.done_at, s.run, s.batch, s.slice))


def _entries(
    connection: sa.Connection, stage: StagePlan, place: tuple[str, int, int], units: int, remains: bool
) -> list[SliceFacts]:
    """The slice of a tombstone, and those before it that did a part of the same unit: the slices of a heavy unit follow
    each other, and only the last of them is not marked as a part."""
    run, batch, last = place
    entry = stage.scene.ledger.entry
    query = entry.select().where(entry.c.run_id == run, entry.c.batch == batch, entry.c.slice <= last)
    found = []
    for row in connection.execute(query.order_by(entry.c.slice.desc())).mappings():
        is_last = row["slice"] == last
        if not is_last and not row["part"]:
            break
        counts = json.loads(row["counts"])
        found.append(
            SliceFacts(
                run=run,
                batch=batch,
                slice=row["slice"],
                done_at=row["committed_at"],
                units=units,
                remains=remains or not is_last,
                segment=row["segment"],
                copy_until=row["archive_until"],
                changed=counts.get("tables", {}),
                others=counts.get("units", 0) > units,
            )
        )
    return found
