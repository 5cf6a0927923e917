"""The plan that is shown with a request: what would go, what would stay and why, and why nothing may be done at all.

For a block there is nothing to plan but whose rows change; its fingerprint names exactly those.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from config.policy import Policy
from worker.ledger.keys import KeyCodec
from worker.ledger.requests import subjects_of
from worker.ledger.seal import canonical
from worker.office.kin import portions
from worker.pipeline.purging import PurgePlan, plan_purge
from worker.pipeline.tools import Tools
from worker.plan.key_lists import bare, key_in
from worker.plan.keys import Key

BLOCK, UNBLOCK = "block", "unblock"


@dataclass(frozen=True)
class Shown:
    """What people see and decide on. `changes`: rows that would change; `tables`, `kept`: as they stand in the ledger;
    `outcome`: why the request cannot be carried out, if it cannot; `grounds` say the same for the letter."""

    operation: str
    fingerprint: str
    now: datetime
    changes: int
    tables: Sequence[Mapping[str, Any]]
    kept: Sequence[Mapping[str, Any]]
    refusals: Sequence[str]
    grounds: Sequence[Mapping[str, Any]] = ()

    @property
    def outcome(self) -> str | None:
        """Why nothing is done, as sentences; None when something is."""
        if self.refusals:
            return " ".join(self.refusals)
        if self.changes:
            return None
        why = "; ".join(dict.fromkeys(_kept_words(k) for k in self.kept))
        key = "nothing_kept" if why else f"nothing_{self.operation}"
        return text(f"requesting.{key}", why=why)

    def as_json(self) -> dict[str, Any]:
        """As it is stored; `now` is what it was planned for."""
        return {**asdict(self), "now": self.now.isoformat()}


def shown_plan(
    connection: sa.Connection, tools: Tools, policy: Policy, request_id: str, operation: str, now: datetime
) -> Shown:
    """The plan for the rows that the ledger names under this request, at `now` (aware). Raises Refused."""
    if operation in (BLOCK, UNBLOCK):
        return _block_plan(connection, tools, policy, request_id, operation, now)
    found = plan_purge(connection, tools, policy, request_id, operation, now)
    return Shown(
        operation=operation,
        fingerprint=found.plan.fingerprint,
        now=now,
        changes=found.plan.rows_due,
        tables=[t for t in found.plan.as_json()["tables"] if t["due"]],
        kept=_kept(found),
        refusals=[r.sentence for r in found.refusals],
        grounds=[asdict(r) for r in found.refusals],
    )


def keys_of(connection: sa.Connection, tools: Tools, table: str, request_id: str) -> list[Key]:
    """The keys of a table's rows that a request is about, as the database has them."""
    facts = tools.database.schema(connection, [table]).tables[table]
    codec = KeyCodec.of([facts.column(c) for c in facts.key])
    named = subjects_of(connection, tools.ledger, request_id).get(table, [])
    if codec.is_number:
        return [(number,) for number, _ in named]
    subject = tools.ledger.request_subject
    source = [facts.table.c[c] for c in facts.key]
    query = sa.select(*source).select_from(
        facts.table.join(subject, codec.match(subject, source, connection.dialect.name))
    )
    rows = connection.execute(query.where(subject.c.request_id == request_id, subject.c.table_name == table))
    return [tuple(row) for row in rows.all()]


def done_before(
    connection: sa.Connection, tools: Tools, policy: Policy, subjects: Mapping[str, Sequence[Key]]
) -> datetime | None:
    """When the last of these people was depersonalised or deleted; None unless all of them were. Naive UTC."""
    people = subjects.get(policy.subject.table, ())
    if not people or len(subjects) > 1:
        return None
    facts = tools.database.schema(connection, [policy.subject.table]).tables[policy.subject.table]
    codec = KeyCodec.of([facts.column(c) for c in facts.key])
    stone = tools.ledger.tombstone
    stages = [f"{policy.name}/{name}" for name, stage in policy.stages.items() if not stage.origin.events]
    last: datetime | None = None
    for key in people:
        number, written = codec.columns_of(key)
        of_person = (stone.c.stage.in_(stages), stone.c.key_number == number, stone.c.key_text == written)
        done = connection.scalar(sa.select(sa.func.max(stone.c.done_at)).where(*of_person))
        if done is None:
            return None
        last = done if last is None else max(last, done)
    return last


def _block_plan(
    connection: sa.Connection, tools: Tools, policy: Policy, request_id: str, operation: str, now: datetime
) -> Shown:
    subject = policy.subject
    assert subject.blocked is not None
    facts = tools.database.schema(connection, [subject.table]).tables[subject.table]
    flag, columns = facts.table.c[subject.blocked], [facts.table.c[c] for c in facts.key]
    codec = KeyCodec.of(columns)
    keys = keys_of(connection, tools, subject.table, request_id)
    wrong = flag.is_(None) if operation == BLOCK else flag.is_not(None)
    changing = sorted(
        codec.columns_of(tuple(row))
        for portion in portions(keys)
        for row in connection.execute(sa.select(*columns).where(key_in(columns, bare(portion)), wrong))
    )
    digest = hashlib.sha256(canonical([policy.hash, operation, changing]).encode()).hexdigest()[:16]
    table = {"stage": "", "table": subject.table, "operation": operation, "due": len(changing)}
    return Shown(operation, digest, now, len(changing), [table] if changing else [], [], ())


def _kept(found: PurgePlan) -> list[dict[str, Any]]:
    return [{**asdict(k), "until": None if k.until is None else k.until.isoformat()} for k in found.kept]


def _kept_words(kept: Mapping[str, Any]) -> str:
    key = "kept_until" if kept["until"] else "kept"
    return text(f"requesting.{key}", table=kept["table"], why=kept["why"], until=kept["until"])
