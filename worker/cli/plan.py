"""`merzim plan`: what a night would do, and why."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from config.catalogue import text
from worker.cli.output import busy, in_size, in_words, print_json, print_table, say, stop, wants_json

COUNTED = ("due", "kept", "done")  # states of rows that need no reason


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(help=text("help.plan"))(plan)


def moment(written: str | None) -> datetime:
    """The time to plan for: the given one, which may only lie in the past, or the present."""
    present = datetime.now(UTC)
    if written is None:
        return present
    try:
        given = datetime.fromisoformat(written)
    except ValueError:
        stop(text("verb_plan.no_time"), 2)
    if given.tzinfo is None:
        stop(text("verb_plan.no_offset"), 2)
    if given > present:
        stop(text("verb_plan.future"), 2)
    return given


def plan(
    context: typer.Context,
    now: Annotated[str | None, typer.Option(help=text("help_plan.now"))] = None,
    compare: Annotated[Path | None, typer.Option(help=text("help_plan.compare"))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False,
) -> None:
    """Show what tonight would do, per table, and why. Writes nothing."""
    from worker.bootstrap import install
    from worker.pipeline.beginning import decide
    from worker.pipeline.tools import require_ledger

    installation = install(context.obj)
    policy = installation.policy()
    require_ledger(installation.tools)
    if compare is not None:
        _compare(installation, policy, compare, moment(now), as_json)
        return
    with busy(text("program.deciding")), installation.tools.database.reading() as connection:
        decision = decide(connection, installation.tools, policy, moment(now))
    if wants_json(as_json):
        print_json(decision.plan.as_json())
    else:
        show(decision.plan)


def _compare(installation: Any, policy: Any, path: Path, at: datetime, as_json: bool) -> None:
    from config.loader import read_policy
    from worker.cli.comparison_view import show_comparison
    from worker.office.comparing_plans import compare_plans

    other, tools = read_policy(path), installation.tools
    with busy(text("program.deciding")), tools.database.reading() as connection:
        found = compare_plans(connection, tools, policy, other, at)
    if wants_json(as_json):
        print_json(asdict(found))
    else:
        show_comparison(found)


def show(plan: Any) -> None:
    """The plan as tables: the numbers, the reasons behind them, and what is copied before it goes."""
    print_table(
        text("verb_plan.title", policy=plan.policy, day=str(plan.local_date)),
        ["stage", "table", "operation", "due", "held", "quarantined", "kept", "of", "copy"],
        [
            [
                t.stage,
                t.table,
                t.operation,
                t.due,
                sum(t.held.values()),
                sum(t.quarantined.values()),
                t.states.get("kept", 0),
                t.rows,
                in_size(t.bytes) if t.bytes else "",
            ]
            for t in plan.tables
        ],
        whole=("table", "operation"),
    )
    reasons = [[t.stage, t.table, _reasons(t)] for t in plan.tables if set(t.states) - set(COUNTED)]
    if reasons:
        print_table(text("verb_plan.untouched"), ["stage", "table", "by_reason"], reasons, whole=("table",))
    print_table(text("verb_plan.before"), ["stage", "copy"], _copies(plan), whole=("stage",))
    for stage, why in plan.stopped.items():
        say(text("verb_plan.stopped", stage=stage, reason=why))
    for sentence in plan.unmentioned:
        say(sentence)
    say(text("verb_plan.fingerprint", fingerprint=plan.fingerprint))


def _reasons(table: Any) -> str:
    """Such as: held: open debt 14, court 3; quarantined: no event says when the person stopped 4."""
    from worker.reports.reasons import reason_words, state_words

    other = {state_words(s): n for s, n in table.states.items() if s not in COUNTED and ": " not in s}
    kinds = {"held": table.held, "quarantined": table.quarantined}
    known = {kind: {reason_words(reason): n for reason, n in by.items()} for kind, by in kinds.items() if by}
    parts = [text(f"verb_plan.{kind}", reasons=in_words(by)) for kind, by in known.items()]
    return "; ".join([*parts, *([in_words(other)] if other else [])])


def _copies(plan: Any) -> list[list[str]]:
    """What is kept of each stage's rows, and where files go without a copy."""
    copies = {t.stage: t.copy for t in plan.tables}
    files: dict[str, list[str]] = {}
    for t in plan.tables:
        if t.files:
            files.setdefault(t.stage, []).append(t.table)
    return [
        [stage, text("verb_plan.files", copy=copy, tables=", ".join(files[stage])) if stage in files else copy]
        for stage, copy in copies.items()
    ]
