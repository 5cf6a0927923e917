"""Requests of persons, who decided on them, and the persons who have a token of their own."""

import sqlalchemy as sa

from worker.ledger.migrations.writing import create, fk, index, insert_only, key, optional_text, pk, texts, time

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables; those of before are not touched."""
    create(
        "request",
        *texts("id", "policy_name", "policy_hash", "operation"),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("answer_by", sa.Date(), nullable=True),
        *texts("checked", "reason"),
        optional_text("basis"),
        *texts("fingerprint", "plan", "state"),
        time("created_at"),
        time("not_before", null=True),
        optional_text("run_id"),
        time("ended_at", null=True),
        optional_text("outcome"),
        pk("request", "id"),
        fk("request", "policy_hash", "policy", "hash"),
    )
    create(
        "request_subject",
        *texts("request_id", "table_name"),
        *key(),
        pk("request_subject", "request_id", "table_name", "key_number", "key_text"),
        fk("request_subject", "request_id", "request", "id"),
    )
    index("request_subject", "table_name", "key_number", "key_text")
    create(
        "decision",
        *texts("id", "about", "action", "fingerprint", "author", "signed_with", "key_id", "signature"),
        time("decided_at"),
        pk("decision", "id"),
    )
    index("decision", "about")
    insert_only("decision", "id")
    create(
        "person",
        *texts("name", "public_key", "registered_by"),
        time("registered_at"),
        time("revoked_at", null=True),
        pk("person", "name"),
    )
