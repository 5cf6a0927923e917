"""How migrations write on MariaDB and MySQL. DDL commits there, so each step must be able to find itself done already.

As in `writing`: a migration must do the same in every later version, so nothing here may ever change.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

BYTES = {"mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin", "mysql_engine": "InnoDB"}
# What stands in a key or an index must have a length there, and a key of InnoDB has at most 3072 bytes.
_SHORT = ("id", "run_id", "attempt", "hash", "policy_hash", "fingerprint", "request_id", "scope", "kind")
LENGTHS = {
    **dict.fromkeys(_SHORT, 64),
    **dict.fromkeys(("policy_name", "stage", "table_name", "name", "about"), 200),
    "key_text": 255,
}
LOCKS = 4 + 256


def create(schema: str, name: str, items: Sequence[sa.schema.SchemaItem]) -> None:
    """Create a table of the ledger, unless an attempt that was cut off has done so."""
    if sa.inspect(op.get_bind()).has_table(name, schema=schema):
        return
    for item in items:
        if isinstance(item, sa.Column):
            _retype(item)
    op.create_table(name, *items, schema=schema, **BYTES)  # type: ignore[arg-type]  # options of a dialect


def _retype(column: sa.Column[Any]) -> None:
    if isinstance(column.type, sa.DateTime):
        column.type = mysql.DATETIME(fsp=6)
    elif isinstance(column.type, sa.Text):
        length = LENGTHS.get(column.name)
        column.type = mysql.VARCHAR(length) if length else mysql.LONGTEXT()
        default = column.server_default
        if not length and isinstance(default, sa.DefaultClause):  # MySQL: a long text takes an expression, no literal
            column.server_default = sa.DefaultClause(sa.text(f"('{default.arg}')"))


def index(schema: str, name: str, columns: Sequence[str]) -> None:
    """An index, unless it is there."""
    called = f"{name}_{'_'.join(columns)}_idx"
    if called not in {i["name"] for i in sa.inspect(op.get_bind()).get_indexes(name, schema)}:
        op.create_index(called, name, list(columns), schema=schema)


def insert_only(schema: str, table: str) -> None:
    """Triggers that keep a table's rows from ever being changed or removed. REPLACE fires the one on DELETE."""
    quote = op.get_bind().dialect.identifier_preparer.quote_identifier
    for moment in ("UPDATE", "DELETE"):
        trigger = f"{quote(schema)}.{table}_refuse_{moment.lower()}"
        op.execute(sa.text(f"DROP TRIGGER IF EXISTS {trigger}"))
        op.execute(
            sa.text(
                f"CREATE TRIGGER {trigger} BEFORE {moment} ON {quote(schema)}.{table} FOR EACH ROW SIGNAL SQLSTATE "
                f"'45000' SET MESSAGE_TEXT = 'Rows of the ledger table {table} are never changed or removed.'"
            )
        )


def lock_rows() -> None:
    """The rows that locks are taken on."""
    schema = op.get_context().opts["version_table_schema"]
    create(schema, "lock_row", [sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False)])
    rows = sa.table("lock_row", sa.column("number", sa.Integer), schema=schema)
    bind = op.get_bind()
    there = set(bind.scalars(sa.select(rows.c.number)))
    if missing := [{"number": n} for n in range(LOCKS) if n not in there]:
        bind.execute(rows.insert(), missing)
