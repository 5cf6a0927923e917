"""`merzim status`: is every night done, or does somebody have to look?"""

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import typer

from config.catalogue import text
from worker.cli.output import CLEAN, FAILURES, REFUSED, print_json, print_table, say, stop, wants_json

LABELS = (
    "paused_since",
    "last_good_run",
    "nights_missed",
    "backlog",
    "backlog_since",
    "blocked",
    "holds",
    "oldest_hold",
    "holds_ending",
    "holds_to_review",
    "segments_in_spool",
    "files_waiting",
    "open_batches",
    "workers",
    "last_sweep",
    "messages_waiting",
)
SWEEPS_MISSED = 5


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(help=text("help.status"))(status)


def status(
    context: typer.Context,
    max_age_hours: Annotated[int, typer.Option(help=text("help_status.max_age_hours"))] = 30,
    worker: Annotated[bool, typer.Option("--worker", help=text("help_status.worker"))] = False,
    beat: Annotated[bool, typer.Option("--beat", help=text("help_status.beat"))] = False,
    as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False,
) -> None:
    """Show the last runs, and whether somebody has to look."""
    if worker or beat:
        _alive(context, worker, beat)
    from worker.bootstrap import install
    from worker.pipeline.tools import require_ledger

    installation = install(context.obj)
    require_ledger(installation.tools)
    facts = _facts(context, installation, timedelta(hours=max_age_hours))
    if wants_json(as_json):
        print_json(facts)
    else:
        _show(facts)
    raise SystemExit(FAILURES if facts["problems"] else CLEAN)


def _alive(context: typer.Context, worker: bool, beat: bool) -> None:
    """For health checks: only this machine, and no database."""
    from config.settings import Settings
    from worker.pulse import BEAT, WORKER, is_alive

    settings = Settings.load(context.obj)
    if settings.pulse is None:
        stop(text("alive.no_pulse"), REFUSED)
    living = {name: is_alive(settings, name) for name, asked in ((WORKER, worker), (BEAT, beat)) if asked}
    for name, alive in living.items():
        say(text(f"alive.{name}") if alive else text(f"alive.no_{name}"))
    raise SystemExit(CLEAN if all(living.values()) else FAILURES)


def _facts(context: typer.Context, installation: Any, limit: timedelta) -> dict[str, Any]:
    from worker.pipeline.blocked import blocked_people
    from worker.pipeline.tools import utc_now
    from worker.plan.window import Hours
    from worker.reports.standing import standing

    tools, settings, now = installation.tools, installation.settings, utc_now()
    policy = None if settings.policy is None else installation.policy()
    hours = Hours(settings.window, settings.timezone) if policy is None else Hours.of(policy, tools.window)
    with tools.database.reading() as connection:
        blocked = None if policy is None else blocked_people(connection, policy)
        aware = now.replace(tzinfo=UTC)
        found = standing(connection, tools.ledger, now, hours.today(aware), hours.passed(aware), policy, blocked)
    queue: dict[str, Any] = {}
    if settings.broker_url is not None:
        from worker.celery_app import process, waiting

        process.env_file = context.obj
        queue["messages_waiting"] = waiting()
    facts = {**asdict(found), "segments_in_spool": len(tools.spool.names()) if tools.spool else 0, **queue}
    return {**facts, "problems": _problems(facts, settings, now, limit)}


def _problems(facts: dict[str, Any], settings: Any, now: datetime, limit: timedelta) -> list[str]:
    """Why somebody has to look, as sentences."""
    found = [text("verb_status.overdue", id=a["id"][:8]) for a in facts["answers"] if a["overdue"]]
    if facts["last_good_run"] is None or now - facts["last_good_run"] > limit:
        hours = int(limit.total_seconds() // 3600)
        found.append(text("verb_status.too_old", n=hours, hours=str(hours)))
    if facts["paused_since"] is not None:
        found.append(text("verb_status.paused"))
    if settings.broker_url is None:
        return found
    if facts["messages_waiting"] is None:
        found.append(text("verb_status.no_broker"))
    if not facts["workers"]:
        found.append(text("verb_status.no_workers"))
    sweeps = timedelta(seconds=SWEEPS_MISSED * settings.sweep_seconds)
    if facts["last_sweep"] is None or now - facts["last_sweep"] > max(sweeps, timedelta(minutes=1)):
        found.append(text("verb_status.no_sweep"))
    return found


def _show(facts: dict[str, Any]) -> None:
    from worker.reports.answers import AnswerFacts, answer_line

    for answer in facts["answers"]:
        say(answer_line(text, AnswerFacts(**answer)))
    rows = [
        [r["local_date"], r["kind"], text(f"run_state.{r['state']}"), r["started_at"], _in_short(r["reason"])]
        for r in facts["runs"]
    ]
    columns = ["day", "kind", "state", "started", "reason"]
    print_table(text("verb_status.title"), columns, rows, whole=("day", "started"))
    for name in LABELS:
        if name in facts:
            label = text(f"status_label.{name}")
            say(f"{label:<20}{_shown(facts[name])}")
    for problem in facts["problems"]:
        say(problem)


def _shown(value: Any) -> str:
    if value is None or value == []:
        return text("verb_status.none")
    if isinstance(value, datetime):
        return text("verb_status.utc", moment=f"{value:%Y-%m-%d %H:%M}")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value.isoformat() if isinstance(value, date) else str(value)


def _in_short(reason: str | None) -> str:
    """Its first sentence; `--json` has all of it."""
    first, dot, rest = (reason or "").partition(". ")
    return f"{first}. …" if rest else first + dot
