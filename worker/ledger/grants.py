"""The least that merzim's database role needs (PostgreSQL)."""

from collections.abc import Collection, Mapping

from sqlalchemy.engine import make_url

from config.catalogue import text
from config.names import split_table
from worker.ledger.errors import LedgerError
from worker.ledger.tables import ledger_tables
from worker.ledger.version import VERSION_TABLE

_PREPARER = make_url("postgresql://").get_dialect()().identifier_preparer
_ORDER = ("SELECT", "INSERT", "UPDATE", "DELETE")

LEDGER_RIGHTS = {
    "installation": {"SELECT", "INSERT"},
    "policy": {"SELECT", "INSERT"},
    "stage": {"SELECT", "INSERT"},
    "run": {"SELECT", "INSERT", "UPDATE"},
    "batch": {"SELECT", "INSERT", "UPDATE"},
    "intent": {"SELECT", "INSERT", "DELETE"},
    "entry": {"SELECT", "INSERT"},
    "tombstone": {"SELECT", "INSERT", "UPDATE", "DELETE"},
    "hold": {"SELECT", "INSERT", "UPDATE"},
    "quarantine": {"SELECT", "INSERT"},
    "outbox": {"SELECT", "INSERT", "UPDATE", "DELETE"},
    "seal": {"SELECT", "INSERT"},
    "approval": {"SELECT", "INSERT"},
    "pause": {"SELECT", "INSERT", "UPDATE"},
    "presence": {"SELECT", "INSERT", "UPDATE", "DELETE"},
    "request": {"SELECT", "INSERT", "UPDATE"},
    "request_subject": {"SELECT", "INSERT"},
    "decision": {"SELECT", "INSERT"},
    "person": {"SELECT"},  # whoever could register tokens could approve in anybody's name
}


def grants(schema: str, role: str, tables_rw: Mapping[str, Collection[str]]) -> list[str]:
    """GRANT statements for `role`: the ledger in `schema`, and the operator's tables with their privileges.

    `tables_rw` maps "table" or "schema.table" to privileges out of SELECT, INSERT, UPDATE, DELETE. Values made in
    Python pass through temporary tables, which PostgreSQL allows everybody unless it was revoked.
    Raises LedgerError for any other privilege.
    """
    tables: dict[str, Collection[str]] = {
        f"{_quote(schema)}.{_quote(table.name)}": LEDGER_RIGHTS[table.name]
        for table in ledger_tables(schema).all_tables()
    }
    tables[f"{_quote(schema)}.{_quote(VERSION_TABLE)}"] = {"SELECT"}
    tables |= {".".join(_quote(part) for part in split_table(t) if part): tables_rw[t] for t in sorted(tables_rw)}
    schemas = sorted({schema} | {of for of, _ in map(split_table, tables_rw) if of})
    usage = [f"GRANT USAGE ON SCHEMA {_quote(name)} TO {_quote(role)};" for name in schemas]
    return usage + [_grant(table, rights, role) for table, rights in tables.items()]


def seeing_health(role: str) -> str:
    """One more statement: see of other sessions how long their transactions last. Only a superuser may give that; from
    others it is asked in vain, and merzim then takes the server for unwell and keeps its slices small."""
    asked = f"GRANT pg_read_all_stats TO {_quote(role)}"
    return f"DO $merzim$ BEGIN {asked}; EXCEPTION WHEN insufficient_privilege THEN NULL; END $merzim$;"


def _grant(table: str, rights: Collection[str], role: str) -> str:
    return f"GRANT {in_order(table, rights)} ON {table} TO {_quote(role)};"


def in_order(table: str, rights: Collection[str]) -> str:
    """The privileges as a GRANT lists them. Raises LedgerError for none, or for others than merzim may have."""
    unknown = sorted(set(rights) - set(_ORDER))
    if unknown or not rights:
        privileges = ", ".join(unknown) or text("ledger_refuses.no_privileges")
        known = ", ".join(_ORDER)
        raise LedgerError(text("ledger_refuses.unknown_privileges", privileges=privileges, table=table, known=known))
    return ", ".join(right for right in _ORDER if right in rights)


def _quote(name: str) -> str:
    return _PREPARER.quote_identifier(name)
