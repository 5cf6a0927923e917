"""`merzim purge request`: whom it is about, what was asked for, and the plan."""

import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from config.catalogue import text
from worker.cli import purge_show
from worker.cli.output import REFUSED, busy, print_json, print_table, stop, tell, wants_json
from worker.cli.signing import TokenFile, signer_of

Operation = Literal["due", "erasure", "block", "unblock"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(help=text("help.purge_request"))(request)


def request(
    context: typer.Context,
    operation: Annotated[Operation, typer.Option(help=text("help_purge_request.operation"))],
    checked: Annotated[str, typer.Option(help=text("help_purge_request.checked"))],
    reason: Annotated[str, typer.Option(help=text("help_purge_request.reason"))],
    basis: Annotated[str | None, typer.Option(help=text("help_purge_request.basis"))] = None,
    received: Annotated[str | None, typer.Option(help=text("help_purge_request.received"))] = None,
    complaint: Annotated[bool, typer.Option("--complaint", help=text("help_purge_request.complaint"))] = False,
    key: Annotated[list[str] | None, typer.Option(help=text("help_purge_request.key"))] = None,
    table: Annotated[str | None, typer.Option(help=text("help_purge_request.table"))] = None,
    file: Annotated[Path | None, typer.Option("--csv", help=text("help_purge_request.csv"))] = None,
    choose: Annotated[list[str] | None, typer.Option(help=text("help_purge_request.choose"))] = None,
    token: TokenFile = None,
    as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False,
) -> None:
    """Write down what a person asks for, with the plan; somebody else approves it."""
    from config.calendar_file import read_calendar
    from worker.bootstrap import install
    from worker.office.requesting import Ask, store_request
    from worker.pipeline.tools import require_ledger

    _check(key, table, file, choose)
    day = _day(received)
    installation = install(context.obj)
    require_ledger(installation.tools)
    policy, calendar = installation.policy(), read_calendar(installation.settings.calendar)
    signer = signer_of(installation, token)
    named = _by_keys(installation, policy, key, table, file) or _by_identifier(installation, policy, choose or [])
    for note in named.notes:
        tell(note)
    ask = Ask(operation, named.subjects, day, checked, reason, basis, complaint)
    with busy(text("program.deciding")):
        stored = store_request(installation.tools, policy, ask, signer, calendar)
    if wants_json(as_json):
        print_json(purge_show.brief(stored.request) | {"plan": stored.shown.as_json()})
    else:
        purge_show.show_plan(stored.shown.as_json(), sum(map(len, named.subjects.values())))
    _end(stored.request)


def _check(key: Sequence[str] | None, table: str | None, file: Path | None, choose: Sequence[str] | None) -> None:
    """At most one way of saying whom it is about."""
    if (key and file) or (table and not key) or (choose and (key or file)):
        stop(text("verb_purge.one_way"), REFUSED)


def _day(written: str | None) -> date | None:
    if written is None:
        return None
    try:
        return datetime.strptime(written, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        stop(text("verb_purge.no_date"), REFUSED)


def _by_keys(installation: Any, policy: Any, key: Sequence[str] | None, table: str | None, file: Path | None) -> Any:
    """Whom the keys or the file name; None where an identifier is to be asked for."""
    from worker.office.naming import named_by_keys, scene_for_naming
    from worker.office.naming_csv import named_by_csv

    if not key and file is None:
        return None
    tools = installation.tools
    with busy(text("verb_purge.busy")), tools.database.reading() as connection:
        scene = scene_for_naming(connection, tools, policy)
        if file is not None:
            return named_by_csv(connection, scene, file)
        return named_by_keys(connection, scene, table, key or ())


def _by_identifier(installation: Any, policy: Any, choice: Sequence[str]) -> Any:
    from worker.office.naming import choose, places_of, scene_for_naming, together
    from worker.office.searching import read_identifier

    tools = installation.tools
    wanted = read_identifier(_asked())  # before the connection: nobody waits for a person with a snapshot open
    with busy(text("verb_purge.busy")), tools.database.reading() as connection:
        scene = scene_for_naming(connection, tools, policy)
        places = places_of(connection, scene, wanted)
    if wanted.doubtful_iin:
        tell(text("naming.doubtful"))
    if choice:
        return together(scene, choose(scene, places, choice))
    return together(scene, places if len(places) == 1 else choose(scene, places, _choice(scene, places)))


def _asked() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    return str(typer.prompt(text("verb_purge.prompt"), hide_input=True, err=True)).strip()


def _choice(scene: Any, places: Sequence[Any]) -> list[str]:
    """Which of several is meant. In a pipe nobody can say so: they are listed, and the exit code is 2."""
    from worker.office.naming import label, written

    rows = [
        {
            "choose": label(place, scene),
            "found_in": ", ".join(place.columns),
            "rows": len(place.keys),
            "leads_to": "; ".join(map(written, place.leads_to)),
        }
        for place in places
    ]
    if not sys.stdin.isatty():
        print_json({"several": rows})
        stop(text("verb_purge.several", n=len(rows)), REFUSED)
    print_table(text("verb_purge.several", n=len(rows)), list(rows[0]), [list(r.values()) for r in rows])
    return str(typer.prompt(text("verb_purge.choose"), err=True)).split()


def _end(request: Any) -> None:
    """What comes next; a request that must not be carried out ends with exit code 2."""
    if request.state == "refused":
        stop(text("verb_purge.refused", id=request.id, reason=request.outcome), REFUSED)
    day = {"day": request.answer_by.isoformat()} if request.answer_by else {}
    tell(text("verb_purge.stored_until" if day else "verb_purge.stored", id=request.id[:8], **day))
