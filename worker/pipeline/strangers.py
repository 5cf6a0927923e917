"""Segments of this installation that the archive has and this ledger does not know.

Then the database was restored from an older backup, or went over to a replica that had not heard the last commits; or
this is a copy of a database whose original goes on writing to the same archive. Whatever is believed now may destroy
what somebody needs: nothing is swept, and no run begins or goes on, until `merzim replay`.
"""

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from config.catalogue import text
from worker.archive.patience import within_patience
from worker.pipeline.tools import Refused, Tools

MARGIN = timedelta(days=1)  # two machines' clocks may differ, and a month may just have ended


def strangers(tools: Tools) -> list[str]:
    """Their names, in the store and in this machine's spool. Of the store only the months are listed that can have
    any: what this ledger does not know is newer than what it knows. Raises ArchiveError."""
    if tools.store is None or tools.spool is None:
        return []
    intent, entry = tools.ledger.intent, tools.ledger.entry
    with tools.database.reading() as connection:
        installation = connection.execute(sa.select(tools.ledger.installation.c.id)).scalar_one()
        newest = connection.scalar(sa.select(sa.func.max(intent.c.created_at)))
    # Listed before the ledger is asked: what was fed meanwhile has its entry by then.
    since = f"{newest - MARGIN:%Y/%m}" if newest is not None else ""
    store = tools.store
    stored = within_patience(store.folder, lambda: store.names_since(installation, since))
    waiting = tools.spool.names()
    with tools.database.reading() as connection:
        known = _known(connection, entry.c.segment, [*stored, *waiting])
        announced = _known(connection, intent.c.segment, waiting)
    mine = {name for name in waiting if name.startswith(f"{installation}/")} - announced
    return sorted({*stored, *mine} - known)


def require_ready(tools: Tools) -> None:
    """Raises Refused where no run may begin or go on: there are strangers, or it could not be sealed."""
    if tools.sign is None:
        raise Refused(text("refuses.run_unsealed"))
    found = strangers(tools)
    if found:
        assert tools.store is not None
        place = tools.store.folder
        raise Refused(text("refuses.strangers", n=len(found), count=str(len(found)), archive=str(place)))


def _known(connection: sa.Connection, column: sa.Column[str], names: Sequence[str]) -> set[str]:
    """What the column has of the folders that the names lie in."""
    months = {f"{name.rpartition('/')[0]}/" for name in names}
    return {name for m in months for name in connection.scalars(sa.select(column).where(column.startswith(m)))}
