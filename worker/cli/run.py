"""`merzim run`: the nightly job, now and here."""

import signal
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from config.catalogue import text
from worker.cli import run_pause
from worker.cli.output import CLEAN, FAILURES, REFUSED, print_json, progress, stop, tell, wants_json
from worker.cli.plan import moment
from worker.cli.signing import TokenFile, signer_of
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
    """Add the verb, and what stops and goes on beneath it."""
    group = typer.Typer(rich_markup_mode=None)
    group.callback(invoke_without_command=True, help=text("help.run"))(run)
    run_pause.register(group)
    app.add_typer(group, name="run")


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
    token: TokenFile = None,
    as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False,
) -> None:
    """Carry out the night now: here, or by the workers."""
    if context.invoked_subcommand is not None:
        return
    from worker.bootstrap import install
    from worker.pipeline.beginning import Wish

    installation = install(context.obj)
    policy = installation.policy()
    signer = signer_of(installation, token) if approve is not None else None
    wish = Wish(moment(now), approve=approve, expect=expect, signer=signer)
    if enqueue:
        run_id = hand_over(context.obj, installation, policy, wish)
    elif watch:
        run_id = open_run(installation.tools, policy.name) or stop(text("watch.nothing"), REFUSED)
    else:
        outcome = carry_out(installation, policy, wish)
        run_id = outcome.run_id
        if outcome.state == "open" and outcome.reason is not None:
            tell(outcome.reason)
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
    from worker.ledger.runs import HANDED_OVER
    from worker.pipeline.beginning import begin
    from worker.pipeline.tools import require_ledger

    installation.settings.require("broker_url")
    require_ledger(installation.tools)
    process.env_file = env_file
    run_id = str(begin(installation.tools, policy, replace(wish, kind=HANDED_OVER)).id)
    told = hint(run_id, HINTS)
    tell(text("enqueue.done", run=run_id) if told else text("enqueue.silent", run=run_id))
    return run_id


def carry_out(installation: Any, policy: Any, wish: Any) -> Any:
    """Purges that wait, then the night, with a progress line; SIGTERM and Ctrl-C end it after the present slice."""
    from worker.pipeline.halting import when_asked
    from worker.pipeline.night import night
    from worker.pipeline.purging import carry_out_waiting

    asked_to_stop: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: asked_to_stop.append(received))

    halt = when_asked(lambda: asked_to_stop)
    progress(text("program.deciding"))
    try:
        for purge in carry_out_waiting(installation.tools, policy, halt, _so_far):
            _tell_of_purge(purge)
        return night(installation.tools, policy, wish, halt, _so_far)
    finally:
        progress("")


def _so_far(done: Any) -> None:
    committed = text("verb_run.slices", n=done.slices, count=str(done.slices))
    rows = text("verb_run.rows", n=done.rows, count=str(done.rows))
    progress(text("verb_run.progress", slices=committed, rows=rows))


def _tell_of_purge(purge: Any) -> None:
    """A purge that was waiting: it goes its own way, whatever becomes of the night."""
    from worker.pipeline.tools import Refused

    progress("")
    if isinstance(purge, Refused):
        tell(str(purge))
        return
    state = text(f"purge_ended.{purge.state}", run=purge.run_id)
    tell(" ".join(filter(None, (state, purge.reason))))


def facts_of(installation: Any, run_id: str) -> Any:
    """The run's facts from the ledger."""
    from worker.reports.facts import policy_of, run_facts

    ledger = installation.tools.ledger
    with installation.tools.database.reading() as connection:
        return run_facts(connection, ledger, policy_of(connection, ledger, run_id), run_id)


def save_report(installation: Any, facts: Any) -> Path | None:
    """The page of a run in the folder of MERZIM_REPORTS, if that is set. The ledger has everything that it says, so a
    disk that refuses it is told and costs nothing else."""
    from worker.reports.pages import save_page

    folder: Path | None = installation.settings.reports
    try:
        return None if folder is None else save_page(folder, facts)
    except OSError as error:
        tell(text("program.no_report", folder=folder, reason=error.strerror or type(error).__name__, run=facts.id))
        return None


def result(facts: Any) -> dict[str, Any]:
    """The run as JSON."""
    from worker.reports.facts import counts

    return {"run": facts.id, "state": facts.state, "reason": facts.reason, "counts": counts(facts)}


def show(facts: Any) -> None:
    """The run as people read it."""
    from worker.reports.as_terminal import print_report

    print_report(facts)
