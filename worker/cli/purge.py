"""`merzim purge`: requests of persons, from the letter to the answer."""

from typing import Annotated, Any

import typer

from config.catalogue import text
from worker.cli import purge_approve, purge_request, purge_show
from worker.cli.output import print_json, print_table, say, wants_json
from worker.cli.signing import TokenFile, signer_of

app = typer.Typer(name="purge", no_args_is_help=True, rich_markup_mode=None)


@app.callback(help=text("help.purge"))
def purge() -> None:
    """Take, approve, show and cancel requests of persons."""


for verb in (purge_request, purge_approve, purge_show):
    verb.register(app)


@app.command("list", help=text("help.purge_list"))
def list_(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help=text("help_purge_list.all"))] = False,
    as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False,
) -> None:
    """List the requests that wait, the most urgent first."""
    from worker.bootstrap import install
    from worker.ledger.requests import UNANSWERED, list_requests
    from worker.pipeline.tools import require_ledger

    tools = install(context.obj).tools
    require_ledger(tools)
    with tools.database.reading() as connection:
        found = list_requests(connection, tools.ledger, () if every else UNANSWERED)
    if wants_json(as_json):
        print_json([purge_show.brief(request) for request in found])
    elif found:
        columns = ["id", "operation", "state", "received", "answer_by", "not_before", "reason"]
        print_table(text("verb_purge.title"), columns, [_line(r) for r in found], whole=("received", "answer_by"))
    else:
        say(text("verb_purge.none"))


def _line(request: Any) -> list[object]:
    state = text(f"request_state.{request.state}")
    days = [request.received_on.isoformat(), request.answer_by and request.answer_by.isoformat()]
    return [request.id[:8], request.operation, state, *days, request.not_before, request.reason]


@app.command(help=text("help.purge_cancel"))
def cancel(
    context: typer.Context,
    request_id: Annotated[str, typer.Argument(help=text("help_purge.id"))],
    reason: Annotated[str, typer.Option(help=text("help_purge_cancel.reason"))],
    token: TokenFile = None,
) -> None:
    """Call off a request that has not begun."""
    from worker.bootstrap import install
    from worker.office.deciding import cancel as cancel_request
    from worker.pipeline.tools import require_ledger

    installation = install(context.obj)
    require_ledger(installation.tools)
    request = cancel_request(installation.tools, request_id, reason, signer_of(installation, token))
    say(text("verb_purge.cancelled", id=request.id))
