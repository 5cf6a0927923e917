"""How migrations write. A migration must do the same in every later version: nothing here may ever change."""

import sqlalchemy as sa
from alembic import context, op

from worker.ledger.migrations import writing_mysql as mysql


def schema_name() -> str | None:
    """The ledger's schema; None on SQLite."""
    schema: str | None = context.config.attributes["schema"]
    return schema


def table_name(name: str) -> str:
    """The table's name, with the prefix where there is no schema."""
    return name if schema_name() else f"merzim_{name}"


def create(name: str, *items: sa.schema.SchemaItem) -> None:
    """Create a table of the ledger."""
    if op.get_bind().dialect.name == "mysql":
        mysql.create(schema_name() or "", name, items)
    else:
        op.create_table(table_name(name), *items, schema=schema_name())


def pk(name: str, *columns: str) -> sa.PrimaryKeyConstraint:
    """Its primary key."""
    return sa.PrimaryKeyConstraint(*columns, name=f"{table_name(name)}_pkey")


def unique(name: str, *columns: str) -> sa.UniqueConstraint:
    """Columns that are unique together."""
    return sa.UniqueConstraint(*columns, name=f"{table_name(name)}_{'_'.join(columns)}_key")


def fk(name: str, column: str, target: str, target_column: str) -> sa.ForeignKeyConstraint:
    """A foreign key to another table of the ledger."""
    path = ".".join(part for part in (schema_name(), table_name(target), target_column) if part)
    return sa.ForeignKeyConstraint([column], [path], name=f"{table_name(name)}_{column}_fkey")


def index(name: str, *columns: str) -> None:
    """An index."""
    if op.get_bind().dialect.name == "mysql":
        mysql.index(schema_name() or "", name, columns)
        return
    op.create_index(
        f"{table_name(name)}_{'_'.join(columns)}_idx", table_name(name), list(columns), schema=schema_name()
    )


def texts(*names: str) -> list[sa.Column[str]]:
    """Texts that are always there."""
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def integers(*names: str) -> list[sa.Column[int]]:
    """Numbers that are always there."""
    return [sa.Column(name, sa.Integer(), nullable=False, autoincrement=False) for name in names]


def time(name: str, *, null: bool = False) -> sa.Column[object]:
    """A moment."""
    return sa.Column(name, sa.DateTime(), nullable=null)


def optional_text(name: str) -> sa.Column[str]:
    """A text that may be absent."""
    return sa.Column(name, sa.Text(), nullable=True)


def flag(name: str) -> sa.Column[bool]:
    """Yes or no."""
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())


def count(name: str) -> sa.Column[int]:
    """A number that begins with 0."""
    return sa.Column(name, sa.Integer(), nullable=False, server_default="0")


def key() -> list[sa.Column[object]]:
    """A row's key."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    return [
        sa.Column("key_number", sa.BigInteger(), nullable=False, autoincrement=False, server_default="0"),
        sa.Column("key_text", text, nullable=False, server_default=sa.text("''")),
    ]


def insert_only(table: str, key: str) -> None:
    """Triggers that keep a table's rows from ever being changed or removed."""
    if op.get_bind().dialect.name == "mysql":
        mysql.insert_only(schema_name() or "", table)
    elif op.get_bind().dialect.name == "postgresql":
        _refuse_on_postgresql(table)
    else:
        _refuse_on_sqlite(table, key)


def lock_rows() -> None:
    """The rows that locks are taken on, where the database has no better ones."""
    if op.get_bind().dialect.name == "mysql":
        mysql.lock_rows()


def _refuse_on_postgresql(table: str) -> None:
    quote = op.get_bind().dialect.identifier_preparer.quote_identifier
    schema = quote(schema_name() or "public")
    function = f"{schema}.{table}_refuse_change"
    op.execute(
        sa.text(
            f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"RAISE EXCEPTION 'Rows of the ledger table {table} are never changed or removed.' "
            "USING ERRCODE = 'restrict_violation'; END $$"
        )
    )
    for moment in ("UPDATE OR DELETE", "TRUNCATE"):
        name = f"{table}_refuse_{moment.split()[0].lower()}"
        op.execute(
            sa.text(
                f"CREATE TRIGGER {name} BEFORE {moment} ON {schema}.{table} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
            )
        )


def _refuse_on_sqlite(table: str, key: str) -> None:
    name = table_name(table)
    refuse = f"BEGIN SELECT RAISE(ABORT, 'Rows of the ledger table {name} are never changed or removed.'); END"
    for moment in ("UPDATE", "DELETE"):
        trigger = f"{name}_refuse_{moment.lower()}"
        op.execute(sa.text(f"CREATE TRIGGER {trigger} BEFORE {moment} ON {name} {refuse}"))
    # INSERT OR REPLACE removes the old row without firing the trigger on DELETE.
    op.execute(
        sa.text(
            f"CREATE TRIGGER {name}_refuse_replace BEFORE INSERT ON {name} "
            f"WHEN EXISTS (SELECT 1 FROM {name} WHERE {key} = NEW.{key}) {refuse}"
        )
    )
