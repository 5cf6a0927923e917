"""Reads the live schema through SQLAlchemy's inspector; what it does not know comes from each database's module."""

import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from config.names import join_names
from worker.databases.facts import ForeignKey, Schema, TableFacts, TableKind

Where = tuple[str | None, str]
"""A schema (None: the default one) and a table in it."""


@dataclass(frozen=True)
class Extras:
    """What the inspector does not tell, by (schema or None, table)."""

    triggers: Mapping[Where, tuple[str, ...]] = field(default_factory=dict)
    rules: Mapping[Where, tuple[str, ...]] = field(default_factory=dict)
    kinds: Mapping[Where, TableKind] = field(default_factory=dict)
    rows: Mapping[Where, int] = field(default_factory=dict)
    types: Mapping[Where, Mapping[str, str]] = field(default_factory=dict)
    """Columns with their types in the database's own words."""
    on_delete: Mapping[tuple[str | None, str, tuple[str, ...]], str] = field(default_factory=dict)
    """Actions by (schema, table, columns), where the inspector reads them out of the DDL and misses some (SQLite)."""
    hiding: frozenset[Where] = frozenset()
    heirs: Mapping[Where, tuple[str, ...]] = field(default_factory=dict)
    copies: Mapping[Where, tuple[str, ...]] = field(default_factory=dict)
    unusual_uniques: Mapping[Where, tuple[str, ...]] = field(default_factory=dict)
    over_expressions: frozenset[tuple[Where, str]] = frozenset()
    """Indexes by name of which the inspector tells only the parts that are columns (MySQL)."""
    nulls_alike: Mapping[Where, tuple[str, ...]] = field(default_factory=dict)
    domains: frozenset[tuple[Where, str]] = frozenset()
    never_null: frozenset[tuple[Where, str]] = frozenset()
    """Columns without NOT NULL of their own whose domain allows no NULL."""
    no_rollback: Mapping[Where, str] = field(default_factory=dict)
    """Storage engines of tables whose changes no rollback takes back (MariaDB)."""
    stamped: frozenset[tuple[Where, str]] = frozenset()
    hiding_triggers: frozenset[Where] = frozenset()


def read_schema(
    connection: sa.Connection, wanted: Mapping[str | None, Collection[str] | None], extras: Extras
) -> Schema:
    """All tables and views of the wanted schemas (None: the default one); of some only the tables that are named."""
    inspector = sa.inspect(connection)
    tables: dict[str, TableFacts] = {}
    for schema, chosen in wanted.items():
        metadata = sa.MetaData()  # one for each: "a.b" may be a table of its own, or b of the schema a
        names = [n for n in inspector.get_table_names(schema) if not n.startswith("merzim_")]
        names = [n for n in names if chosen is None or n in chosen]
        with warnings.catch_warnings():
            # Types that only the operator knows are copied, emptied and put back by the database: no need to know them.
            # Indexes over expressions are read from the catalogue, where they matter.
            warnings.filterwarnings("ignore", "Did not recognize type", sa.exc.SAWarning)
            warnings.filterwarnings("ignore", "Skipped unsupported reflection", sa.exc.SAWarning)
            # References in other letters than the table's own; SQLite itself says where they lead.
            warnings.filterwarnings("ignore", ".*SQL-parsed foreign key", sa.exc.SAWarning)
            metadata.reflect(connection, schema=schema, only=names, resolve_fks=False)
            for name in names:
                facts = _table_facts(inspector, metadata, schema, name, extras)
                tables[facts.name] = facts
        if chosen is None:
            tables |= _views(inspector, schema, extras)
    if connection.dialect.name == "sqlite":
        tables = {name: _in_own_letters(facts, tables) for name, facts in tables.items()}
    return Schema(connection.dialect.name, tables)


def _in_own_letters(facts: TableFacts, tables: Mapping[str, TableFacts]) -> TableFacts:
    """SQLite finds `REFERENCES People (ID)` whatever the case of its letters; here names are compared as they are."""

    def own(name: str, names: Iterable[str]) -> str:
        return next((n for n in names if n.lower() == name.lower()), name)

    keys = []
    for fk in facts.foreign_keys:
        target = own(fk.target, tables)
        there = [c.name for c in tables[target].table.c] if target in tables else []
        columns = tuple(own(c, [x.name for x in facts.table.c]) for c in fk.columns)
        target_columns = tuple(own(c, there) for c in fk.target_columns)
        keys.append(replace(fk, columns=columns, target=target, target_columns=target_columns))
    return replace(facts, foreign_keys=tuple(keys))


