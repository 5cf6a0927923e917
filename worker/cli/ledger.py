"""`merzim ledger`: what was decided and done."""

from pathlib import Path
from typing import Annotated

import typer

from config.catalogue import text
from worker.cli.output import FAILURES, print_json, print_table, say, wants_json

app = typer.Typer(name="ledger", no_args_is_help=True, rich_markup_mode=None)


@app.callback(help=text("help.ledger"))
def ledger() -> None:
    """List what was done, and prove that nobody changed the record."""


@app.command("verify", help=text("help.ledger_verify"))
def verify_(
    context: typer.Context,
    public_key: Annotated[list[Path] | None, typer.Option(help=text("help_ledger_verify.public_key"))] = None,
    seal: Annotated[list[str] | None, typer.Option(metavar="DIGEST", help=text("help_ledger_verify.seal"))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False,
) -> None:
    """Look for anything changed, removed, added or reordered."""
    from worker.bootstrap import install
    from worker.ledger.signing import load_signing_key, public_pem
    from worker.ledger.verify import verify
    from worker.pipeline.tools import require_ledger

    installation = install(context.obj)
    if public_key:
        keys = [path.read_bytes() for path in public_key]
    else:
        installation.settings.require("signing_key")
        assert installation.settings.signing_key is not None
        keys = [public_pem(load_signing_key(installation.settings.signing_key.read_bytes()))]
    require_ledger(installation.tools)
    with installation.tools.database.reading() as connection:
        findings = verify(connection, installation.tools.ledger, keys, seal or ())
    if wants_json(as_json):
        print_json({"findings": findings})
    else:
        for finding in findings:
            say(finding)
        say(text("verb_ledger.findings", n=len(findings)) if findings else text("verb_ledger.unchanged"))
    if findings:
        raise SystemExit(FAILURES)


@app.command("list", help=text("help.ledger_list"))
def list_(
    context: typer.Context,
    most: Annotated[int, typer.Option(help=text("help_ledger_list.most"))] = 30,
    as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False,
) -> None:
    """List the runs, newest first."""
    import sqlalchemy as sa

    from worker.bootstrap import install
    from worker.pipeline.tools import require_ledger

    tools = install(context.obj).tools
    require_ledger(tools)
    run = tools.ledger.run
    columns = [
        run.c[c]
        for c in (
            "id",
            "policy_name",
            "kind",
            "local_date",
            "slot",
            "state",
            "fingerprint",
            "started_at",
            "ended_at",
            "reason",
        )
    ]
    with tools.database.reading() as connection:
        rows = connection.execute(sa.select(*columns).order_by(run.c.started_at.desc()).limit(most)).mappings().all()
    if wants_json(as_json):
        print_json([dict(r) for r in rows])
    else:
        names = ("id", "local_date", "kind", "state", "started_at", "fingerprint")
        shown = [[text(f"run_state.{r[n]}") if n == "state" else r[n] for n in names] for r in rows]
        headings = ["run", "day", "kind", "state", "started", "plan"]
        print_table(text("verb_ledger.title"), headings, shown, whole=("run", "plan"))
