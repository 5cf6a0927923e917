"""`merzim check --draft`: a first policy for a database that nobody has described yet."""

from pathlib import Path

import typer

from config.catalogue import text
from worker.cli.output import busy, say, tell


def write_draft(context: typer.Context, output: Path | None, schemas: list[str]) -> None:
    """Print the draft, or write it into a new file. Needs the database's address and nothing else."""
    from config.loader import read_as_far_as_possible
    from worker.bootstrap import install
    from worker.office.drafting import draft
    from worker.pipeline.tools import Refused

    database = install(context.obj).tools.database
    if output is not None and output.exists():
        raise Refused(text("draft.exists", file=output))
    with busy(text("verb_check.drafting")), database.reading() as connection:
        drafted = draft(connection, database, schemas)
    if output is None:
        say(drafted.rstrip("\n"))
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(drafted)
    except OSError as error:
        raise Refused(text("draft.unwritable", file=output, reason=error.strerror)) from None
    tell(text("draft.written", file=output, n=len(read_as_far_as_possible(drafted, output.name)[1])))
