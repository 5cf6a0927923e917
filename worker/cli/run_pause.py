"""`merzim run pause` and `merzim run resume`: stop all work without ending it."""

import getpass
from typing import Annotated

import typer

from config.catalogue import text
from worker.cli.output import say


def register(app: typer.Typer) -> None:
    """Add both."""
    app.command("pause", help=text("help.run_pause"))(pause)
    app.command("resume", help=text("help.run_resume"))(resume)


def pause(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help=text("help_run.pause_reason"))],
) -> None:
    """Let no slice begin until the work is resumed."""
    from worker.bootstrap import install
    from worker.ledger import pauses
    from worker.pipeline.tools import require_ledger, utc_now

    tools = install(context.obj).tools
    require_ledger(tools)
    with tools.database.writing(lock_seconds=30) as connection:
        pauses.pause(connection, tools.ledger, pauses.Pause(reason, getpass.getuser(), utc_now()))
    say(text("verb_run.paused"))


def resume(context: typer.Context) -> None:
    """Go on."""
    from worker.bootstrap import install
    from worker.ledger import pauses
    from worker.pipeline.tools import require_ledger, utc_now

    tools = install(context.obj).tools
    require_ledger(tools)
    with tools.database.writing() as connection:
        pauses.resume(connection, tools.ledger, getpass.getuser(), utc_now())
    say(text("verb_run.resumed"))
