"""`merzim status`: is every night done, or does somebody have to look?"""

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from config.catalogue import text
from worker.cli.output import CLEAN, FAILURES, print_json, print_table, say, wants_json


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(help=text("help.status"))(status)


def status(
    context: typer.Context,
    max_age_hours: Annotated[int, typer.Option(help=text("help_status.max_age_hours"))] = 30,
    as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False,
) -> None:
    """Show the last runs, and whether the last good one is too old."""
    from worker.bootstrap import install
    from worker.pipeline.tools import require_ledger

    tools = install(context.obj).tools
    require_ledger(tools)
    facts = _facts(tools, timedelta(hours=max_age_hours))
    if wants_json(as_json):
        print_json(facts)
    else:
        rows = [
            [r["local_date"], r["kind"], text(f"run_state.{r['state']}"), r["started_at"], _in_short(r["reason"])]
            for r in facts["runs"]
        ]
        columns = ["day", "kind", "state", "started", "reason"]
        print_table(text("verb_status.title"), columns, rows, whole=("day", "started"))
        for name in ("last_good_run", "oldest_hold", "holds", "segments_in_spool", "files_waiting", "open_batches"):
            label = text(f"status_label.{name}")
            say(f"{label:<20}{_shown(facts[name])}")
        if not facts["in_time"]:
            say(text("verb_status.too_old", n=max_age_hours, hours=str(max_age_hours)))
    raise SystemExit(CLEAN if facts["in_time"] else FAILURES)


def _shown(value: datetime | int | None) -> str:
    if value is None:
        return text("verb_status.none")
    return text("verb_status.utc", moment=f"{value:%Y-%m-%d %H:%M}") if isinstance(value, datetime) else str(value)


def _in_short(reason: str | None) -> str:
    """Its first sentence; `--json` has all of it."""
    first, dot, rest = (reason or "").partition(". ")
    return f"{first}. …" if rest else first + dot


def _facts(tools: Any, limit: timedelta) -> dict[str, Any]:
    import sqlalchemy as sa

    from worker.ledger.holds import list_active
    from worker.pipeline.tools import utc_now

    ledger = tools.ledger
    run = ledger.run
    columns = [run.c[c] for c in ("id", "local_date", "kind", "state", "started_at", "ended_at", "reason")]
    with tools.database.reading() as connection:
        runs = connection.execute(sa.select(*columns).order_by(run.c.started_at.desc()).limit(10)).mappings().all()
        good = connection.execute(
            sa.select(sa.func.max(run.c.ended_at)).where(run.c.state == "done", run.c.kind != "restore")
        ).scalar()
        holds = list_active(connection, ledger, utc_now())
        waiting = connection.execute(sa.select(sa.func.count()).select_from(ledger.outbox)).scalar_one()
        batches = connection.execute(
            sa.select(sa.func.count())
            .select_from(ledger.batch.join(run, run.c.id == ledger.batch.c.run_id))
            .where(ledger.batch.c.state == "open", run.c.state == "open")
        ).scalar_one()
    return {
        "in_time": good is not None and utc_now() - good <= limit,
        "last_good_run": good,
        "runs": [dict(r) for r in runs],
        "holds": len(holds),
        "oldest_hold": holds[0].placed_at if holds else None,
        "segments_in_spool": len(tools.spool.names()) if tools.spool else 0,
        "files_waiting": waiting,
        "open_batches": batches,
    }
