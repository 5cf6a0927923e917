"""The ledger's tables of requests: what was asked for, about whom, and who decided. No personal data."""

import sqlalchemy as sa

from worker.ledger.columns import Names, key, text, time


def request(names: Names) -> sa.Table:
    """What a person, or somebody for them, asks for: `operation` due, erasure, block or unblock; `checked`: how their
    identity or mandate was checked (the kind, never a number); `plan`: JSON, as it was shown; `not_before`: the end of
    the cancel window; `outcome`: why it ended as it did."""
    return names.table(
        "request",
        text("id", pk=True),
        text("policy_name"),
        sa.Column("policy_hash", sa.Text, names.refers_to("policy", "hash"), nullable=False),
        text("operation"),
        sa.Column("received_on", sa.Date, nullable=False),
        sa.Column("answer_by", sa.Date, nullable=True),
        text("checked"),
        text("reason"),
        text("basis", null=True),
        text("fingerprint"),
        text("plan"),
        text("state"),
        time("created_at"),
        time("not_before", null=True),
        text("run_id", null=True),
        time("ended_at", null=True),
        text("outcome", null=True),
    )


def request_subject(names: Names) -> sa.Table:
    """The rows a request is about: people by the subject's key, and rows of strangers by their own."""
    return names.table(
        "request_subject",
        sa.Column("request_id", sa.Text, names.refers_to("request", "id"), primary_key=True, nullable=False),
        text("table_name", pk=True),
        *key(pk=True),
        sa.Index(None, "table_name", "key_number", "key_text"),
    )


def decision(names: Names) -> sa.Table:
    """Who asked for, approved or cancelled what, signed. INSERT-only. `about`: a request's id, or what else was decided
    on; `fingerprint`: of the plan that they saw; `signed_with`: account (the installation's key), token (their own)."""
    return names.table(
        "decision",
        text("id", pk=True),
        text("about"),
        text("action"),
        text("fingerprint"),
        text("author"),
        text("signed_with"),
        text("key_id"),
        text("signature"),
        time("decided_at"),
        sa.Index(None, "about"),
    )


def person(names: Names) -> sa.Table:
    """People with a token of their own: the public half of it, and who registered it."""
    return names.table(
        "person",
        text("name", pk=True),
        text("public_key"),
        text("registered_by"),
        time("registered_at"),
        time("revoked_at", null=True),
    )
