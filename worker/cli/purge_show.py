"""`merzim purge show`, and how requests and their plans are printed."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import typer

from config.catalogue import text
from worker.cli.output import REFUSED, in_size, print_json, print_table, say, stop, wants_json


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(help=text("help.purge_show"))(show)


def show(
    context: typer.Context,
    request_id: Annotated[str, typer.Argument(help=text("help_purge.id"))],
    letter: Annotated[Literal["en", "ru", "kk"] | None, typer.Option(help=text("help_purge.letter"))] = None,
    form: Annotated[Literal["markdown", "html"], typer.Option(help=text("help_explain.form"))] = "markdown",
    as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False,
) -> None:
    """Show all of a request: who decided what, the plan, what was done, and where copies still are."""
    from worker.bootstrap import install
    from worker.office.history import history_of
    from worker.pipeline.tools import require_ledger

    installation = install(context.obj)
    tools = installation.tools
    require_ledger(tools)
    with tools.database.reading() as connection:
        history = history_of(connection, tools, request_id)
    if letter is not None:
        sys.stdout.write(_letter(tools, history, letter, form))
        return
    if wants_json(as_json):
        found = brief(history.request) | {"plan": json.loads(history.request.plan)}
        print_json(
            found | {name: value for name, value in asdict(history).items() if name not in ("request", "policy")}
        )
        return
    show_request(history.request)
    show_plan(json.loads(history.request.plan), history.rows)
    print_table(
        text("verb_purge.decisions"),
        ["what", "who", "signed_with", "when"],
        [[text(f"request_action.{d.action}"), d.author, d.signed_with, d.decided_at] for d in history.decisions],
    )
    if history.segments:
        rows = [[s.segment, s.stage, s.until and s.until.isoformat()] for s in history.segments]
        print_table(text("verb_purge.segments"), ["segment", "stage", "kept_until"], rows)
    elif history.request.state == "done":
        say(text("verb_purge.no_segments"))


def _letter(tools: Any, history: Any, language: Literal["en", "ru", "kk"], form: str) -> str:
    """The answer to whoever asked."""
    from worker.reports.letter_forms import as_html, as_markdown
    from worker.reports.records import entries_of
    from worker.reports.request_letter import answer_to

    request = history.request
    with tools.database.reading() as connection:
        entries = entries_of(connection, tools.ledger, request.run_id) if request.run_id else ()
    answer = answer_to(history.policy, request, entries, datetime.now(UTC))
    if answer is None:
        stop(text("verb_purge.no_letter", id=request.id[:8], state=text(f"request_state.{request.state}")), REFUSED)
    return as_html(answer, language) if form == "html" else as_markdown(answer, language)


def brief(request: Any) -> dict[str, Any]:
    """A request for machines, without its plan."""
    return {name: value for name, value in vars(request).items() if name != "plan"}


def show_request(request: Any) -> None:
    """What was asked for, and how it stands."""
    say(text("verb_purge.request", id=request.id, operation=text(f"request_operation.{request.operation}")))
    facts = {
        "state": text(f"request_state.{request.state}"),
        "received": request.received_on.isoformat(),
        "answer_by": request.answer_by and request.answer_by.isoformat(),
        "checked": request.checked,
        "reason": request.reason,
        "basis": request.basis,
        "not_before": request.not_before and f"{request.not_before:%Y-%m-%d %H:%M}",
        "run": request.run_id,
        "outcome": request.outcome,
    }
    for name, value in facts.items():
        if value:
            label = text(f"heading.{name}")
            say(f"{label:<20}{value}")


def show_plan(plan: Mapping[str, Any], rows: int | None) -> None:
    """What goes, what stays and why, and the fingerprint."""
    title = text("verb_purge.goes") if rows is None else text("verb_purge.goes_of", n=rows)
    if plan["tables"]:
        print_table(title, ["stage", "table", "operation", "rows", "copy"], [_goes(t) for t in plan["tables"]])
    else:
        say(text("verb_purge.nothing_goes"))
    if plan["kept"]:
        stays = [[k["stage"], k["table"], k["rows"], k["why"], k["until"]] for k in plan["kept"]]
        columns = ["stage", "table", "rows", "reason", "kept_until"]
        print_table(text("verb_purge.stays"), columns, stays, whole=("kept_until",))
    for sentence in plan["refusals"]:
        say(sentence)
    say(text("verb_plan.fingerprint", fingerprint=plan["fingerprint"]))


def _goes(table: Mapping[str, Any]) -> list[object]:
    size = f"{in_size(table['bytes'])}, " if table.get("bytes") else ""
    copy = table.get("copy", "")
    if table.get("files"):
        copy = text("verb_plan.files", copy=copy, tables=table["table"])
    return [table["stage"], table["table"], table["operation"], table["due"], size + copy]
