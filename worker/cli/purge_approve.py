"""`merzim purge approve`: the second pair of eyes, on the plan as it is now."""

import sys
from typing import Annotated, Any

import typer

from config.catalogue import text
from worker.cli import purge_show
from worker.cli.output import FAILURES, REFUSED, busy, print_json, say, stop, tell, wants_json
from worker.cli.signing import TokenFile, signer_of


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(help=text("help.purge_approve"))(approve)


def approve(
    context: typer.Context,
    request_id: Annotated[str, typer.Argument(help=text("help_purge.id"))],
    fingerprint: Annotated[str | None, typer.Option(help=text("help_purge_approve.fingerprint"))] = None,
    token: TokenFile = None,
    as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False,
) -> None:
    """Say yes to somebody else's request."""
    from worker.bootstrap import install
    from worker.office.deciding import approve as approve_request
    from worker.office.deciding import review
    from worker.pipeline.tools import require_ledger

    installation = install(context.obj)
    tools, policy = installation.tools, installation.policy()
    require_ledger(tools)
    signer = signer_of(installation, token)
    with busy(text("program.deciding")):
        found = review(tools, policy, request_id, signer)
    json = wants_json(as_json)
    if not json or found.void:
        _show(found, json)
    if found.void:
        stop(found.void, REFUSED)
    given = fingerprint or _typed(found.request)
    request = approve_request(tools, policy, found.request.id, given, signer)
    code = _carry_out(installation, policy, request)
    if json:
        with tools.database.reading() as connection:
            from worker.ledger.requests import find_request

            print_json(purge_show.brief(find_request(connection, tools.ledger, request.id)))
    raise SystemExit(code)


def _show(found: Any, json: bool) -> None:
    if json:
        print_json({"void": found.void, "plan": found.shown.as_json()})
        return
    purge_show.show_request(found.request)
    purge_show.show_plan(found.shown.as_json(), None)


def _typed(request: Any) -> str:
    """The fingerprint, letter by letter: whoever types it has looked at it."""
    if not sys.stdin.isatty():
        stop(text("verb_purge.no_fingerprint"), REFUSED)
    return str(typer.prompt(text("verb_purge.type", fingerprint=request.fingerprint), err=True)).strip()


def _carry_out(installation: Any, policy: Any, request: Any) -> int:
    """Say when it is carried out; without a window and without workers it is now. The exit code."""
    from worker.pipeline.tools import utc_now

    if request.state == "done":
        say_or_tell(text("verb_purge.blocked", id=request.id[:8]))
        return 0
    if request.not_before > utc_now():
        moment = f"{request.not_before:%Y-%m-%d %H:%M}"
        say_or_tell(text("verb_purge.approved", id=request.id[:8], moment=moment))
        return 0
    if installation.settings.broker_url is not None:
        say_or_tell(text("verb_purge.handed_over", id=request.id[:8]))
        return 0
    return _now(installation.tools, policy)


def say_or_tell(line: str) -> None:
    """To people; a pipe's standard output stays JSON."""
    (say if sys.stdout.isatty() else tell)(line)


def _now(tools: Any, policy: Any) -> int:
    from worker.pipeline.purging import carry_out_waiting
    from worker.pipeline.tools import Refused

    code = 0
    for outcome in carry_out_waiting(tools, policy):
        if isinstance(outcome, Refused):
            tell(str(outcome))
            code = REFUSED
        else:
            say_or_tell(text("verb_purge.carried_out", run=outcome.run_id, state=text(f"run_state.{outcome.state}")))
            code = max(code, 0 if outcome.state == "done" else FAILURES)
    return code
