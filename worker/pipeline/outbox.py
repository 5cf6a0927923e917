"""Files of rows that went: queued in the slice's own transaction, removed after COMMIT (DESIGN, step 9).

Why this order: a file removed before a rollback is lost; a path queued and committed can be removed tomorrow. The
removal asks again, under the gate, that no row names the path any more, and that nobody whose file it is is held.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from config.catalogue import text
from config.policy import Policy
from worker.databases.facts import Schema
from worker.ledger.gate import hold_shared
from worker.pipeline.claim import KEYS
from worker.pipeline.outbox_holds import Slice, held_slices
from worker.pipeline.planning import scene_of
from worker.pipeline.tools import Tools, utc_now
from worker.plan.key_lists import bare, key_in
from worker.plan.keys import Key
from worker.plan.rows import RulePlan

PLACE = ("run_id", "batch", "slice")
PORTION = 200  # files removed in one transaction


def queue_files(
    connection: sa.Connection, tools: Tools, rule: RulePlan, keys: Sequence[Key], place: tuple[str, int, int]
) -> None:
    """Remember the files that the rows name, before the rows change. `place` is (run, batch, slice)."""
    files = rule.rule.files
    if files is None:
        return
    table = rule.facts.table
    key = [table.c[c] for c in rule.facts.key]
    paths: dict[str, None] = {}
    for column in files.columns:
        query = sa.select(table.c[column]).where(key_in(key, KEYS), table.c[column].is_not(None), table.c[column] != "")
        paths.update(dict.fromkeys(connection.scalars(query, {"keys": bare(keys)})))
    rows = [
        {
            "id": uuid4().hex,
            "run_id": place[0],
            "batch": place[1],
            "slice": place[2],
            "root": files.root,
            "path": path,
            "queued_at": utc_now(),
            "attempts": 0,
            "problem": None,
        }
        for path in paths
    ]
    if rows:
        connection.execute(tools.ledger.outbox.insert(), rows)


def empty_outbox(tools: Tools, policy: Policy, schema: Schema) -> int:
    """Remove every queued file that nothing names any more; returns how many still wait, each with its problem."""
    table = tools.ledger.outbox
    with tools.database.reading() as connection:
        waiting = list(connection.scalars(sa.select(table.c.id).order_by(table.c.queued_at, table.c.id)))
    portions = [waiting[i : i + PORTION] for i in range(0, len(waiting), PORTION)]
    return sum(_remove(tools, policy, schema, portion) for portion in portions)


def _remove(tools: Tools, policy: Policy, schema: Schema, items: Sequence[str]) -> int:
    """Some files in one transaction: under the gate, asked again, removed, forgotten; returns how many stay."""
    scene = scene_of(policy, schema, tools.ledger, datetime.now(UTC))
    table = tools.ledger.outbox
    with tools.database.writing() as connection:
        hold_shared(connection, tools.ledger)
        columns = (table.c.id, table.c.root, table.c.path, table.c.attempts, *(table.c[c] for c in PLACE))
        query = sa.select(*columns).where(table.c.id.in_(items)).with_for_update(skip_locked=True)
        rows = connection.execute(query).all()
        named = _named(connection, policy, schema, {(r.root, r.path) for r in rows})
        held = held_slices(connection, scene, {(r.run_id, r.batch, r.slice) for r in rows})
        problems = {r: None if (r.root, r.path) in named else _remove_unless_held(tools, r, held) for r in rows}
        gone = [r.id for r, problem in problems.items() if problem is None]
        connection.execute(table.delete().where(table.c.id.in_(gone)))
        for row, problem in problems.items():
            if problem is not None:
                values = {"attempts": row.attempts + 1, "problem": problem}
                connection.execute(table.update().where(table.c.id == row.id).values(values))
    return len(rows) - len(gone)


def _remove_unless_held(tools: Tools, row: Any, held: set[Slice]) -> str | None:
    """Remove a file that nobody names, unless it may be somebody's who is held; a sentence if it stays."""
    if (row.run_id, row.batch, row.slice) in held:
        return text("file_stays.held")
    return _unlink(tools, row.root, row.path)


def _named(
    connection: sa.Connection, policy: Policy, schema: Schema, files: set[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Files that some row still names: they are not ours to remove."""
    found: set[tuple[str, str]] = set()
    for stage in policy.stages.values():
        for name, rule in stage.tables.items():
            if rule.files is None or name not in schema.tables:
                continue
            root = rule.files.root
            paths = [path for r, path in files if r == root]
            for column in rule.files.columns if paths else ():
                live = schema.tables[name].table.c[column]
                found |= {(root, path) for path in connection.scalars(sa.select(live).where(live.in_(paths)))}
    return found


def _unlink(tools: Tools, root: str, path: str) -> str | None:
    """Remove the file below its root; a sentence if that is not possible. A file that is gone is done."""
    folder = (tools.files or {}).get(root)
    if folder is None:
        return text("file_stays.no_folder", root=root)
    base = Path(folder).resolve()
    if not base.is_dir():
        return text("file_stays.folder_gone", root=root)
    target = base / path
    try:
        # The folder is resolved, the file itself is not: a symbolic link is removed, never what it points at.
        parent = target.parent.resolve()
    except (ValueError, RuntimeError):  # a NUL character; links that lead in a circle
        parent = None
    if parent is None or base not in (parent, *parent.parents) or "\0" in path or target.name in ("", "..", "."):
        return text("file_stays.outside", root=root)
    try:
        (parent / target.name).unlink(missing_ok=True)
    except OSError as error:
        return text("file_stays.refused", root=root, reason=error.strerror or type(error).__name__)
    return None
