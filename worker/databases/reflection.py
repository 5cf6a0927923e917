"""Reads the live schema through SQLAlchemy's inspector; what it does not know comes from each database's module."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from config.names import join_names
from worker.databases.facts import ForeignKey, Schema, TableFacts, TableKind


@dataclass(frozen=True)
class Extras:
    """What the inspector does not tell, by (schema or None, table)."""

    triggers: Mapping[tuple[str | None, str], tuple[str, ...]] = field(default_factory=dict)
    rules: Mapping[tuple[str | None, str], tuple[str, ...]] = field(default_factory=dict)
    kinds: Mapping[tuple[str | None, str], TableKind] = field(default_factory=dict)
    rows: Mapping[tuple[str | None, str], int] = field(default_factory=dict)
    types: Mapping[tuple[str | None, str], Mapping[str, str]] = field(default_factory=dict)
    """Columns with their types in the database's own words."""
    on_delete: Mapping[tuple[str | None, str, tuple[str, ...]], str] = field(default_factory=dict)
    """Actions by (schema, table, columns), where the inspector reads them out of the DDL and misses some (SQLite)."""


def read_schema(connection: sa.Connection, schemas: Iterable[str | None], extras: Extras) -> Schema:
    """All tables and views of the named schemas (None: the default one)."""
    inspector = sa.inspect(connection)
    tables: dict[str, TableFacts] = {}
    for schema in schemas:
        metadata = sa.MetaData()  # one for each: "a.b" may be a table of its own, or b of the schema a
        views = [*inspector.get_view_names(schema), *_materialised(inspector, schema)]
        names = [n for n in inspector.get_table_names(schema) if not n.startswith("merzim_")]
        with warnings.catch_warnings():
            # Types that only the operator knows are copied, emptied and put back by the database: no need to know them.
            warnings.filterwarnings("ignore", "Did not recognize type", sa.exc.SAWarning)
            metadata.reflect(connection, schema=schema, only=names, resolve_fks=False)
        for name in names:
            facts = _table_facts(inspector, metadata, schema, name, extras)
            tables[facts.name] = facts
        for name in views:
            table = sa.Table(name, metadata, schema=schema, autoload_with=connection, resolve_fks=False)
            kind = extras.kinds.get((schema, name), "view")
            tables[_policy_name(schema, name)] = TableFacts(
                _policy_name(schema, name), table, kind, (), (), (), (), (), ()
            )
    return Schema(connection.dialect.name, tables)


def _materialised(inspector: sa.Inspector, schema: str | None) -> list[str]:
    return inspector.get_materialized_view_names(schema) if inspector.dialect.name == "postgresql" else []


def _policy_name(schema: str | None, name: str) -> str:
    return join_names(schema, name) if schema else join_names(name)


def _table_facts(
    inspector: sa.Inspector, metadata: sa.MetaData, schema: str | None, name: str, extras: Extras
) -> TableFacts:
    table = metadata.tables[f"{schema}.{name}" if schema else name]
    where = (schema, name)
    # SQLite keeps `email TEXT UNIQUE` as an index that the inspector shows only when asked.
    more = {"include_auto_indexes": True} if inspector.dialect.name == "sqlite" else {}
    indexes = inspector.get_indexes(name, schema, **more)
    uniques = [tuple(u["column_names"]) for u in inspector.get_unique_constraints(name, schema)]
    uniques += [_columns(i) for i in indexes if i.get("unique") and _columns(i) and not _is_partial(i)]
    key = tuple(c.name for c in table.primary_key.columns) or _unique_key(table, uniques)
    return TableFacts(
        name=_policy_name(schema, name),
        table=table,
        kind=extras.kinds.get(where, "table"),
        key=key,
        foreign_keys=tuple(_foreign_keys(inspector, schema, name, extras)),
        uniques=tuple(dict.fromkeys(uniques)),
        checks=tuple(c["sqltext"] for c in inspector.get_check_constraints(name, schema)),
        indexes=tuple(_columns(i) for i in indexes if not _is_partial(i)),
        triggers=extras.triggers.get(where, ()),
        rules=extras.rules.get(where, ()),
        rows=extras.rows.get(where, 0),
        types=extras.types.get(where, {}),
    )


def _columns(index: Mapping[str, object]) -> tuple[str, ...]:
    names = index["column_names"]
    assert isinstance(names, list)
    return tuple(n for n in names if isinstance(n, str)) if None not in names else ()


def _is_partial(index: Mapping[str, object]) -> bool:
    options = index.get("dialect_options")
    return isinstance(options, dict) and any(str(k).endswith("_where") for k in options)


def _unique_key(table: sa.Table, uniques: list[tuple[str, ...]]) -> tuple[str, ...]:
    for columns in uniques:
        if columns and not any(table.c[c].nullable for c in columns):
            return columns
    return ()


def _foreign_keys(inspector: sa.Inspector, schema: str | None, name: str, extras: Extras) -> Iterable[ForeignKey]:
    for fk in inspector.get_foreign_keys(name, schema):
        target = _policy_name(fk.get("referred_schema"), fk["referred_table"])
        columns = tuple(fk["constrained_columns"])
        target_columns = tuple(fk["referred_columns"]) or tuple(
            inspector.get_pk_constraint(fk["referred_table"], fk.get("referred_schema"))["constrained_columns"]
        )
        action = extras.on_delete.get((schema, name, columns)) or (fk.get("options") or {}).get("ondelete")
        yield ForeignKey(columns, target, target_columns, None if action in (None, "NO ACTION") else action)
