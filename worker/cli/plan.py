"""`merzim plan`: what a night would do, and why."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from worker.cli.output import in_words, print_json, print_table, say, stop, wants_json


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(plan)


def moment(text: str | None) -> datetime:
    """The time to plan for: the given one, which may only lie in the past, or the present."""
    present = datetime.now(UTC)
    if text is None:
        return present
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        stop("--now is no time; write it like 2026-03-01T12:00:00+05:00.", 2)
    if given.tzinfo is None:
        stop("--now needs its offset, as in 2026-03-01T12:00:00+05:00.", 2)
    if given > present:
        stop("--now lies in the future: what is not past its term yet cannot be planned or done.", 2)
    return given


def plan(
    context: typer.Context,
    now: Annotated[
        str | None, typer.Option(help="Plan for this past moment, with offset, instead of the present.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what tonight would do: due, held, quarantined and kept per table, copies, fingerprint. Writes nothing.

    Example: merzim --env-file merzim.env plan
    """
    from worker.bootstrap import install
    from worker.pipeline.night import decide, require_ledger

    installation = install(context.obj)
    policy = installation.policy()
    require_ledger(installation.tools)
    with installation.tools.database.reading() as connection:
        decision = decide(connection, installation.tools, policy, moment(now))
    if wants_json(as_json):
        print_json(decision.plan.as_json())
    else:
        show(decision.plan)


def show(plan: Any) -> None:
    """The plan as tables."""
    print_table(
        f"Plan of {plan.policy} for {plan.local_date}",
        ["stage", "table", "operation", "due", "of", "kept", "held", "quarantined", "copy", "copy, bytes"],
        [
            [
                t.stage,
                t.table,
                t.operation,
                t.due,
                t.rows,
                t.states.get("kept", 0),
                in_words(t.held),
                in_words(t.quarantined),
                t.copy + (", files go without a copy" if t.files else ""),
                t.bytes or "",
            ]
            for t in plan.tables
        ],
    )
    for stage, why in plan.stopped.items():
        say(f"The stage {stage} is stopped: {why}")
    say(f"Fingerprint: {plan.fingerprint}")
