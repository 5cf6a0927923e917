"""restore: what one segment holds goes back where it was. Written beside the archive, since an archive that nobody
restored is only a hope.

In one transaction: a hold on everybody and everything restored (else the next night would undo it), rows that are
missing inserted, rows that still look depersonalised put back, rows changed since left alone and counted; tombstones
retired, an entry written, the run of kind "restore" closed and sealed.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from config.catalogue import text
from config.loader import load_policy
from config.names import join_names
from config.policy import Policy
from worker.archive.format import TableHeader
from worker.archive.reading import Segment, read_segment, verify_segment
from worker.databases.facts import Schema, TableFacts
from worker.ledger.batches import Entry, NewBatch, advance_batch, claim_batch, store_batches, write_entry
from worker.ledger.gate import hold_exclusive
from worker.ledger.holds import Hold, Scope, place
from worker.ledger.keys import KeyCodec
from worker.ledger.policies import policy_text
from worker.ledger.runs import NewRun, close_run, create_run, find_run
from worker.ledger.seal import seal_run
from worker.ledger.tombstones import retire
from worker.pipeline.planning import scene_of
from worker.pipeline.tools import Broken, Refused, Tools, utc_now
from worker.plan.result import Key
from worker.plan.scene import by_person
from worker.plan.treatments import Column, columns_of

HOLD_REASON = "restored from the archive"
SCRATCH = "merzim_restored"


@dataclass(frozen=True)
class TableRestored:
    """What became of one table's rows: inserted, put back, there already, or changed since and left alone."""

    table: str
    inserted: int
    put_back: int
    there_already: int
    changed_since: int


@dataclass(frozen=True)
class Restored:
    """What a restore did, or with `done` false would do."""

    segment: str
    done: bool
    tables: tuple[TableRestored, ...]
    holds: int


class _DryRun(Exception):
    """Rolls a dry run back."""


def restore_segment(tools: Tools, segment: str, identities: Sequence[str], author: str, dry_run: bool) -> Restored:
    """Restore one segment, or only count what that would do. Raises Refused, ArchiveError, SQLAlchemy's errors."""
    if tools.store is None or tools.spool is None:
        raise Refused(text("restoring.no_archive"))
    entry = _entry(tools, segment)
    path = tools.spool.path(segment)
    waiting = path.exists()
    if not waiting:
        with tools.store.open(segment) as stream:
            verify_segment(stream, entry["sha256"])
    else:
        verify_segment(path, entry["sha256"])
    found: list[Restored] = []
    try:
        with tools.database.writing(lock_seconds=60) as connection:
            hold_exclusive(connection, tools.ledger)
            with (
                path.open("rb") if waiting else tools.store.open(segment) as stream,
                read_segment(stream, identities) as opened,
            ):
                found.append(_restore(connection, tools, entry, opened, author, dry_run))
            if dry_run:
                raise _DryRun
    except _DryRun:
        pass
    except IntegrityError as error:
        raise Refused(text("restoring.refused", error=type(error.orig).__name__)) from None
    return found[0]


def _entry(tools: Tools, segment: str) -> dict[str, Any]:
    table = tools.ledger.entry
    with tools.database.reading() as connection:
        row = connection.execute(table.select().where(table.c.segment == segment)).mappings().one_or_none()
    if row is None:
        raise Refused(text("restoring.unknown_segment", segment=segment))
    return dict(row)


def _restore(
    connection: sa.Connection,
    tools: Tools,
    entry: dict[str, Any],
    opened: Segment,
    author: str,
    dry_run: bool,
) -> Restored:
    run = find_run(connection, tools.ledger, entry["run_id"])
    policy = load_policy(policy_text(connection, tools.ledger, run.policy_hash), text("policy_source.run"))
    stage = policy.stages[entry["stage"]]
    unit = policy.subject.table if by_person(stage.origin) else stage.origin.events[0].column.table
    names = [t for s in policy.stages.values() for t in s.tables]
    schema = tools.database.schema(connection, [unit, policy.subject.table, *names])
    loaded = [_load(connection, tools, schema, place, *section) for place, section in enumerate(opened.sections())]
    problems = [p for one in loaded for p in one.problems]
    if unit not in schema.tables:
        problems.append(text("restoring.table_gone", table=unit))
    if problems:
        raise Refused(text("restoring.misfit", problems=" ".join(problems)))
    # Parents before children: the other way round than the slice went.
    tables = tuple(_put_back(connection, tools, policy, schema, entry["stage"], one) for one in reversed(loaded))
    codec = KeyCodec.of([schema.tables[unit].column(c) for c in schema.tables[unit].key])
    units = [codec.from_json(key) for key in opened.header["units"]]
    covered: list[tuple[Scope, str, KeyCodec, Iterable[Key]]] = [
        ("person" if by_person(stage.origin) else "row", unit, codec, units)
    ]
    covered += [] if by_person(stage.origin) else [("row", *_rows_of(connection, one)) for one in loaded]
    holds = _hold_restored(connection, tools, covered, author)
    retire(connection, tools.ledger, codec, f"{policy.name}/{stage.name}", units)
    _write_down(connection, tools, policy, entry, tables)
    return Restored(entry["segment"], not dry_run, tables, holds)


