"""`merzim serve`: the nights by themselves, in one process."""

import typer

from config.catalogue import text
from worker.cli.output import tell


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(help=text("help.serve"))(serve)


def serve(context: typer.Context) -> None:
    """Run beat and worker in one process, until it is stopped."""
    from worker.bootstrap import install
    from worker.embedded import serve as run
    from worker.pipeline.tools import require_ledger
    from worker.plan.window import Hours

    installation = install(context.obj)
    policy = installation.policy()
    require_ledger(installation.tools)
    hours = Hours.of(policy, installation.tools.window)
    window = f"{hours.window.start:%H:%M}-{hours.window.end:%H:%M}"
    tell(text("serve.started", window=window, zone=hours.zone.key))
    run(context.obj)
