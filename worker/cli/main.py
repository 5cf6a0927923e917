"""merzim: plan, archive, depersonalise or delete, verify and report (мерзім: a term, a deadline)."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from worker.cli import (
    archive,
    check,
    demo,
    explain,
    hold,
    init,
    keys,
    ledger,
    plan,
    report,
    run,
    status,
)
from worker.cli.output import ERROR, REFUSED, tell

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@app.callback()
def settings(
    context: typer.Context,
    env_file: Annotated[Path | None, typer.Option(help="A file with MERZIM_… settings, such as merzim.env.")] = None,
) -> None:
    """Example: merzim --env-file /etc/merzim/merzim.env plan"""
    context.obj = env_file


for verb in (demo, init, check, plan, run, explain, report, status):
    verb.register(app)
for noun in (hold, archive, ledger, keys):
    app.add_typer(noun.app)


def main() -> None:
    """Run the program; every mistake of a user ends in a sentence and an exit code, never in a traceback."""
    _quiet_logs()
    raise SystemExit(_guarded(app))


def _quiet_logs() -> None:
    import structlog

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _guarded(program: Callable[[], object]) -> int:
    from pydantic import ValidationError
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    from config.problems import PolicyProblems
    from config.settings import SettingsProblems
    from worker.archive.errors import ArchiveError
    from worker.databases.connect import UnknownDatabase
    from worker.demo.schema import DemoError
    from worker.ledger.errors import LedgerError
    from worker.pipeline.tools import Broken, Refused
    from worker.strategies.base import StrategyError

    try:
        program()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ERROR
    except PolicyProblems as problems:
        for problem in problems.problems:
            tell(str(problem))
        return REFUSED
    except Refused as refused:
        tell(str(refused))
        return REFUSED
    except (SettingsProblems, UnknownDatabase, ArchiveError, LedgerError, DemoError, Broken, StrategyError) as error:
        tell(str(error))
        return ERROR
    except DBAPIError as error:
        tell(_database_sentence(error))
        return ERROR
    except (SQLAlchemyError, ValidationError, OSError) as error:
        tell(f"{type(error).__name__} while talking to the database or the disk; nothing uncommitted was kept.")
        return ERROR
    except KeyboardInterrupt:
        tell("Stopped by hand; what was not committed was rolled back. The same command goes on.")
        return ERROR
    return 0


def _database_sentence(error: object) -> str:
    """What the database said, without any value: its class and, for PostgreSQL, the message without detail."""
    original = getattr(error, "orig", error)
    state = getattr(original, "sqlstate", None)
    primary = getattr(getattr(original, "diag", None), "message_primary", None)
    if state in ("42501",) and primary:
        return f"The database refused: {primary}. Give the role the rights that `merzim init --print-grants` prints."
    known = primary if state and state[:2] in ("08", "28", "3D", "42", "53", "57") else None
    if known is None and type(original).__name__ == "OperationalError":
        known = str(original).splitlines()[0] if state is None else None
    return f"The database refused ({type(original).__name__}){': ' + known if known else ''}. Nothing uncommitted was kept."
