"""`merzim explain`: one person."""

import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

from config.catalogue import text
from worker.cli.output import REFUSED, busy, in_words, print_json, print_table, say, stop, wants_json
from worker.cli.plan import moment


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(help=text("help.explain"))(explain)


def explain(
    context: typer.Context,
    key: Annotated[str | None, typer.Option(help=text("help_explain.key"))] = None,
    now: Annotated[str | None, typer.Option(help=text("help_explain.now"))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False,
) -> None:
    """Say for one person what is due when, what holds it, and why."""
    from worker.bootstrap import install
    from worker.pipeline.explaining import explain_person, find_people
    from worker.pipeline.holding import existing_key
    from worker.pipeline.planning import scene_of
    from worker.pipeline.tools import require_ledger

    installation = install(context.obj)
    tools = installation.tools
    policy = installation.policy()
    require_ledger(tools)
    asked = _ask() if key is None else ""  # before the connection: nobody waits for a person with a snapshot open
    with busy(text("verb_explain.busy")), tools.database.reading() as connection:
        names = [t for s in policy.stages.values() for t in s.tables]
        scene = scene_of(
            policy, tools.database.schema(connection, [policy.subject.table, *names]), tools.ledger, moment(now)
        )
        if key is not None:
            keys = [existing_key(connection, scene.schema.tables[scene.subject], key)]
        else:
            keys = find_people(connection, scene, asked)
        if not keys:
            stop(text("verb_explain.nobody"), REFUSED)
        found = [explain_person(connection, tools, scene, k) for k in keys]
    if wants_json(as_json):
        print_json([asdict(f) for f in found])
    else:
        for person in found:
            _show(person)


def _ask() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    return str(typer.prompt(text("verb_explain.prompt"), hide_input=True)).strip()


def _show(person: Any) -> None:
    say(text("verb_explain.person", key=", ".join(map(str, person.key)), sentence=person.sentence))
    if person.same_person:
        keys = ", ".join(str(k[0]) if len(k) == 1 else str(k) for k in person.same_person)
        say(text("verb_explain.same_person", keys=keys))
    if person.clock:
        say(text("verb_explain.activity", moment=f"{person.clock:%Y-%m-%d %H:%M}"))
    else:
        say(text("verb_explain.no_activity"))
    from worker.reports.reasons import state_words

    stages = [s for s in person.stages if s.states or s.done or any(s.rows.values())]
    print_table(
        text("verb_explain.title"),
        ["stage", "state", "due_from", "rows", "done", "basis"],
        [
            [
                s.stage,
                in_words({state_words(state): n for state, n in s.states.items()}),
                s.due_from,
                in_words({table: n for table, n in s.rows.items() if n}),
                "; ".join(sorted({_deed(d) for d in s.done})),
                s.basis,
            ]
            for s in stages
        ],
        whole=("due_from",),
    )
    empty = [s.stage for s in person.stages if s not in stages]
    if empty:
        say(text("verb_explain.empty", stages=", ".join(empty)))
    for hold in person.holds:
        values = {"author": hold["author"], "day": f"{hold['placed_at']:%Y-%m-%d}"}
        say(text("verb_explain.held", **values, reason=hold["reason"], id=hold["id"]))


def _deed(done: Any) -> str:
    until = done["archive_until"]
    key = "verb_explain.with_copy" if until else "verb_explain.without_copy"
    return text(key, day=f"{done['done_at']:%Y-%m-%d}", until=str(until))
