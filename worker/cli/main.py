"""merzim: plan, archive, depersonalise or delete, verify and report (мерзім: a term, a deadline)."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from config.catalogue import text
from worker.cli import (
    archive,
    bench,
    check,
    demo,
    explain,
    hold,
    init,
    keys,
    ledger,
    plan,
    purge,
    replay,
    report,
    run,
    serve,
    status,
)
from worker.cli.output import ERROR, REFUSED, tell
from worker.garbage import look_rarely

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: examples can be copied, and nothing heavy is imported for it
    context_settings={"max_content_width": 100},
)


@app.callback(help=text("help.merzim"))
def settings(
    context: typer.Context,
    env_file: Annotated[Path | None, typer.Option(help=text("help_merzim.env_file"))] = None,
) -> None:
    """Find the people whose term has ended, archive, depersonalise or delete what is theirs, and prove it."""
    from worker import logs

    logs.configure_at_first(logging.WARNING)
    context.obj = env_file


for verb in (demo, init, check, plan, run, serve, explain, replay, report, status):
    verb.register(app)
for noun in (purge, hold, archive, ledger, keys, bench):
    app.add_typer(noun.app)


def main() -> None:
    """Run the program; every mistake of a user ends in a sentence and an exit code, never in a traceback."""
    look_rarely()
    raise SystemExit(_guarded(app))


def _guarded(program: Callable[[], object]) -> int:
    try:
        program()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ERROR
    except KeyboardInterrupt:
        tell(text("program.interrupted"))
        return ERROR
    except Exception as error:
        return _told(error)
    return 0


def _told(error: Exception) -> int:
    """Say what went wrong and give the exit code; what nobody foresaw is raised again."""
    from config.problems import PolicyProblems
    from worker.ledger.errors import PersonalText
    from worker.pipeline.tools import Refused
    from worker.telling import foreseen

    sentences = foreseen(error)
    if sentences is None:
        raise error
    for sentence in sentences:
        tell(sentence)
    return REFUSED if isinstance(error, PolicyProblems | Refused | PersonalText) else ERROR
