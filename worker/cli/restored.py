"""How a restore says what it did, or would do."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from config.catalogue import text
from worker.cli.output import FAILURES, in_words, print_json, print_table, say, wants_json

if TYPE_CHECKING:
    from worker.pipeline.restoring import Restored, Restoring

NUMBERS = ("inserted", "put_back", "there_already", "changed_since")


def show(work: "Restoring", as_json: bool) -> None:
    """Print it: tables over all segments, holds, what triggers wrote. Ends with exit code 1 if a row was left alone."""
    done = bool(work.done)
    results = work.done if done else work.found
    tables = _tables(results)
    holds = sum(r.holds for r in results)
    written = _written(results)
    if wants_json(as_json):
        segments = [asdict(r) for r in results]
        rows = [{"table": table, **counts} for table, counts in tables.items()]
        found = {"done": done, "holds": holds, "tables": rows, "written": written, "gone": work.gone}
        print_json({**found, "segments": segments})
    else:
        title = text("verb_archive.restored" if done else "verb_archive.would_restore", n=len(results))
        print_table(title, ["table", *NUMBERS], [[t, *counts.values()] for t, counts in tables.items()])
        say(text("verb_archive.holds" if done else "verb_archive.would_hold", n=holds, count=str(holds)))
        if written:
            say(text("verb_archive.written" if done else "verb_archive.would_write", tables=in_words(written)))
        if work.gone:
            say(text("verb_archive.gone", n=work.gone, count=str(work.gone)))
        if not done:
            say(text("verb_archive.nothing_changed"))
    if any(counts["changed_since"] for counts in tables.values()):
        raise SystemExit(FAILURES)


def _tables(results: Iterable["Restored"]) -> dict[str, dict[str, int]]:
    """The counts of each table over all segments."""
    found: dict[str, dict[str, int]] = {}
    for t in (t for r in results for t in r.tables):
        counts = found.setdefault(t.table, dict.fromkeys(NUMBERS, 0))
        for name in NUMBERS:
            counts[name] += getattr(t, name)
    return found


def _written(results: Iterable["Restored"]) -> dict[str, int]:
    found: dict[str, int] = {}
    for table, n in (pair for r in results for pair in r.written.items()):
        found[table] = found.get(table, 0) + n
    return found
