"""`merzim report`: any run, in any form, from the ledger."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from config.catalogue import text
from worker.cli.output import REFUSED, print_json, say, stop, wants_json


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(help=text("help.report"))(report)


def report(
    context: typer.Context,
    run_id: Annotated[str | None, typer.Argument(help=text("help_report.run_id"))] = None,
    form: Annotated[Literal["terminal", "json", "html"] | None, typer.Option(help=text("help_report.form"))] = None,
    output: Annotated[Path | None, typer.Option(help=text("help_report.output"))] = None,
) -> None:
    """Show what a run did: the answer first, then table by table."""
    from worker.bootstrap import install
    from worker.pipeline.tools import require_ledger
    from worker.reports.facts import policy_of, run_facts

    tools = install(context.obj).tools
    require_ledger(tools)
    with tools.database.reading() as connection:
        table = tools.ledger.run
        newest = table.select().order_by(table.c.started_at.desc()).limit(1)
        run_id = run_id or connection.execute(newest).scalar()
        if run_id is None:
            stop(text("verb_report.none"), REFUSED)
        facts = run_facts(connection, tools.ledger, policy_of(connection, tools.ledger, run_id), run_id)
    if form is None and output is not None:
        form = "html" if output.suffix in (".html", ".htm") else "json"
    _write(facts, form or ("json" if wants_json(False) else "terminal"), output)


def _write(facts: object, form: str, output: Path | None) -> None:
    import json
    import sys

    from worker.reports.as_html import render_html
    from worker.reports.as_json import report_json
    from worker.reports.as_terminal import print_report
    from worker.reports.shapes import RunFacts

    assert isinstance(facts, RunFacts)
    if form == "terminal" and output is None:
        print_report(facts)
        return
    if form == "json" and output is None:
        print_json(report_json(facts))
        return
    content = (
        render_html(facts)
        if form == "html"
        else json.dumps(report_json(facts), ensure_ascii=False, indent=2, default=str)
    )
    if output is None:
        sys.stdout.write(content)
    else:
        output.write_text(content, "utf-8")
        say(text("program.report", path=output))
