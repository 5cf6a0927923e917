"""What went wrong, as a sentence that may be shown or logged: never a value of a row."""

from config.catalogue import text
from config.problems import PolicyProblems
from config.settings import SettingsProblems

NAMELESS = ("08", "25", "28", "3D", "40", "42", "53", "54", "55", "57", "58")
"""Classes of SQLSTATEs whose sentences name roles, tables and files, never what stands in a row."""


def foreseen(error: Exception) -> list[str] | None:
    """The sentences for an error that can be met in operation; None for a mistake of merzim's own. Imports only now:
    every start of the program would pay for it."""
    from pydantic import ValidationError
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    from config.working_days import MissingYear
    from worker.archive.errors import ArchiveError
    from worker.databases.connect import UnknownDatabase
    from worker.databases.constraints import DRIVER_ERRORS
    from worker.demo.schema import DemoError
    from worker.ledger.errors import LedgerError, PersonalText
    from worker.pipeline.tools import Broken, Refused
    from worker.strategies.base import StrategyError

    ours = (SettingsProblems, UnknownDatabase, ArchiveError, LedgerError, DemoError, Broken, StrategyError, MissingYear)
    if isinstance(error, PolicyProblems):
        return [str(problem) for problem in error.problems]
    if isinstance(error, DBAPIError):
        return [_database_sentence(error)]
    if isinstance(error, (*ours, Refused, PersonalText)):
        return [str(error)]
    if isinstance(error, DRIVER_ERRORS):  # SQLAlchemy lets some through, as when it sets the isolation level
        return [text("program.database", error=type(error).__name__)]
    if isinstance(error, SQLAlchemyError | ValidationError | OSError):
        return [text("program.io", error=type(error).__name__)]
    return None


def _database_sentence(error: object) -> str:
    """What the database said, without any value: its class and, for PostgreSQL, the message without detail."""
    original = getattr(error, "orig", error)
    state = getattr(original, "sqlstate", None)
    primary = getattr(getattr(original, "diag", None), "message_primary", None)
    if state in ("42501",) and primary:
        return text("program.no_right", reason=primary)
    known = primary if state and state[:2] in NAMELESS else None
    if known is None and type(original).__name__ == "OperationalError":
        known = str(original).splitlines()[0] if state is None else None
    key = "program.database_said" if known else "program.database"
    return text(key, error=type(original).__name__, reason=known)
