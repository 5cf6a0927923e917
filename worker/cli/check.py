"""`merzim check`: the policy against the live schema."""

from pathlib import Path
from typing import Annotated, Any

import typer

from config.catalogue import text
from worker.cli.output import REFUSED, busy, print_json, print_table, say, wants_json


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(help=text("help.check"))(check)


def check(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False,
    schema: Annotated[bool, typer.Option("--schema", help=text("help_check.schema"))] = False,
    strategies: Annotated[bool, typer.Option("--strategies", help=text("help_check.strategies"))] = False,
    table: Annotated[bool, typer.Option("--table", help=text("help_check.table"))] = False,
    indexes: Annotated[bool, typer.Option("--indexes", help=text("help_check.indexes"))] = False,
    draft: Annotated[bool, typer.Option("--draft", help=text("help_check.draft"))] = False,
    output: Annotated[Path | None, typer.Option(help=text("help_check.output"))] = None,
    in_schema: Annotated[list[str] | None, typer.Option(help=text("help_check.in_schema"))] = None,
) -> None:
    """Hold the policy against the live database: every problem at once."""
    if schema:
        from config.loader import json_schema

        print_json(json_schema())
    elif strategies:
        _strategies(as_json)
    elif table:
        _lawyer(context, as_json)
    elif indexes:
        _indexes(context, as_json)
    elif draft:
        from worker.cli.drafting import write_draft

        write_draft(context, output, in_schema or [])
    else:
        _check(context, as_json)


def _check(context: typer.Context, as_json: bool) -> None:
    from worker.bootstrap import install
    from worker.ledger.policies import stages_seen
    from worker.ledger.version import current_state
    from worker.pipeline.checking import check_text

    installation = install(context.obj)
    installation.settings.require("policy")
    path = installation.settings.policy
    assert path is not None
    tools = installation.tools
    policy_text = path.read_text("utf-8")
    with busy(text("verb_check.busy")), tools.database.reading() as connection:
        ready = current_state(connection, tools.ledger.schema) == "current"

        def seen(name: str) -> frozenset[str]:
            return stages_seen(connection, tools.ledger, name) if ready else frozenset()

        checked = check_text(
            connection,
            tools.database,
            policy_text,
            path.name,
            seen,
            tools.files,
            tools.can_copy,
        )
    if wants_json(as_json):
        print_json(
            {
                "errors": len(checked.errors),
                "warnings": len(checked.warnings),
                "stopped": dict(checked.stopped),
                "problems": [_problem(p) for p in checked.problems],
            }
        )
    else:
        for problem in checked.problems:
            say(text(f"verb_check.{problem.severity}", problem=problem))
            if problem.fix:
                say(f"        {problem.fix}")
        errors = text("verb_check.errors", n=len(checked.errors))
        warnings = text("verb_check.warnings", n=len(checked.warnings))
        say(text("verb_check.summary", errors=errors, warnings=warnings, file=path.name))
    if checked.errors:
        raise SystemExit(REFUSED)


def _problem(problem: Any) -> dict[str, Any]:
    return {
        "severity": problem.severity,
        "file": problem.source,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "sentence": problem.sentence,
        "fix": problem.fix,
    }


def _strategies(as_json: bool) -> None:
    from worker.strategies import ALL_KINDS, all_strategies

    if wants_json(as_json):
        print_json([_strategy(s) for s in all_strategies()])
        return
    rows = [
        [
            s.name,
            text("verb_check.takes", does=s.summary, argument=s.argument) if s.argument else s.summary,
            text("verb_check.any") if s.types == ALL_KINDS else ", ".join(sorted(s.types)),
            text("verb_check.yes" if s.unique else "verb_check.no"),
        ]
        for s in all_strategies()
    ]
    print_table(text("verb_check.strategies"), ["name", "does", "types", "unique"], rows, whole=("name",))


def _strategy(strategy: Any) -> dict[str, Any]:
    return {
        "name": strategy.name,
        "argument": strategy.argument,
        "what": strategy.summary,
        "types": sorted(strategy.types),
        "made in": strategy.made_in,
        "unique": strategy.unique,
        "writes null": strategy.writes_null,
        "irreversible": strategy.irreversible,
        "longest": strategy.longest(None) if strategy.argument is None else None,
    }


def _indexes(context: typer.Context, as_json: bool) -> None:
    from worker.bootstrap import install
    from worker.pipeline.checking import look_at_indexes

    installation = install(context.obj)
    policy, database = installation.policy(), installation.tools.database
    with busy(text("verb_check.busy")), database.reading() as connection:
        found = look_at_indexes(connection, database, policy)
    if wants_json(as_json):
        print_json([_served(served) for served in found])
        return
    rows = [
        [text(f"lookup.{s.lookup.step}"), s.lookup.path, s.lookup.table, ", ".join(s.lookup.columns), _index(s), s.rows]
        for s in found
    ]
    print_table(text("verb_check.indexes"), ["lookup", "path", "table", "columns", "index", "rows"], rows)
    for ddl in dict.fromkeys(s.ddl for s in found if s.ddl):
        say(ddl)


def _index(served: Any) -> str:
    return served.index or text("verb_check.no_index" if served.ddl else "verb_check.no_index_needed")


def _served(served: Any) -> dict[str, Any]:
    return {
        "what for": served.lookup.step,
        "path": served.lookup.path,
        "table": served.lookup.table,
        "columns": list(served.lookup.columns),
        "index": served.index,
        "rows": served.rows,
        "ddl": served.ddl,
    }


def _lawyer(context: typer.Context, as_json: bool) -> None:
    from worker.bootstrap import install
    from worker.plan.lawyer import lawyer_table

    rows = lawyer_table(install(context.obj).policy())
    if wants_json(as_json):
        print_json(rows)
    else:
        _as_paragraphs(rows)


def _as_paragraphs(rows: list[dict[str, str]]) -> None:
    """Stage by stage, since all tables of a stage share its term, its copy and its basis."""
    for stage in dict.fromkeys(r["stage"] for r in rows if r["stage"]):
        tables = [r for r in rows if r["stage"] == stage]
        first = tables[0]
        say(text("verb_check.stage", stage=stage, term=first["term"], origin=first["counted from"]))
        say(text("verb_check.basis", basis=first["basis"]))
        say(text("verb_check.copy", copy=first["copy"]))
        print_table("", ["table", "operation"], [[r["table"], r["operation"]] for r in tables], whole=("table",))
    ignored = [[r["table"], r["basis"]] for r in rows if not r["stage"]]
    if ignored:
        print_table(text("verb_check.ignored"), ["table", "reason"], ignored, whole=("table",))
