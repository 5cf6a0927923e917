"""Signs of life of workers and of the sweep, for `merzim status`."""

from worker.ledger.migrations.writing import create, pk, texts, time

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; it holds a handful of rows."""
    create("presence", *texts("name"), time("seen_at"), pk("presence", "name"))
