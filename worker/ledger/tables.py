"""The ledger's tables: what was decided and done, without personal data, in the operator's own database.

The tables live beside the operator's, so that a change, its entry and its tombstones are one transaction.
Every time is naive UTC. The column `keys` shares its name with a method of SQLAlchemy's column collection:
write ``batch.c["keys"]``, not ``batch.c.keys``.
"""

from dataclasses import dataclass

import sqlalchemy as sa

SQLITE_PREFIX = "merzim_"
KEY_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Text of a key, compared byte by byte: PostgreSQL COLLATE "C", on SQLite BINARY is the default."""

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

    def insert_only(self) -> tuple[sa.Table, ...]:
        """The tables that may only ever grow."""
        return (self.entry, self.seal)

    def all_tables(self) -> tuple[sa.Table, ...]:
        """Every table, parents before children."""
        return tuple(self.metadata.sorted_tables)


def ledger_tables(schema: str | None) -> Ledger:
    """Describe the ledger in `schema` (PostgreSQL), or with prefixed names when `schema` is None (SQLite).

    Pure: nothing is created or read.
    """
    metadata = sa.MetaData(schema=schema, naming_convention=_NAMES)
    names = _Names(metadata, "" if schema else SQLITE_PREFIX)
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
    )


@dataclass(frozen=True)
class _Names:
    metadata: sa.MetaData
    prefix: str

    def table(self, name: str, *items: sa.schema.SchemaItem) -> sa.Table:
        return sa.Table(self.prefix + name, self.metadata, *items)

    def refers_to(self, table: str, column: str) -> sa.ForeignKey:
        schema = f"{self.metadata.schema}." if self.metadata.schema else ""
        return sa.ForeignKey(f"{schema}{self.prefix}{table}.{column}")


def _text(name: str, *, pk: bool = False, null: bool = False, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=pk, nullable=null, server_default=default)


def _integer(name: str, *, pk: bool = False, default: str | None = None) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, primary_key=pk, nullable=False, autoincrement=False, server_default=default)


def _time(name: str, *, pk: bool = False, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime, primary_key=pk, nullable=null)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def _run_id(names: _Names, *, pk: bool = False) -> sa.Column[str]:
    return sa.Column("run_id", sa.Text, names.refers_to("run", "id"), primary_key=pk, nullable=False)


def _key(*, pk: bool = False) -> tuple[sa.Column[int], sa.Column[str]]:
    """A row's key: native integers in key_number, everything else in key_text; the other keeps its default."""
    return (
        sa.Column(
            "key_number",
            sa.BigInteger,
            primary_key=pk,
            nullable=False,
            autoincrement=False,
            server_default="0",
        ),
        sa.Column("key_text", KEY_TEXT, primary_key=pk, nullable=False, server_default=sa.text("''")),
    )


def _installation(names: _Names) -> sa.Table:
    """Who this ledger is: its id stands in the path of every segment."""
    return names.table("installation", _text("id", pk=True), _time("created_at"))


def _policy(names: _Names) -> sa.Table:
    """Full text of every policy that was ever acted on, by the sha256 of the text."""
    return names.table("policy", _text("hash", pk=True), _text("name"), _text("text"), _time("stored_at"))


def _stage(names: _Names) -> sa.Table:
    """Stage names seen: they are permanent, because tombstones bear them."""
    return names.table("stage", _text("policy_name", pk=True), _text("stage", pk=True), _time("first_seen_at"))


def _run(names: _Names) -> sa.Table:
    """A plan being carried out in one window. `now` is the fixed moment it was planned for."""
    return names.table(
        "run",
        _text("id", pk=True),
        _text("policy_name"),
        sa.Column("policy_hash", sa.Text, names.refers_to("policy", "hash"), nullable=False),
        _text("kind"),
        sa.Column("local_date", sa.Date, nullable=False),
        _integer("slot"),
        _time("now"),
        _text("state"),
        _text("fingerprint"),
        _text("plan"),
        _flag("approved"),
        _time("started_at"),
        _time("ended_at", null=True),
        _text("reason", null=True),
        sa.UniqueConstraint("policy_name", "kind", "local_date", "slot"),
    )


