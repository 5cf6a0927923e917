"""Signs of life of workers and of the sweep, for `merzim status`."""

import sqlalchemy as sa
from alembic import context, op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; it holds a handful of rows."""
    schema = context.config.attributes["schema"]
    name = "presence" if schema else "merzim_presence"
    op.create_table(
        name,
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("seen_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("name", name=f"{name}_pkey"),
        schema=schema,
    )
