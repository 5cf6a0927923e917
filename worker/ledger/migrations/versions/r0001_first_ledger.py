"""The first ledger: its tables, and the triggers that keep entries and seals from ever being changed.

Written out, not taken from tables.py: a migration must do the same in every later version.
"""

import sqlalchemy as sa
from alembic import context, op

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
        if op.get_bind().dialect.name == "postgresql":
            _refuse_on_postgresql(table)
        else:
            _refuse_on_sqlite(table, key)


def _schema() -> str | None:
    schema: str | None = context.config.attributes["schema"]
    return schema


def _table(name: str) -> str:
    return name if _schema() else f"merzim_{name}"


def _create(name: str, *items: sa.schema.SchemaItem) -> None:
    op.create_table(_table(name), *items, schema=_schema())


def _pk(name: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"{_table(name)}_pkey")


def _unique(name: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=f"{_table(name)}_{'_'.join(columns)}_key")


def _fk(name: str, column: str, target: str, target_column: str) -> sa.ForeignKeyConstraint:
    path = ".".join(part for part in (_schema(), _table(target), target_column) if part)
    return sa.ForeignKeyConstraint([column], [path], name=f"{_table(name)}_{column}_fkey")


def _index(name: str, *columns: str) -> None:
    op.create_index(f"{_table(name)}_{'_'.join(columns)}_idx", _table(name), list(columns), schema=_schema())


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _integers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False, autoincrement=False) for name in names]


def _time(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(), nullable=null)


def _optional_text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=True)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default="0")


def _key() -> list[sa.Column[object]]:
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    return [
        sa.Column("key_number", sa.BigInteger(), nullable=False, autoincrement=False, server_default="0"),
        sa.Column("key_text", text, nullable=False, server_default=sa.text("''")),
    ]


def _create_decisions() -> None:
    _create("installation", *_texts("id"), _time("created_at"), _pk("installation", "id"))
    _create("policy", *_texts("hash", "name", "text"), _time("stored_at"), _pk("policy", "hash"))
    _create(
        "stage", *_texts("policy_name", "stage"), _time("first_seen_at"), _pk("stage", "policy_name", "stage")
    )
    _create(
        "approval",
        *_texts("fingerprint", "policy_hash", "author"),
        _time("approved_at"),
        _pk("approval", "fingerprint", "policy_hash", "approved_at"),
    )
    _create(
        "run",
        *_texts("id", "policy_name", "policy_hash", "kind"),
        sa.Column("local_date", sa.Date(), nullable=False),
        *_integers("slot"),
        _time("now"),
        *_texts("state", "fingerprint", "plan"),
        _flag("approved"),
        _time("started_at"),
        _time("ended_at", null=True),
        _optional_text("reason"),
        _pk("run", "id"),
        _unique("run", "policy_name", "kind", "local_date", "slot"),
        _fk("run", "policy_hash", "policy", "hash"),
    )


def _create_work() -> None:
    _create(
        "batch",
        *_texts("run_id"),
        *_integers("number"),
        *_texts("stage", "keys"),
        *_integers("units"),
        _optional_text("cursor"),
        _count("slices"),
        sa.Column("skipped", sa.Text(), nullable=False, server_default="[]"),
        *_texts("state"),
        _pk("batch", "run_id", "number"),
        _fk("batch", "run_id", "run", "id"),
    )
    _create(
        "intent",
        *_texts("attempt", "run_id"),
        *_integers("batch"),
        _optional_text("segment"),
        _time("created_at"),
        _pk("intent", "attempt"),
        _fk("intent", "run_id", "run", "id"),
    )
    _index("intent", "run_id", "batch")
    _create(
        "entry",
        *_texts("attempt", "run_id"),
        *_integers("batch", "slice"),
        *_texts("kind", "stage"),
        _optional_text("segment"),
        _optional_text("sha256"),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("archive_until", sa.Date(), nullable=True),
        *_texts("counts"),
        _flag("part"),
        _time("committed_at"),
        _pk("entry", "attempt"),
        _unique("entry", "run_id", "batch", "slice"),
        _fk("entry", "run_id", "run", "id"),
    )


def _create_memory() -> None:
    _create(
        "tombstone",
        *_texts("stage"),
        *_key(),
        _time("clock", null=True),
        _flag("remains"),
        *_texts("run_id"),
        *_integers("batch", "slice"),
        _time("done_at"),
        _pk("tombstone", "stage", "key_number", "key_text"),
    )
    _create(
        "hold",
        *_texts("id", "scope", "table_name"),
        *_key(),
        *_texts("reason", "author"),
        _time("placed_at"),
        _time("ends_at", null=True),
        _time("released_at", null=True),
        _optional_text("released_by"),
        _pk("hold", "id"),
    )
    _index("hold", "scope", "table_name", "key_number", "key_text")
    _create(
        "quarantine",
        *_texts("run_id", "stage", "table_name"),
        *_key(),
        *_texts("reason"),
        _pk("quarantine", "run_id", "stage", "table_name", "key_number", "key_text"),
        _fk("quarantine", "run_id", "run", "id"),
    )
    _create(
        "outbox",
        *_texts("id", "run_id"),
        *_integers("batch", "slice"),
        *_texts("root"),
        _optional_text("path"),
        _time("queued_at"),
        _count("attempts"),
        _optional_text("problem"),
        _pk("outbox", "id"),
    )


def _create_seals() -> None:
    _create(
        "seal",
        *_texts("run_id"),
        *_integers("ordinal", "entries"),
        *_texts("digest", "previous", "run_digest", "entry_digests", "signature", "key_id"),
        _time("sealed_at"),
        _pk("seal", "run_id"),
        _unique("seal", "ordinal"),
        _fk("seal", "run_id", "run", "id"),
    )


def _refuse_on_postgresql(table: str) -> None:
    quote = op.get_bind().dialect.identifier_preparer.quote_identifier
    schema = quote(_schema() or "public")
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
    name = _table(table)
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
