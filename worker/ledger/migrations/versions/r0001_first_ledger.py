"""The first ledger: its tables, and the triggers that keep entries and seals from ever being changed.

Written out, not taken from tables.py: a migration must do the same in every later version.
"""

import sqlalchemy as sa

from worker.ledger.migrations.writing import (
    count,
    create,
    fk,
    flag,
    index,
    insert_only,
    integers,
    key,
    lock_rows,
    optional_text,
    pk,
    texts,
    time,
    unique,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSERT_ONLY = {"entry": "attempt", "seal": "run_id"}


def upgrade() -> None:
    """Create every table of the ledger, parents first."""
    _create_decisions()
    _create_work()
    _create_memory()
    _create_seals()
    for table, key in INSERT_ONLY.items():
        insert_only(table, key)
    lock_rows()


def _create_decisions() -> None:
    create("installation", *texts("id"), time("created_at"), pk("installation", "id"))
    create("policy", *texts("hash", "name", "text"), time("stored_at"), pk("policy", "hash"))
    create(
        "stage", *texts("policy_name", "stage"), time("first_seen_at"), pk("stage", "policy_name", "stage")
    )
    create(
        "approval",
        *texts("fingerprint", "policy_hash", "author"),
        time("approved_at"),
        pk("approval", "fingerprint", "policy_hash", "approved_at"),
    )
    create(
        "run",
        *texts("id", "policy_name", "policy_hash", "kind"),
        sa.Column("local_date", sa.Date(), nullable=False),
        *integers("slot"),
        time("now"),
        *texts("state", "fingerprint", "plan"),
        flag("approved"),
        time("started_at"),
        time("ended_at", null=True),
        optional_text("reason"),
        pk("run", "id"),
        unique("run", "policy_name", "kind", "local_date", "slot"),
        fk("run", "policy_hash", "policy", "hash"),
    )


def _create_work() -> None:
    create(
        "batch",
        *texts("run_id"),
        *integers("number"),
        *texts("stage", "keys"),
        *integers("units"),
        optional_text("cursor"),
        count("slices"),
        sa.Column("skipped", sa.Text(), nullable=False, server_default="[]"),
        *texts("state"),
        pk("batch", "run_id", "number"),
        fk("batch", "run_id", "run", "id"),
    )
    create(
        "intent",
        *texts("attempt", "run_id"),
        *integers("batch"),
        optional_text("segment"),
        time("created_at"),
        pk("intent", "attempt"),
        fk("intent", "run_id", "run", "id"),
    )
    index("intent", "run_id", "batch")
    create(
        "entry",
        *texts("attempt", "run_id"),
        *integers("batch", "slice"),
        *texts("kind", "stage"),
        optional_text("segment"),
        optional_text("sha256"),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("archive_until", sa.Date(), nullable=True),
        *texts("counts"),
        flag("part"),
        time("committed_at"),
        pk("entry", "attempt"),
        unique("entry", "run_id", "batch", "slice"),
        fk("entry", "run_id", "run", "id"),
    )


def _create_memory() -> None:
    create(
        "tombstone",
        *texts("stage"),
        *key(),
        time("clock", null=True),
        flag("remains"),
        *texts("run_id"),
        *integers("batch", "slice"),
        time("done_at"),
        pk("tombstone", "stage", "key_number", "key_text"),
    )
    create(
        "hold",
        *texts("id", "scope", "table_name"),
        *key(),
        *texts("reason", "author"),
        time("placed_at"),
        time("ends_at", null=True),
        time("released_at", null=True),
        optional_text("released_by"),
        pk("hold", "id"),
    )
    index("hold", "scope", "table_name", "key_number", "key_text")
    create(
        "quarantine",
        *texts("run_id", "stage", "table_name"),
        *key(),
        *texts("reason"),
        pk("quarantine", "run_id", "stage", "table_name", "key_number", "key_text"),
        fk("quarantine", "run_id", "run", "id"),
    )
    create(
        "outbox",
        *texts("id", "run_id"),
        *integers("batch", "slice"),
        *texts("root"),
        optional_text("path"),
        time("queued_at"),
        count("attempts"),
        optional_text("problem"),
        pk("outbox", "id"),
    )


def _create_seals() -> None:
    create(
        "seal",
        *texts("run_id"),
        *integers("ordinal", "entries"),
        *texts("digest", "previous", "run_digest", "entry_digests", "signature", "key_id"),
        time("sealed_at"),
        pk("seal", "run_id"),
        unique("seal", "ordinal"),
        fk("seal", "run_id", "run", "id"),
    )
