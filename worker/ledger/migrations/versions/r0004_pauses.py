"""Pauses: somebody stands in the way of every slice until the work is resumed."""

from worker.ledger.migrations.writing import create, optional_text, pk, texts, time

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; it holds a handful of rows."""
    create(
        "pause",
        *texts("id", "reason", "author"),
        time("paused_at"),
        optional_text("resumed_by"),
        time("resumed_at", null=True),
        pk("pause", "id"),
    )