def _batch(names: _Names) -> sa.Table:
    """One message's worth of subjects: `keys` is a JSON list, `cursor` how far its slices have come."""
    return names.table(
        "batch",
        _run_id(names, pk=True),
        _integer("number", pk=True),
        _text("stage"),
        _text("keys"),
        _integer("units"),
        _text("cursor", null=True),
        _integer("slices", default="0"),
        _text("skipped", default="[]"),
        _text("state"),
    )


def _intent(names: _Names) -> sa.Table:
    """Committed before a slice begins: a segment without an entry is explained by its intent."""
    return names.table(
        "intent",
        _text("attempt", pk=True),
        _run_id(names),
        _integer("batch"),
        _text("segment", null=True),
        _time("created_at"),
        sa.Index(None, "run_id", "batch"),
    )


def _entry(names: _Names) -> sa.Table:
    """What one slice did. INSERT-only. `bytes`: size of the segment, `part`: one of a heavy subject's slices."""
    return names.table(
        "entry",
        _text("attempt", pk=True),
        _run_id(names),
        _integer("batch"),
        _integer("slice"),
        _text("kind"),
        _text("stage"),
        _text("segment", null=True),
        _text("sha256", null=True),
        sa.Column("bytes", sa.BigInteger, nullable=True),
        sa.Column("archive_until", sa.Date, nullable=True),
        _text("counts"),
        _flag("part"),
        _time("committed_at"),
        sa.UniqueConstraint("run_id", "batch", "slice"),
    )


def _tombstone(names: _Names) -> sa.Table:
    """This was done to (stage "policy/stage", key), decided on `clock`; `remains`: the row is still there."""
    return names.table(
        "tombstone",
        _text("stage", pk=True),
        *_key(pk=True),
        _time("clock", null=True),
        _flag("remains"),
        _text("run_id"),
        _integer("batch"),
        _integer("slice"),
        _time("done_at"),
    )


def _hold(names: _Names) -> sa.Table:
    """A hold placed by hand. `scope`: person, row or table; texts that look personal are refused."""
    return names.table(
        "hold",
        _text("id", pk=True),
        _text("scope"),
        _text("table_name"),
        *_key(),
        _text("reason"),
        _text("author"),
        _time("placed_at"),
        _time("ends_at", null=True),
        _time("released_at", null=True),
        _text("released_by", null=True),
        sa.Index(None, "scope", "table_name", "key_number", "key_text"),
    )


def _quarantine(names: _Names) -> sa.Table:
    """Rows whose clock could not be decided in this run: reported, never acted on."""
    return names.table(
        "quarantine",
        _run_id(names, pk=True),
        _text("stage", pk=True),
        _text("table_name", pk=True),
        *_key(pk=True),
        _text("reason"),
    )


def _outbox(names: _Names) -> sa.Table:
    """Files of deleted rows that wait to be removed; the path leaves the ledger when the file is gone."""
    return names.table(
        "outbox",
        _text("id", pk=True),
        _text("run_id"),
        _integer("batch"),
        _integer("slice"),
        _text("root"),
        _text("path", null=True),
        _time("queued_at"),
        _integer("attempts", default="0"),
        _text("problem", null=True),
    )


def _seal(names: _Names) -> sa.Table:
    """The signed hash that closes a run's entries, chained to the run before. INSERT-only.

    `entry_digests` is a JSON list of [attempt, sha256] in (batch, slice) order: it lets `verify` name the entry.
    """
    return names.table(
        "seal",
        _run_id(names, pk=True),
        _integer("ordinal"),
        _integer("entries"),
        _text("digest"),
        _text("previous"),
        _text("run_digest"),
        _text("entry_digests"),
        _text("signature"),
        _text("key_id"),
        _time("sealed_at"),
        sa.UniqueConstraint("ordinal"),
    )


def _approval(names: _Names) -> sa.Table:
    """Somebody's yes to the plan with this fingerprint; a later yes to the same plan is a row of its own."""
    return names.table(
        "approval",
        _text("fingerprint", pk=True),
        _text("policy_hash", pk=True),
        _text("author"),
        _time("approved_at", pk=True),
    )


def _presence(names: _Names) -> sa.Table:
    """When each worker, and the sweep, was last seen."""
    return names.table("presence", _text("name", pk=True), _time("seen_at"))
