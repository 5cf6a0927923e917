"""`merzim run`: the nightly job, now and here."""

import getpass
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from config.catalogue import text
from worker.cli.output import CLEAN, FAILURES, REFUSED, print_json, progress, tell, wants_json
from worker.cli.plan import moment

EXIT = {
    "done": CLEAN,
    "done_with_failures": FAILURES,
    "window_ended": FAILURES,
    "open": FAILURES,
    "stopped": REFUSED,
    "failed": 3,
}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(help=text("help.run"))(run)


def run(
    context: typer.Context,
    approve: Annotated[
        str | None,
        typer.Option(metavar="FINGERPRINT", help=text("help_run.approve")),
    ] = None,
    expect: Annotated[str | None, typer.Option("--plan", metavar="FINGERPRINT", help=text("help_run.expect"))] = None,
    now: Annotated[str | None, typer.Option(help=text("help_run.now"))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False,
) -> None:
    """Carry out the night now, here."""
    from worker.bootstrap import install
    from worker.pipeline.beginning import Wish

    installation = install(context.obj)
    policy = installation.policy()
    wish = Wish(moment(now), approve=approve, expect=expect, author=getpass.getuser())
    outcome = carry_out(installation, policy, wish)
    page = save_report(installation, facts_of(installation, outcome.run_id))
    if page is not None:
        tell(text("program.report", path=page))
    if wants_json(as_json):
        print_json(result(installation, outcome))
    else:
        show(installation, outcome)
    raise SystemExit(EXIT[outcome.state])


def carry_out(installation: Any, policy: Any, wish: Any) -> Any:
    """The night with a progress line on a terminal; SIGTERM and Ctrl-C end it after the present slice."""
    from worker.pipeline.halting import when_asked
    from worker.pipeline.night import night

    asked_to_stop: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: asked_to_stop.append(received))

    progress(text("program.deciding"))
    try:
        return night(
            installation.tools,
            policy,
            wish,
            halt=when_asked(lambda: asked_to_stop),
            watch=lambda p: progress(_so_far(p.slices, p.rows)),
        )
    finally:
        progress("")


def _so_far(slices: int, rows: int) -> str:
    committed = text("verb_run.slices", n=slices, count=str(slices))
    return text("verb_run.progress", slices=committed, rows=text("verb_run.rows", n=rows, count=str(rows)))


def facts_of(installation: Any, run_id: str) -> Any:
    """The run's facts from the ledger."""
    from worker.reports.facts import policy_of, run_facts

    ledger = installation.tools.ledger
    with installation.tools.database.reading() as connection:
        return run_facts(connection, ledger, policy_of(connection, ledger, run_id), run_id)


def save_report(installation: Any, facts: Any) -> Path | None:
    """The page of a run in the folder of MERZIM_REPORTS, if that is set."""
    from worker.reports.pages import save_page

    folder: Path | None = installation.settings.reports
    return None if folder is None else save_page(folder, facts)


def result(installation: Any, outcome: Any) -> dict[str, Any]:
    """The run as JSON."""
    from worker.reports.facts import counts

    return {
        "run": outcome.run_id,
        "state": outcome.state,
        "reason": outcome.reason,
        "counts": counts(facts_of(installation, outcome.run_id)),
    }


def show(installation: Any, outcome: Any) -> None:
    """The run as people read it."""
    from worker.reports.as_terminal import print_report

    print_report(facts_of(installation, outcome.run_id))
