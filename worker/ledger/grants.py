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

_LEDGER_RIGHTS = {
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
    "presence": {"SELECT", "INSERT", "UPDATE", "DELETE"},
}


def grants(schema: str, role: str, tables_rw: Mapping[str, Collection[str]]) -> list[str]:
    """GRANT statements for `role`: the ledger in `schema`, and the operator's tables with their privileges.

    `tables_rw` maps "table" or "schema.table" to privileges out of SELECT, INSERT, UPDATE, DELETE. Values made in
    Python pass through temporary tables, which PostgreSQL allows everybody unless it was revoked.
    Raises LedgerError for any other privilege.
    """
    tables: dict[str, Collection[str]] = {
        f"{_quote(schema)}.{_quote(table.name)}": _LEDGER_RIGHTS[table.name]
        for table in ledger_tables(schema).all_tables()
    }
    tables[f"{_quote(schema)}.{_quote(VERSION_TABLE)}"] = {"SELECT"}
    tables |= {".".join(_quote(part) for part in split_table(t) if part): tables_rw[t] for t in sorted(tables_rw)}
    schemas = sorted({schema} | {of for of, _ in map(split_table, tables_rw) if of})
    usage = [f"GRANT USAGE ON SCHEMA {_quote(name)} TO {_quote(role)};" for name in schemas]
    return usage + [_grant(table, rights, role) for table, rights in tables.items()]


def _grant(table: str, rights: Collection[str], role: str) -> str:
    unknown = sorted(set(rights) - set(_ORDER))
    if unknown or not rights:
        privileges = ", ".join(unknown) or text("ledger_refuses.no_privileges")
        known = ", ".join(_ORDER)
        raise LedgerError(text("ledger_refuses.unknown_privileges", privileges=privileges, table=table, known=known))
    wanted = ", ".join(right for right in _ORDER if right in rights)
    return f"GRANT {wanted} ON {table} TO {_quote(role)};"


def _quote(name: str) -> str:
    return _PREPARER.quote_identifier(name)
