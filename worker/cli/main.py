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

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: examples can be copied, and nothing heavy is imported for it
    context_settings={"max_content_width": 100},
)


@app.callback()
def settings(
    context: typer.Context,
    env_file: Annotated[Path | None, typer.Option(help="A file with MERZIM_… settings, such as merzim.env.")] = None,
) -> None:
    """Find the people whose term has ended, archive, depersonalise or delete what is theirs, and prove it.

    Settings are environment variables MERZIM_…, or stand in the file that --env-file names. Every verb has its own
    --help. Exit code 0: clean. 1: completed, with failures. 2: refused. 3: error.

    Example: merzim demo

    Example: merzim --env-file /etc/merzim/merzim.env plan
    """
    _quiet_logs()
    context.obj = env_file


for verb in (demo, init, check, plan, run, explain, report, status):
    verb.register(app)
for noun in (hold, archive, ledger, keys):
    app.add_typer(noun.app)


def main() -> None:
    """Run the program; every mistake of a user ends in a sentence and an exit code, never in a traceback."""
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
    try:
        program()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ERROR
    except KeyboardInterrupt:
        tell("Stopped by hand; what was not committed was rolled back. The same command goes on.")
        return ERROR
    except Exception as error:
        return _told(error)
    return 0


def _told(error: Exception) -> int:
    """Say what went wrong and give the exit code; what nobody foresaw is raised again. Imports only now, since every
    start of the program would pay for it."""
    from pydantic import ValidationError
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    from config.problems import PolicyProblems
    from config.settings import SettingsProblems
    from worker.archive.errors import ArchiveError
    from worker.databases.connect import UnknownDatabase
    from worker.demo.schema import DemoError
    from worker.ledger.errors import LedgerError, PersonalText
    from worker.pipeline.tools import Broken, Refused
    from worker.strategies.base import StrategyError

    foreseen = (SettingsProblems, UnknownDatabase, ArchiveError, LedgerError, DemoError, Broken, StrategyError)
    if isinstance(error, PolicyProblems | Refused | PersonalText):
        for sentence in error.problems if isinstance(error, PolicyProblems) else [error]:
            tell(str(sentence))
        return REFUSED
    if isinstance(error, DBAPIError):
        tell(_database_sentence(error))
    elif isinstance(error, foreseen):
        tell(str(error))
    elif isinstance(error, SQLAlchemyError | ValidationError | OSError):
        tell(f"{type(error).__name__} while talking to the database or the disk; nothing uncommitted was kept.")
    else:
        raise error
    return ERROR


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