@dataclass(frozen=True)
class _Loaded:
    """One table of the segment, in a temporary table beside the live one."""

    header: TableHeader
    name: str
    facts: TableFacts | None
    scratch: sa.Table | None
    problems: tuple[str, ...]


def _load(
    connection: sa.Connection, tools: Tools, schema: Schema, place: int, header: TableHeader, rows: Iterable[bytes]
) -> _Loaded:
    name = join_names(*([header.schema] if header.schema else []), header.table)
    facts = schema.tables.get(name)
    problems = _misfits(connection, name, facts, header, tools.database.encoding)
    if facts is None or problems:
        for _ in rows:
            pass  # the reader must come to the next table
        return _Loaded(header, name, facts, None, tuple(problems))
    columns = {c.name: facts.column(c.name) for c in header.columns}
    scratch = tools.database.temporary(connection, f"{SCRATCH}_{place}", columns)
    tools.database.rows_in(connection, scratch, list(columns), rows)
    return _Loaded(header, name, facts, scratch, ())


def _misfits(
    connection: sa.Connection, name: str, facts: TableFacts | None, header: TableHeader, encoding: str
) -> list[str]:
    """Differences of schema since the archive was written that no mapping by name can bridge."""
    if facts is None:
        return [text("restoring.table_gone", table=name)]
    found = []
    if header.encoding != encoding:
        found.append(text("restoring.other_database", table=name, encoding=header.encoding))
    if header.key != facts.key:
        keys = {"archived": ", ".join(header.key), "now": ", ".join(facts.key)}
        found.append(text("restoring.other_key", table=name, **keys))
    archived = {c.name: c.type for c in header.columns}
    for column, kind in archived.items():
        if column not in facts.table.c:
            found.append(text("restoring.column_gone", column=f"{name}.{column}"))
        elif (now := facts.types[column]) != kind:
            found.append(text("restoring.other_type", column=f"{name}.{column}", archived=kind, now=now))
    for live in facts.table.c:
        needed = not live.nullable and live.server_default is None and live.computed is None and live.identity is None
        if live.name not in archived and needed:
            found.append(text("restoring.new_column", column=f"{name}.{live.name}"))
    return found


def _put_back(
    connection: sa.Connection, tools: Tools, policy: Policy, schema: Schema, stage: str, one: _Loaded
) -> TableRestored:
    facts, scratch = one.facts, one.scratch
    assert facts is not None
    assert scratch is not None
    live = facts.table
    total = _count(connection, sa.select(sa.func.count()).select_from(scratch))
    same = sa.and_(*(live.c[c] == scratch.c[c] for c in facts.key))
    columns = [c.name for c in one.header.columns if c.name not in facts.generated]
    identical = sa.and_(*(_equal(tools, live.c[c], scratch.c[c]) for c in columns))
    there = _count(connection, sa.select(sa.func.count()).select_from(scratch.join(live, same)).where(identical))
    put_back = 0
    if one.header.operation == "depersonalise":
        put_back = _overwrite(connection, tools, policy, schema, stage, one, columns, same, identical)
    missing = sa.select(*(scratch.c[c] for c in columns)).where(
        ~sa.exists(sa.select(sa.literal_column("1")).select_from(live).where(same).correlate(scratch))
    )
    inserted = tools.database.insert_from(connection, live, columns, missing)
    as_archived = _count(connection, sa.select(sa.func.count()).select_from(scratch.join(live, same)).where(identical))
    if as_archived != there + put_back + inserted:
        written, found = inserted + put_back, as_archived - there
        values = {"put_back": str(written), "table": one.name, "found": str(found)}
        raise Broken(text("restoring.meddled", n=written, **values))
    return TableRestored(one.name, inserted, put_back, there, total - there - put_back - inserted)


def _overwrite(
    connection: sa.Connection,
    tools: Tools,
    policy: Policy,
    schema: Schema,
    stage: str,
    one: _Loaded,
    columns: Sequence[str],
    same: Any,
    identical: Any,
) -> int:
    """Put originals back into rows that still look as merzim left them and are otherwise unchanged."""
    facts, scratch = one.facts, one.scratch
    assert facts is not None
    assert scratch is not None
    live = facts.table
    treated = _treated(policy, stage, one.name)
    looks = [c.looks_done(live, tools.database.dialect) for c in treated]
    names = {c.name for c in treated}
    kept = [_equal(tools, live.c[c], scratch.c[c]) for c in columns if c not in names]
    values = {c: scratch.c[c] for c in columns if c in names}
    statement = sa.update(live).where(same, *looks, *kept, sa.not_(identical)).values(values)
    return connection.execute(statement).rowcount


