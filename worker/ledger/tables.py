"""The ledger's tables: what was decided and done, without personal data, in the operator's own database.

The tables live beside the operator's, so that a change, its entry and its tombstones are one transaction.
Every time is naive UTC. The column `keys` shares its name with a method of SQLAlchemy's column collection:
write ``batch.c["keys"]``, not ``batch.c.keys``.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from worker.ledger.columns import (
    Names,
    flag,
    integer,
    key,
    run_id,
    text,
    time,
)
from worker.ledger.request_tables import decision, person, request, request_subject

SQLITE_PREFIX = "merzim_"

_NAMES = {
    "pk": "%(table_name)s_pkey",
    "fk": "%(table_name)s_%(column_0_name)s_fkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
}


@dataclass(frozen=True)
class Ledger:
    """The ledger's tables in one schema (None: SQLite, where the names carry a prefix instead)."""

    schema: str | None
    metadata: sa.MetaData
    installation: sa.Table
    policy: sa.Table
    stage: sa.Table
    run: sa.Table
    batch: sa.Table
    intent: sa.Table
    entry: sa.Table
    tombstone: sa.Table
    hold: sa.Table
    quarantine: sa.Table
    outbox: sa.Table
    seal: sa.Table
    approval: sa.Table
    presence: sa.Table
    pause: sa.Table
    request: sa.Table
    request_subject: sa.Table
    decision: sa.Table
    person: sa.Table

    def insert_only(self) -> tuple[sa.Table, ...]:
        """The tables that may only ever grow."""
        return (self.entry, self.seal, self.decision)

    def all_tables(self) -> tuple[sa.Table, ...]:
        """Every table, parents before children."""
        return tuple(self.metadata.sorted_tables)


def ledger_tables(schema: str | None) -> Ledger:
    """Describe the ledger in `schema` (PostgreSQL), or with prefixed names when `schema` is None (SQLite).

    Pure: nothing is created or read.
    """
    metadata = sa.MetaData(schema=schema, naming_convention=_NAMES)
    names = Names(metadata, "" if schema else SQLITE_PREFIX)
    return Ledger(
        schema=schema,
        metadata=metadata,
        installation=_installation(names),
        policy=_policy(names),
        stage=_stage(names),
        run=_run(names),
        batch=_batch(names),
        intent=_intent(names),
        entry=_entry(names),
        tombstone=_tombstone(names),
        hold=_hold(names),
        quarantine=_quarantine(names),
        outbox=_outbox(names),
        seal=_seal(names),
        approval=_approval(names),
        presence=_presence(names),
        pause=_pause(names),
        request=request(names),
        request_subject=request_subject(names),
        decision=decision(names),
        person=person(names),
    )


def _installation(names: Names) -> sa.Table:
    """Who this ledger is: its id stands in the path of every segment."""
    return names.table("installation", text("id", pk=True), time("created_at"))


def _policy(names: Names) -> sa.Table:
    """Full text of every policy that was ever acted on, by the sha256 of the text."""
    return names.table("policy", text("hash", pk=True), text("name"), text("text"), time("stored_at"))


def _stage(names: Names) -> sa.Table:
    """Stage names seen: they are permanent, because tombstones bear them."""
    return names.table("stage", text("policy_name", pk=True), text("stage", pk=True), time("first_seen_at"))


def _run(names: Names) -> sa.Table:
    """A plan being carried out in one window. `now` is the fixed moment it was planned for."""
    return names.table(
        "run",
        text("id", pk=True),
        text("policy_name"),
        sa.Column("policy_hash", sa.Text, names.refers_to("policy", "hash"), nullable=False),
        text("kind"),
        sa.Column("local_date", sa.Date, nullable=False),
        integer("slot"),
        time("now"),
        text("state"),
        text("fingerprint"),
        text("plan"),
        flag("approved"),
        time("started_at"),
        time("ended_at", null=True),
        text("reason", null=True),
        sa.UniqueConstraint("policy_name", "kind", "local_date", "slot"),
    )


