"""What PostgreSQL's catalogue knows of the operator's tables and SQLAlchemy's inspector does not tell."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from worker.databases.facts import TableKind
from worker.databases.reflection import Extras, Where

_KINDS: dict[str, TableKind] = {
    "r": "table",
    "p": "partitioned table",
    "v": "view",
    "m": "materialised view",
    "f": "foreign table",
}
_OF = "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
_OURS = "n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"

_TRIGGERS = f"""
    SELECT DISTINCT n.nspname, c.relname, t.tgname FROM pg_trigger t
    JOIN LATERAL (SELECT t.tgrelid UNION SELECT pg_partition_ancestors(t.tgrelid)) AS at (oid) ON true
    JOIN pg_class c ON c.oid = at.oid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND {_OURS} ORDER BY t.tgname"""
_RULES = f"""
    SELECT DISTINCT n.nspname, c.relname, r.rulename FROM pg_rewrite r
    JOIN LATERAL (SELECT r.ev_class UNION SELECT pg_partition_ancestors(r.ev_class)) AS at (oid) ON true
    JOIN pg_class c ON c.oid = at.oid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE r.rulename <> '_RETURN' AND r.ev_enabled <> 'D' AND {_OURS} ORDER BY r.rulename"""
_CLASSES = f"""
    SELECT n.nspname, c.relname, c.relkind::text, c.relispartition, row_security_active(c.oid),
        greatest(c.reltuples, 0)::bigint {_OF}
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {_OURS}"""
_TYPES = f"""
    SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod) {_OF}
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND {_OURS}"""
# Tables that inherit from a table, and foreign tables that are a part of it: its rows are not all its own.
_HEIRS = f"""
    SELECT n.nspname, c.relname, heir.relname {_OF}
    JOIN pg_inherits i ON i.inhparent = c.oid JOIN pg_class heir ON heir.oid = i.inhrelid
    WHERE c.relkind = 'r' AND {_OURS}
    UNION ALL
    SELECT n.nspname, c.relname, part.relname FROM pg_class part
    JOIN LATERAL pg_partition_ancestors(part.oid) AS at (oid) ON at.oid <> part.oid
    JOIN pg_class c ON c.oid = at.oid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE part.relkind = 'f' AND part.relispartition AND {_OURS} ORDER BY 3"""
# Views of views too: a materialised view is a copy of whatever stands at the end.
_COPIES = f"""
    WITH RECURSIVE reads AS (
        SELECT r.ev_class AS reader, d.refobjid AS source FROM pg_rewrite r
        JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
            AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
    ), whole AS (
        SELECT reader, source FROM reads
        UNION SELECT whole.reader, reads.source FROM whole JOIN reads ON reads.reader = whole.source
    )
    SELECT DISTINCT n.nspname, c.relname, view.relname {_OF}
    JOIN whole ON whole.source = c.oid JOIN pg_class view ON view.oid = whole.reader AND view.relkind = 'm'
    WHERE c.relkind IN ('r', 'p') AND {_OURS} ORDER BY 3"""
_UNUSUAL_UNIQUES = f"""
    SELECT n.nspname, c.relname, coalesce(pg_get_constraintdef(k.oid), pg_get_indexdef(i.indexrelid)) {_OF}
    JOIN pg_index i ON i.indrelid = c.oid LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype = 'x'
    WHERE (i.indisexclusion OR i.indisunique AND (i.indpred IS NOT NULL OR i.indexprs IS NOT NULL)) AND {_OURS}
    ORDER BY i.indexrelid"""
_NULLS_ALIKE = f"""
    SELECT n.nspname, c.relname, a.attname {_OF}
    JOIN pg_index i ON i.indrelid = c.oid AND (to_jsonb(i)->>'indnullsnotdistinct')::boolean AND i.indnkeyatts = 1
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] WHERE {_OURS}"""
_DOMAINS = f"""
    WITH RECURSIVE layer AS (
        SELECT t.oid AS domain, t.oid AS type, t.typbasetype AS base, t.typnotnull AS strict
        FROM pg_type t WHERE t.typtype = 'd'
        UNION ALL
        SELECT layer.domain, t.oid, t.typbasetype, t.typnotnull FROM layer JOIN pg_type t ON t.oid = layer.base
        WHERE t.typtype = 'd'
    )
    SELECT n.nspname, c.relname, a.attname, bool_or(layer.strict) {_OF}
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN layer ON layer.domain = a.atttypid
    WHERE c.relkind IN ('r', 'p') AND {_OURS} GROUP BY 1, 2, 3"""
_REFERRING = f"""
    SELECT DISTINCT n.nspname, c.relname {_OF}
    JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0
    JOIN pg_class target ON target.oid = k.confrelid JOIN pg_namespace of ON of.oid = target.relnamespace
    WHERE of.nspname = ANY(:schemas) AND n.nspname <> ALL(:schemas) AND {_OURS}"""


def extras(connection: sa.Connection, default: str) -> Extras:
    """Everything by (schema, table); the schema is None for the default one."""

    def rows(query: str) -> list[tuple[Where, tuple[Any, ...]]]:
        found = connection.execute(sa.text(query)).all()
        return [((None if r[0] == default else r[0], r[1]), tuple(r[2:])) for r in found]

    def names(query: str) -> dict[Where, tuple[str, ...]]:
        found: dict[Where, tuple[str, ...]] = {}
        for where, (name, *_) in rows(query):
            found[where] = (*found.get(where, ()), name)
        return found

    classes = rows(_CLASSES)
    types: dict[Where, dict[str, str]] = {}
    for where, (column, kind) in rows(_TYPES):
        types.setdefault(where, {})[column] = kind
    domains = rows(_DOMAINS)
    return Extras(
        triggers=names(_TRIGGERS),
        rules=names(_RULES),
        kinds={where: "partition" if part else _KINDS[kind] for where, (kind, part, *_) in classes},
        rows={where: size for where, (*_, size) in classes},
        types=types,
        hiding=frozenset(where for where, (_, _, hiding, _) in classes if hiding),
        heirs=names(_HEIRS),
        copies=names(_COPIES),
        unusual_uniques=names(_UNUSUAL_UNIQUES),
        nulls_alike=names(_NULLS_ALIKE),
        domains=frozenset((where, column) for where, (column, _) in domains),
        never_null=frozenset((where, column) for where, (column, strict) in domains if strict),
    )


def referring(connection: sa.Connection, schemas: Iterable[str]) -> dict[str | None, list[str]]:
    """Tables outside of the schemas whose foreign keys point into them, by schema: what a delete would meet there."""
    found: dict[str | None, list[str]] = {}
    for schema, table in connection.execute(sa.text(_REFERRING), {"schemas": sorted(schemas)}):
        found.setdefault(schema, []).append(table)
    return found