def _treated(policy: Policy, stage: str, table: str) -> list[Column]:
    """The columns that the stage changes in a table; for a table it does not name, those that followed the subject."""
    rule = policy.stages[stage].tables.get(table)
    if rule is not None:
        return list(columns_of(policy, rule))
    rules = [s.tables[table] for s in policy.stages.values() if table in s.tables]
    return [c for r in rules for c in columns_of(policy, r) if c.followed is not None]


def _equal(tools: Tools, a: sa.ColumnElement[Any], b: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Equality for every type, also those without one (json), and for NULL."""
    if tools.database.dialect == "sqlite":
        x, y = (sa.type_coerce(side, sa.types.NullType()) for side in (a, b))
        same = sa.collate(x, "BINARY").is_not_distinct_from(y)  # whatever collation the column has
        return sa.and_(sa.func.typeof(x) == sa.func.typeof(y), same)
    return sa.collate(sa.cast(a, sa.Text()), "C").is_not_distinct_from(sa.cast(b, sa.Text()))


def _rows_of(connection: sa.Connection, one: _Loaded) -> tuple[str, KeyCodec, list[Key]]:
    """The keys of all archived rows of a table."""
    assert one.facts is not None
    assert one.scratch is not None
    codec = KeyCodec.of([one.facts.column(c) for c in one.facts.key])
    keys = connection.execute(sa.select(*(one.scratch.c[c] for c in one.facts.key))).all()
    return one.name, codec, [tuple(key) for key in keys]


def _hold_restored(
    connection: sa.Connection,
    tools: Tools,
    covered: Iterable[tuple[Scope, str, KeyCodec, Iterable[Key]]],
    author: str,
) -> int:
    """Hold the people whose slice it was; in a stage by rows, the rows. Who is held so already is not held twice."""
    held = tools.ledger.hold
    names = (held.c.scope, held.c.table_name, held.c.key_number, held.c.key_text)
    in_force = sa.select(*names).where(held.c.reason == HOLD_REASON, held.c.released_at.is_(None))
    known = {tuple(row) for row in connection.execute(in_force)}
    now, before = utc_now(), len(known)
    for scope, table, codec, keys in covered:
        for key in keys:
            number, text = codec.columns_of(key)
            if (scope, table, number, text) not in known:
                known.add((scope, table, number, text))
                place(connection, tools.ledger, Hold(scope, table, HOLD_REASON, author, now, number, text))
    return len(known) - before


def _write_down(
    connection: sa.Connection, tools: Tools, policy: Policy, entry: dict[str, Any], tables: Sequence[TableRestored]
) -> None:
    """A run of its own, with one entry, closed and sealed at once."""
    if tools.sign is None:
        raise Refused(text("restoring.unsealed"))
    now = utc_now()
    calendar = scene_of(policy, Schema(tools.database.dialect), tools.ledger, datetime.now(UTC)).calendar
    plan = {"tables": [], "stages": [], "stopped": {}, "unmentioned": [], "allowed": {}, "restores": entry["segment"]}
    run, made = create_run(
        connection,
        tools.ledger,
        NewRun(policy.name, policy.hash, "restore", calendar.today, now, uuid4().hex[:16], json.dumps(plan), True, now),
    )
    if not made:
        raise Refused(text("restoring.another"))
    store_batches(connection, tools.ledger, run.id, [NewBatch(entry["stage"], [], 0)])
    batch = claim_batch(connection, tools.ledger, run.id)
    assert batch is not None
    counts = {t.table: {"restored": 0} for t in tables}
    for t in tables:  # a table may have several sections
        counts[t.table]["restored"] += t.inserted + t.put_back
    write_entry(
        connection,
        tools.ledger,
        Entry(
            attempt=uuid4().hex,
            run_id=run.id,
            batch=batch.number,
            slice=1,
            kind="restore",
            stage=entry["stage"],
            counts={"units": 0, "tables": counts},
            committed_at=now,
        ),
    )
    advance_batch(connection, tools.ledger, batch, cursor="0", slices=1, state="done")
    close_run(connection, tools.ledger, run.id, "done", now)
    seal_run(connection, tools.ledger, run.id, tools.sign, tools.key_id, now)


def _count(connection: sa.Connection, query: sa.Select[Any]) -> int:
    return int(connection.execute(query).scalar_one())
