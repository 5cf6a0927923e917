"""The columns that the ledger's tables are made of."""

from dataclasses import dataclass

import sqlalchemy as sa

KEY_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Text of a key, compared byte by byte: PostgreSQL COLLATE "C", on SQLite BINARY is the default."""


@dataclass(frozen=True)
class Names:
    """How the ledger's tables are called: in a schema, or with a prefix where there are no schemas."""

    metadata: sa.MetaData
    prefix: str

    def table(self, name: str, *items: sa.schema.SchemaItem) -> sa.Table:
        """A table of the ledger."""
        return sa.Table(self.prefix + name, self.metadata, *items)

    def refers_to(self, table: str, column: str) -> sa.ForeignKey:
        """A foreign key to another of them."""
        schema = f"{self.metadata.schema}." if self.metadata.schema else ""
        return sa.ForeignKey(f"{schema}{self.prefix}{table}.{column}")


def text(name: str, *, pk: bool = False, null: bool = False, default: str | None = None) -> sa.Column[str]:
    """A text, which is there unless `null`."""
    return sa.Column(name, sa.Text, primary_key=pk, nullable=null, server_default=default)


def integer(name: str, *, pk: bool = False, default: str | None = None) -> sa.Column[int]:
    """A number that is always there."""
    return sa.Column(name, sa.Integer, primary_key=pk, nullable=False, autoincrement=False, server_default=default)


def time(name: str, *, pk: bool = False, null: bool = False) -> sa.Column[object]:
    """A moment in naive UTC."""
    return sa.Column(name, sa.DateTime, primary_key=pk, nullable=null)


def flag(name: str) -> sa.Column[bool]:
    """Yes or no; no, unless said."""
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def run_id(names: Names, *, pk: bool = False) -> sa.Column[str]:
    """The run that a row belongs to."""
    return sa.Column("run_id", sa.Text, names.refers_to("run", "id"), primary_key=pk, nullable=False)


def key(*, pk: bool = False) -> tuple[sa.Column[int], sa.Column[str]]:
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