def _views(inspector: sa.Inspector, schema: str | None, extras: Extras) -> dict[str, TableFacts]:
    """What only looks like a table. Its columns are asked one by one: SQLite keeps views of tables that are gone."""
    names = [*inspector.get_view_names(schema), *_only_postgresql(inspector, schema)]
    found = {}
    for name in names:
        table = sa.Table(name, sa.MetaData(), schema=schema)
        with suppress(sa.exc.NoSuchTableError, sa.exc.DBAPIError):
            inspector.reflect_table(table, None, resolve_fks=False)
        policy_name = _policy_name(schema, name)
        kind = extras.kinds.get((schema, name), "view")
        found[policy_name] = TableFacts(policy_name, table, kind, (), (), (), (), (), ())
    return found


def _only_postgresql(inspector: sa.Inspector, schema: str | None) -> list[str]:
    """Names of materialised views and of foreign tables."""
    if inspector.dialect.name != "postgresql":
        return []
    foreign: list[str] = inspector.get_foreign_table_names(schema)  # type: ignore[attr-defined]  # PGInspector
    return [*inspector.get_materialized_view_names(schema), *foreign]


def _policy_name(schema: str | None, name: str) -> str:
    return join_names(schema, name) if schema else join_names(name)


def _table_facts(
    inspector: sa.Inspector, metadata: sa.MetaData, schema: str | None, name: str, extras: Extras
) -> TableFacts:
    table = metadata.tables[f"{schema}.{name}" if schema else name]
    where = (schema, name)
    # SQLite keeps `email TEXT UNIQUE` as an index that the inspector shows only when asked.
    more = {"include_auto_indexes": True} if inspector.dialect.name == "sqlite" else {}
    partly = {index for at, index in extras.over_expressions if at == where}
    indexes = [i for i in inspector.get_indexes(name, schema, **more) if i["name"] not in partly]
    constraints = [u for u in inspector.get_unique_constraints(name, schema) if u["name"] not in partly]
    uniques = [tuple(u["column_names"]) for u in constraints]
    uniques += [_columns(i) for i in indexes if i.get("unique") and _columns(i) and not _is_partial(i)]
    for column in table.c:
        _plain_type(column, where, extras)
    key = tuple(c.name for c in table.primary_key.columns) or _unique_key(table, uniques)
    if inspector.dialect.name == "sqlite":
        _keys_as_stored(table, key)
    part = extras.kinds.get(where) == "partition"
    return TableFacts(
        name=_policy_name(schema, name),
        table=table,
        kind=extras.kinds.get(where, "table"),
        key=key,
        # A partition's own say the same as those of the table that it belongs to.
        foreign_keys=() if part else tuple(_foreign_keys(inspector, schema, name, extras)),
        uniques=tuple(dict.fromkeys(uniques)),
        checks=tuple(c["sqltext"] for c in inspector.get_check_constraints(name, schema)),
        indexes=tuple(_columns(i) for i in indexes if not _is_partial(i)),
        index_names={_columns(i): str(i["name"]) for i in indexes if _columns(i) and not _is_partial(i)},
        triggers=extras.triggers.get(where, ()),
        rules=extras.rules.get(where, ()),
        rows=extras.rows.get(where, 0),
        types=extras.types.get(where, {}),
        hides_rows=where in extras.hiding,
        heirs=extras.heirs.get(where, ()),
        copies=extras.copies.get(where, ()),
        unusual_uniques=extras.unusual_uniques.get(where, ()),
        nulls_alike=extras.nulls_alike.get(where, ()),
        domains=frozenset(c.name for c in table.c if (where, c.name) in extras.domains),
        engine=extras.no_rollback.get(where, ""),
        hides_triggers=where in extras.hiding_triggers,
        stamped=frozenset(c.name for c in table.c if (where, c.name) in extras.stamped),
    )


def _keys_as_stored(table: sa.Table, key: Sequence[str]) -> None:
    """SQLite keeps a moment as the operator's programs wrote it. SQLAlchemy would write it with a fraction of a second,
    and the row would not be found again. Numbers without a fraction and booleans are integers there."""
    for name in key:
        kind = table.c[name].type
        if isinstance(kind, sa.DateTime | sa.Time):
            table.c[name].type = sa.Text()
        elif isinstance(kind, sa.Boolean) or _is_whole(kind):
            table.c[name].type = sa.BigInteger()


def _is_whole(kind: sa.types.TypeEngine[Any]) -> bool:
    return isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float) and not kind.scale


def _plain_type(column: sa.Column[Any], where: Where, extras: Extras) -> None:
    """To us a domain is what it is made of: a date is compared as a date. The database still guards it."""
    from sqlalchemy.dialects import postgresql, sqlite  # only a schema that is read is worth the time

    while isinstance(column.type, postgresql.DOMAIN):
        column.type = sa.types.to_instance(column.type.data_type)
    if extras.types.get(where, {}).get(column.name) == "bpchar":
        column.type = sa.CHAR()  # CHAR without a length, which SQLAlchemy does not know
    if isinstance(column.type, sqlite.JSON):
        column.type = sa.Text()  # a declared word only: what stands there need not be JSON
    if (where, column.name) in extras.never_null:
        column.nullable = False


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
