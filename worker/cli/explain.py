"""`merzim explain`: one person, or one row."""

import sys
from dataclasses import asdict
from typing import Annotated, Any, Literal

import typer

from config.catalogue import text
from worker.cli.output import REFUSED, busy, print_json, stop, wants_json
from worker.cli.plan import moment


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(help=text("help.explain"))(explain)


def explain(
    context: typer.Context,
    key: Annotated[str | None, typer.Option(help=text("help_explain.key"))] = None,
    table: Annotated[str | None, typer.Option(help=text("help_explain.table"))] = None,
    letter: Annotated[Literal["en", "ru", "kk"] | None, typer.Option(help=text("help_explain.letter"))] = None,
    form: Annotated[Literal["markdown", "html"], typer.Option(help=text("help_explain.form"))] = "markdown",
    now: Annotated[str | None, typer.Option(help=text("help_explain.now"))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False,
) -> None:
    """Say for one person or row what is due when, what holds it, and why."""
    from worker.bootstrap import install
    from worker.office.explaining import Explainer
    from worker.pipeline.tools import require_ledger

    if table is not None and letter is not None:
        stop(text("verb_explain.row_letter"), REFUSED)
    if table is not None and key is None:
        stop(text("verb_explain.row_key"), REFUSED)
    installation = install(context.obj)
    tools, policy = installation.tools, installation.policy()
    require_ledger(tools)
    asked = _ask() if key is None else ""  # before the connection: nobody waits for a person with a snapshot open
    with busy(text("verb_explain.busy")), tools.database.reading() as connection:
        explainer = Explainer(connection, tools, policy, moment(now))
        if table is not None and key is not None:
            row, people = explainer.row(table, key), []
        else:
            row, people = None, _people(explainer, key, asked, letter is not None)
    if letter is not None:
        sys.stdout.write(_letter(policy, people, letter, form))
    elif row is not None:
        _show_row(row, as_json)
    else:
        _show_people(people, as_json)


def _ask() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    return str(typer.prompt(text("verb_explain.prompt"), hide_input=True)).strip()


def _people(explainer: Any, key: str | None, asked: str, one: bool) -> list[Any]:
    """Whoever was asked for; where it must be `one` person, every row of that person and of nobody else."""
    keys = explainer.keys_of(key, asked)
    if not keys:
        stop(text("verb_explain.nobody"), REFUSED)
    people = [explainer.person(k) for k in keys]
    if not one:
        return people
    same = [people[0].key, *people[0].same_person]
    if not set(keys) <= set(same):
        stop(text("verb_explain.several", keys=", ".join("/".join(map(str, k)) for k in keys)), REFUSED)
    return [*people, *(explainer.person(k) for k in same if k not in keys)]


def _letter(policy: Any, people: list[Any], language: Literal["en", "ru", "kk"], form: str) -> str:
    from worker.reports.letter_forms import as_html, as_markdown
    from worker.reports.person_letter import letter_of

    answer = letter_of(policy, people, people[0].today)
    return as_html(answer, language) if form == "html" else as_markdown(answer, language)


def _show_people(people: list[Any], as_json: bool) -> None:
    from worker.cli.person_view import show_person

    if wants_json(as_json):
        print_json([{**asdict(p), "set_by": asdict(p.set_by) if p.set_by else None} for p in people])
        return
    for person in people:
        show_person(person)


def _show_row(row: Any, as_json: bool) -> None:
    from worker.cli.person_view import show_row

    if wants_json(as_json):
        print_json(asdict(row))
    else:
        show_row(row)
