"""`merzim hold`: reasons not to touch, placed by hand."""

import getpass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import typer

from config.catalogue import text
from worker.cli.output import REFUSED, print_json, print_table, say, stop, wants_json

app = typer.Typer(name="hold", no_args_is_help=True, rich_markup_mode=None)


@app.callback(help=text("help.hold"))
def hold() -> None:
    """Place, release and list reasons not to touch."""


@app.command(help=text("help.hold_place"))
def place(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help=text("help_hold_place.reason"))],
    key: Annotated[str | None, typer.Option(help=text("help_hold_place.key"))] = None,
    table: Annotated[str | None, typer.Option(help=text("help_hold_place.table"))] = None,
    until: Annotated[str | None, typer.Option(help=text("help_hold_place.until"))] = None,
) -> None:
    """Place a hold on a person, a row or a table."""
    from worker.bootstrap import install
    from worker.office.holding import place_hold
    from worker.pipeline.tools import require_ledger

    if key is None and table is None:
        stop(text("verb_hold.needs"), REFUSED)
    installation = install(context.obj)
    require_ledger(installation.tools)
    policy = installation.policy()
    scope: Literal["person", "row", "table"] = "person" if table is None else "row" if key is not None else "table"
    hold_id = place_hold(installation.tools, policy, scope, table, key, reason, getpass.getuser(), _day(until))
    say(text("verb_hold.placed", id=hold_id))


def _day(written: str | None) -> Any:
    if written is None:
        return None
    try:
        return datetime.strptime(written, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        stop(text("verb_hold.no_date"), REFUSED)


@app.command(help=text("help.hold_release"))
def release(
    context: typer.Context, hold_id: Annotated[str, typer.Argument(help=text("help_hold_release.hold_id"))]
) -> None:
    """End a hold."""
    from worker.bootstrap import install
    from worker.ledger.holds import release as release_hold
    from worker.pipeline.tools import require_ledger, utc_now

    tools = install(context.obj).tools
    require_ledger(tools)
    with tools.database.writing() as connection:
        release_hold(connection, tools.ledger, hold_id, getpass.getuser(), utc_now())
    say(text("verb_hold.released", id=hold_id))


@app.command("list", help=text("help.hold_list"))
def list_(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False
) -> None:
    """List the holds in force, oldest first."""
    from worker.bootstrap import install
    from worker.ledger.holds import list_active
    from worker.pipeline.tools import require_ledger, utc_now

    tools = install(context.obj).tools
    require_ledger(tools)
    with tools.database.reading() as connection:
        holds = [vars(h) for h in list_active(connection, tools.ledger, utc_now())]
    rows = [
        {
            "id": h["id"],
            "scope": h["scope"],
            "table": h["table_name"],
            "key": h["key_text"] or h["key_number"] or None,
            "reason": h["reason"],
            "author": h["author"],
            "placed": h["placed_at"],
            "ends": h["ends_at"],
        }
        for h in holds
    ]
    if wants_json(as_json):
        print_json(rows)
    elif rows:
        print_table(text("verb_hold.title"), list(rows[0]), [list(r.values()) for r in rows], whole=("id", "table"))
    else:
        say(text("verb_hold.none"))
