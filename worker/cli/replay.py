"""`merzim replay`: after a backup of the database was restored."""

from pathlib import Path
from typing import Annotated, Any

import typer

from config.catalogue import text
from worker.cli.output import in_size, print_json, print_table, say, wants_json


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(help=text("help.replay"))(replay)


def replay(
    context: typer.Context,
    accept: Annotated[int | None, typer.Option(metavar="COUNT", help=text("help_replay.accept"))] = None,
    identity: Annotated[Path | None, typer.Option(help=text("help_replay.identity"))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False,
) -> None:
    """List what the archive knows and the ledger does not, or write it down."""
    from worker.archive.keys import read_identities
    from worker.bootstrap import install
    from worker.pipeline import replaying
    from worker.pipeline.tools import require_ledger

    installation = install(context.obj)
    tools = installation.tools
    require_ledger(tools)
    found = replaying.look(tools, read_identities(identity) if identity else ())
    run = None if accept is None else replaying.accept(tools, installation.policy(), found, accept)
    if wants_json(as_json):
        print_json({"accepted": run, "segments": [_facts(each) for each in found]})
    elif run is not None:
        say(text("verb_replay.accepted", n=len(found), count=str(len(found)), run=run))
    elif found:
        _show(found)
    else:
        say(text("verb_replay.none"))


def _facts(stranger: Any) -> dict[str, Any]:
    copy = stranger.copy
    known = {"segment": copy.segment, "stored": stranger.stored, "bytes": copy.size, "sha256": copy.sha256}
    if stranger.run is None:
        return known
    return {**known, "run": stranger.run, "stage": copy.stage, "kept_until": copy.until, "rows": stranger.rows}


def _show(found: Any) -> None:
    columns = ["segment", "stored", "size"]
    rows = [[each.copy.segment, each.stored, in_size(each.copy.size)] for each in found]
    if found[0].run is not None:
        columns += ["stage", "kept_until", "rows"]
        rows = [[*r, e.copy.stage, e.copy.until, e.rows] for r, e in zip(rows, found, strict=True)]
    print_table(text("verb_replay.title"), columns, rows, whole=("segment",))
    say(text("verb_replay.advice", n=len(found), count=str(len(found))))
