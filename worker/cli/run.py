"""`merzim run`: the nightly job, now and here."""

import getpass
import signal
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from config.catalogue import text
from worker.cli.output import CLEAN, FAILURES, REFUSED, print_json, progress, stop, tell, wants_json
from worker.cli.plan import moment
from worker.cli.watching import follow, open_run

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
    enqueue: Annotated[bool, typer.Option("--enqueue", help=text("help_run.enqueue"))] = False,
    watch: Annotated[bool, typer.Option("--watch", help=text("help_run.watch"))] = False,
    as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False,
) -> None:
    """Carry out the night now: here, or by the workers."""
    from worker.bootstrap import install
    from worker.pipeline.beginning import Wish

    installation = install(context.obj)
    policy = installation.policy()
    wish = Wish(moment(now), approve=approve, expect=expect, author=getpass.getuser())
    if enqueue:
        run_id = hand_over(context.obj, installation, policy, wish)
    elif watch:
        run_id = open_run(installation.tools, policy.name) or stop(text("watch.nothing"), REFUSED)
    else:
        run_id = carry_out(installation, policy, wish).run_id
    if watch:
        follow(installation.tools, run_id)
    facts = facts_of(installation, run_id)
    if not enqueue and not watch:
        page = save_report(installation, facts)
        if page is not None:
            tell(text("program.report", path=page))
    if wants_json(as_json):
        print_json(result(facts))
    elif watch or not enqueue:
        show(facts)
    raise SystemExit(CLEAN if enqueue and not watch else EXIT[facts.state])


def hand_over(env_file: Path | None, installation: Any, policy: Any, wish: Any) -> str:
    """Make the run, or find the open one, and tell the workers; the run's id."""
    from worker.celery_app import HINTS, hint, process
    from worker.pipeline.beginning import HANDED_OVER, begin
    from worker.pipeline.tools import require_ledger

    installation.settings.require("broker_url")
    require_ledger(installation.tools)
    process.env_file = env_file
    run_id = str(begin(installation.tools, policy, replace(wish, kind=HANDED_OVER)).id)
    told = hint(run_id, HINTS)
    tell(text("enqueue.done", run=run_id) if told else text("enqueue.silent", run=run_id))
    return run_id


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


def result(facts: Any) -> dict[str, Any]:
    """The run as JSON."""
    from worker.reports.facts import counts

    return {"run": facts.id, "state": facts.state, "reason": facts.reason, "counts": counts(facts)}


def show(facts: Any) -> None:
    """The run as people read it."""
    from worker.reports.as_terminal import print_report

    print_report(facts)
