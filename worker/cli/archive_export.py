"""`merzim archive export`: what the copies hold, readable without putting it back."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from config.catalogue import text
from worker.cli.output import FAILURES, REFUSED, print_json, print_table, progress, say, stop, tell, wants_json

if TYPE_CHECKING:
    from worker.office.exporting import Exporting


def export(
    context: typer.Context,
    identity: Annotated[Path, typer.Option(help=text("help_archive_export.identity"))],
    output: Annotated[str, typer.Option(help=text("help_archive_export.output"))],
    segment: Annotated[str | None, typer.Argument(help=text("help_archive_export.segment"))] = None,
    run_id: Annotated[str | None, typer.Option("--run", help=text("help_archive_export.run_id"))] = None,
    person: Annotated[str | None, typer.Option(help=text("help_archive_export.person"))] = None,
    table: Annotated[str | None, typer.Option(help=text("help_archive_export.table"))] = None,
    export_format: Annotated[
        Literal["csv", "jsonl"], typer.Option("--format", help=text("help_archive_export.format"))
    ] = "jsonl",
    as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False,
) -> None:
    """Write what the copies hold as CSV or JSON Lines."""
    from worker.archive.keys import read_identities
    from worker.bootstrap import install
    from worker.office.export_files import Export, Folder, only_one
    from worker.office.exporting import Exporting
    from worker.pipeline.restoring import Choice
    from worker.pipeline.tools import require_ledger

    if segment is None and run_id is None and person is None and table is None:
        stop(text("verb_archive.needs"), REFUSED)
    tools = install(context.obj).tools
    require_ledger(tools)
    identities = read_identities(identity)
    folder = None if output == "-" else Folder(Path(output), export_format)
    export = Export(export_format, folder.open_file if folder else only_one(sys.stdout, export_format))
    work = Exporting(tools, Choice(segment, run_id, table, person), identities, export, _told)
    if folder is not None:
        folder.prepare()
    try:
        work.run()
        if folder is not None:
            export.close()
    except BaseException:
        if folder is not None:
            folder.clear()
        raise
    progress("")
    if folder is not None:
        _show(work, [str(path) for path in folder.made], as_json)
    if work.unread:
        tell(text("verb_export.unread", n=len(work.unread), tables=", ".join(sorted(work.unread))))
        raise SystemExit(FAILURES)


def _told(number: int, count: int) -> None:
    progress(text("verb_export.progress", number=str(number), count=str(count)))


def _show(work: "Exporting", paths: list[str], as_json: bool) -> None:
    if wants_json(as_json):
        print_json({"rows": work.export.rows, "files": paths, "gone": work.gone, "unread": sorted(work.unread)})
        return
    print_table(text("verb_export.title"), ["table", "rows"], [[t, n] for t, n in work.export.rows.items()])
    say(text("verb_export.files", n=len(paths), files=", ".join(paths)))
    if work.gone:
        say(text("verb_archive.gone", n=work.gone, count=str(work.gone)))
