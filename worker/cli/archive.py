"""`merzim archive`: sealed copies, looked at and put back."""

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from config.catalogue import text
from worker.cli.archive_export import export
from worker.cli.output import (
    ERROR,
    FAILURES,
    REFUSED,
    in_size,
    print_json,
    print_table,
    progress,
    say,
    stop,
    tell,
    wants_json,
)

app = typer.Typer(name="archive", no_args_is_help=True, rich_markup_mode=None)
app.command("export", help=text("help.archive_export"))(export)


@app.callback(help=text("help.archive"))
def archive() -> None:
    """List, verify, restore and export the sealed copies."""


def _entries(context: typer.Context, run_id: str | None) -> tuple[Any, list[dict[str, Any]]]:
    import sqlalchemy as sa

    from worker.bootstrap import install
    from worker.pipeline.tools import require_ledger

    tools = install(context.obj).tools
    require_ledger(tools)
    entry = tools.ledger.entry
    query = (
        sa.select(
            entry.c.segment,
            entry.c.stage,
            entry.c.run_id,
            entry.c.bytes,
            entry.c.sha256,
            entry.c.archive_until,
            entry.c.committed_at,
        )
        .where(entry.c.segment.is_not(None))
        .order_by(entry.c.committed_at, entry.c.segment)
    )
    if run_id is not None:
        query = query.where(entry.c.run_id == run_id)
    with tools.database.reading() as connection:
        return tools, [dict(r) for r in connection.execute(query).mappings()]


@app.command("list", help=text("help.archive_list"))
def list_(
    context: typer.Context,
    run_id: Annotated[str | None, typer.Option("--run", help=text("help_archive_list.run_id"))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False,
) -> None:
    """List the segments: stage, size, and the last day they are kept."""
    tools, entries = _entries(context, run_id)
    for e in entries:
        waiting = tools.spool is not None and tools.spool.path(e["segment"]).exists()
        stored = tools.store is not None and (tools.store.folder / e["segment"]).exists()
        e["where"] = "spool" if waiting else "archive" if stored else "missing"
    if wants_json(as_json):
        print_json(entries)
    elif entries:
        # A name has 61 characters and is copied into other commands: the rest stands beside it only as far as needed.
        columns = ["segment", "stage", "size", "kept_until"]
        rows = [[e["segment"], e["stage"], in_size(e["bytes"]), e["archive_until"]] for e in entries]
        if any(e["where"] != "archive" for e in entries):
            columns = [*columns, "where"]
            rows = [[*r, text(f"verb_archive.{e['where']}")] for r, e in zip(rows, entries, strict=True)]
        print_table(text("verb_archive.title"), columns, rows, whole=("segment", "kept_until"))
    else:
        say(text("verb_archive.none"))


@app.command(help=text("help.archive_verify"))
def verify(
    context: typer.Context,
    identity: Annotated[Path | None, typer.Option(help=text("help_archive_verify.identity"))] = None,
    run_id: Annotated[str | None, typer.Option("--run", help=text("help_archive_verify.run_id"))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False,
) -> None:
    """Compare every segment with its digest in the ledger."""
    from worker.archive.errors import ArchiveError
    from worker.archive.keys import read_identities
    from worker.archive.reading import verify_segment

    tools, entries = _entries(context, run_id)
    if entries and tools.store is None:
        stop(text("verb_archive.no_archive"), ERROR)
    identities = read_identities(identity) if identity else None
    findings: list[str] = []
    count = {"n": len(entries), "count": str(len(entries))}
    for number, e in enumerate(entries, 1):
        progress(text("verb_archive.progress", **count, number=str(number)))
        try:
            path = tools.spool.path(e["segment"]) if tools.spool else None
            if path is not None and path.exists():
                verify_segment(path, e["sha256"], identities)
            else:
                with tools.store.open(e["segment"]) as stream:
                    verify_segment(stream, e["sha256"], identities)
        except ArchiveError as error:
            findings.append(str(error))
    progress("")
    if wants_json(as_json):
        print_json({"segments": len(entries), "findings": findings})
    else:
        for finding in findings:
            say(finding)
        found = text("verb_archive.findings", n=len(findings))
        say(text("verb_archive.verified", segments=text("verb_archive.segments", **count), findings=found))
    if findings:
        raise SystemExit(FAILURES)


@app.command(help=text("help.archive_restore"))
def restore(
    context: typer.Context,
    identity: Annotated[Path, typer.Option(help=text("help_archive_restore.identity"))],
    segment: Annotated[str | None, typer.Argument(help=text("help_archive_restore.segment"))] = None,
    run_id: Annotated[str | None, typer.Option("--run", help=text("help_archive_restore.run_id"))] = None,
    person: Annotated[str | None, typer.Option(help=text("help_archive_restore.person"))] = None,
    table: Annotated[str | None, typer.Option(help=text("help_archive_restore.table"))] = None,
    apply: Annotated[bool, typer.Option("--apply", help=text("help_archive_restore.apply"))] = False,
    as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False,
) -> None:
    """Put back what the copies hold."""
    from worker.archive.keys import read_identities
    from worker.bootstrap import install
    from worker.cli.restored import show
    from worker.pipeline.restoring import Choice, Restoring
    from worker.pipeline.tools import require_ledger

    if segment is None and run_id is None and person is None and table is None:
        stop(text("verb_archive.needs"), REFUSED)
    tools = install(context.obj).tools
    require_ledger(tools)
    choice = Choice(segment, run_id, table, person)
    work = Restoring(tools, choice, read_identities(identity), getpass.getuser(), _told("trying"))
    work.rehearse()
    work.told = _told("restoring")
    try:
        if apply:
            work.apply()
    except BaseException:
        if work.done:
            tell(text("verb_archive.stopped", n=len(work.done), count=str(len(work.found))))
        raise
    progress("")
    show(work, as_json)


def _told(doing: str) -> Callable[[int, int], None]:
    return lambda number, count: progress(text(f"verb_archive.{doing}", number=str(number), count=str(count)))
