"""The least that merzim's account needs on MariaDB or MySQL."""

from collections.abc import Collection, Mapping

from sqlalchemy.engine import make_url

from config.names import split_table
from worker.ledger.grants import LEDGER_RIGHTS, in_order
from worker.ledger.tables import ledger_tables
from worker.ledger.version import VERSION_TABLE

_PREPARER = make_url("mysql+pymysql://").get_dialect()().identifier_preparer


def mariadb_grants(schema: str, role: str, default: str, tables_rw: Mapping[str, Collection[str]]) -> list[str]:
    """GRANT statements for the account `role`, from any host: the ledger's database `schema`, and the operator's tables
    (those without a schema lie in `default`) with their privileges.

    TRIGGER lets the account see which triggers there are: without it the server hides them. Raises LedgerError.
    """
    account = "'" + role.replace("\\", "\\\\").replace("'", "''") + "'@'%'"
    ledger: dict[str, Collection[str]] = {t.name: LEDGER_RIGHTS[t.name] for t in ledger_tables(schema).all_tables()}
    ledger |= {VERSION_TABLE: {"SELECT"}, "lock_row": {"SELECT", "UPDATE"}}
    wanted = {f"{_quote(schema)}.*": "CREATE TEMPORARY TABLES"}
    wanted |= {f"{_quote(schema)}.{_quote(name)}": in_order(name, rights) for name, rights in ledger.items()}
    for table in sorted(tables_rw):
        of, name = split_table(table)
        wanted[f"{_quote(of or default)}.{_quote(name)}"] = f"{in_order(table, tables_rw[table])}, TRIGGER"
    return [f"GRANT {rights} ON {place} TO {account};" for place, rights in wanted.items()]


def _quote(name: str) -> str:
    return _PREPARER.quote_identifier(name).replace("%%", "%")