def _batch(names: Names) -> sa.Table:
    """One message's worth of subjects: `keys` is a JSON list, `cursor` how far its slices have come."""
    return names.table(
        "batch",
        run_id(names, pk=True),
        integer("number", pk=True),
        text("stage"),
        text("keys"),
        integer("units"),
        text("cursor", null=True),
        integer("slices", default="0"),
        text("skipped", default="[]"),
        text("state"),
    )


def _intent(names: Names) -> sa.Table:
    """Committed before a slice begins: a segment without an entry is explained by its intent."""
    return names.table(
        "intent",
        text("attempt", pk=True),
        run_id(names),
        integer("batch"),
        text("segment", null=True),
        time("created_at"),
        sa.Index(None, "run_id", "batch"),
    )


def _entry(names: Names) -> sa.Table:
    """What one slice did. INSERT-only. `bytes`: size of the segment, `part`: one of a heavy subject's slices."""
    return names.table(
        "entry",
        text("attempt", pk=True),
        run_id(names),
        integer("batch"),
        integer("slice"),
        text("kind"),
        text("stage"),
        text("segment", null=True),
        text("sha256", null=True),
        sa.Column("bytes", sa.BigInteger, nullable=True),
        sa.Column("archive_until", sa.Date, nullable=True),
        text("counts"),
        flag("part"),
        time("committed_at"),
        sa.UniqueConstraint("run_id", "batch", "slice"),
    )


def _tombstone(names: Names) -> sa.Table:
    """This was done to (stage "policy/stage", key), decided on `clock`; `remains`: the row is still there."""
    return names.table(
        "tombstone",
        text("stage", pk=True),
        *key(pk=True),
        time("clock", null=True),
        flag("remains"),
        text("run_id"),
        integer("batch"),
        integer("slice"),
        time("done_at"),
    )


def _hold(names: Names) -> sa.Table:
    """A hold placed by hand. `scope`: person, row or table; texts that look personal are refused."""
    return names.table(
        "hold",
        text("id", pk=True),
        text("scope"),
        text("table_name"),
        *key(),
        text("reason"),
        text("author"),
        time("placed_at"),
        time("ends_at", null=True),
        time("released_at", null=True),
        text("released_by", null=True),
        sa.Index(None, "scope", "table_name", "key_number", "key_text"),
    )


def _quarantine(names: Names) -> sa.Table:
    """Rows whose clock could not be decided in this run: reported, never acted on."""
    return names.table(
        "quarantine",
        run_id(names, pk=True),
        text("stage", pk=True),
        text("table_name", pk=True),
        *key(pk=True),
        text("reason"),
    )


def _outbox(names: Names) -> sa.Table:
    """Files of deleted rows that wait to be removed; the path leaves the ledger when the file is gone."""
    return names.table(
        "outbox",
        text("id", pk=True),
        text("run_id"),
        integer("batch"),
        integer("slice"),
        text("root"),
        text("path", null=True),
        time("queued_at"),
        integer("attempts", default="0"),
        text("problem", null=True),
    )


def _seal(names: Names) -> sa.Table:
    """The signed hash that closes a run's entries, chained to the run before. INSERT-only.

    `entry_digests` is a JSON list of [attempt, sha256] in (batch, slice) order: it lets `verify` name the entry.
    """
    return names.table(
        "seal",
        run_id(names, pk=True),
        integer("ordinal"),
        integer("entries"),
        text("digest"),
        text("previous"),
        text("run_digest"),
        text("entry_digests"),
        text("signature"),
        text("key_id"),
        time("sealed_at"),
        sa.UniqueConstraint("ordinal"),
    )


def _approval(names: Names) -> sa.Table:
    """Somebody's yes to the plan with this fingerprint; a later yes to the same plan is a row of its own."""
    return names.table(
        "approval",
        text("fingerprint", pk=True),
        text("policy_hash", pk=True),
        text("author"),
        time("approved_at", pk=True),
    )


def _presence(names: Names) -> sa.Table:
    """When each worker, and the sweep, was last seen."""
    return names.table("presence", text("name", pk=True), time("seen_at"))


def _pause(names: Names) -> sa.Table:
    """Who let no slice begin, why, and until when."""
    return names.table(
        "pause",
        text("id", pk=True),
        text("reason"),
        text("author"),
        time("paused_at"),
        text("resumed_by", null=True),
        time("resumed_at", null=True),
    )
