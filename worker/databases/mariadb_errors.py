"""The error numbers of MariaDB and MySQL, told in the SQLSTATEs that the rest of merzim asks for.

Their own are too coarse ("HY000").
"""

from types import SimpleNamespace

import sqlalchemy as sa

DUPLICATE = 1062
UNKNOWN = "HY000"
_STATES = {
    1205: "55P03",  # waited too long for a lock
    1213: "40P01",  # deadlock
    3572: "55P03",  # MySQL: NOWAIT
    3101: "40001",  # MySQL: another member of the group changed the row
    1020: "40001",  # another transaction has changed the row since
    1044: "42501",  # the role may not
    1142: "42501",
    1143: "42501",
    1227: "42501",
    1370: "42501",
    1290: "25006",  # read only
    1792: "25006",
    1836: "25006",
    1048: "23502",
    DUPLICATE: "23505",
    1451: "23503",
    1452: "23503",
    1644: "P0001",  # a trigger's own SIGNAL
    4025: "23514",
    3819: "23514",
    1264: "22003",
    1265: "22000",
    1292: "22007",
    1366: "22000",
    1406: "22001",
    3140: "22000",  # no JSON
    1021: "53100",  # disk full
    1114: "53100",
    1037: "53200",  # out of memory
    1041: "53200",
    1206: "53200",  # locks
    4169: "54001",  # MySQL: common table expressions within each other
    1040: "53300",  # too many connections
    1053: "57P01",  # shut down
    1927: "57P01",
    3169: "57P01",
    4031: "57P01",  # MySQL: idle for too long
    1969: "57014",  # the statement took too long
    3024: "57014",
    1317: "57014",  # ended from beside
    1045: "28000",
    1698: "28000",
    1049: "3D000",
    1054: "42703",
    1064: "42601",
    1146: "42P01",
    2002: "08001",
    2003: "08001",
    2006: "08006",
    2013: "08006",
}

_HARMLESS = ("08", "25", "28", "3D", "40", "42", "53", "54", "55", "57")
"""Classes whose sentences name roles and tables, never what stands in a row."""


def tell_state(context: sa.engine.ExceptionContext) -> None:
    """Give the driver's error a `sqlstate`, and the server's sentence where that cannot hold a value of a row."""
    error = context.original_exception
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    state = _STATES.get(number, UNKNOWN)
    error.sqlstate = state  # type: ignore[attr-defined]  # as psycopg's errors have it
    if state[:2] in _HARMLESS and len(error.args) > 1:
        told = dict.fromkeys(("table_name", "column_name", "datatype_name", "constraint_name"))
        error.diag = SimpleNamespace(message_primary=str(error.args[1]), **told)  # type: ignore[attr-defined]  # the same
