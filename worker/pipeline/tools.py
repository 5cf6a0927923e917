"""What every step of the pipeline works with; made once by `bootstrap`, never changed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path

import sqlalchemy as sa

from config.catalogue import text
from config.policy import Window
from worker.archive.spool import Spool
from worker.archive.store import DirectoryStore
from worker.databases.base import Database
from worker.ledger.tables import Ledger
from worker.ledger.version import current_state

ALWAYS = Window(start=time(), end=time())


class Refused(Exception):
    """merzim will not do this as things stand; the text says why and what to do. Nothing was changed. Exit code 2."""


class Broken(Exception):
    """A promise would not have been kept, so the slice was rolled back; the text says which, and never a value."""


@dataclass(frozen=True)
class Tools:
    """Where things are. `spool` and `store` are None where the policy asks for no copies at all. `window` is for nights
    of policies that name none; `policy_file` is the configured policy, which may change while a run goes on."""

    database: Database
    ledger: Ledger
    spool: Spool | None = None
    store: DirectoryStore | None = None
    recipients: Sequence[str] = ()
    files: Mapping[str, Path] | None = None
    sign: Callable[[bytes], bytes] | None = None
    key_id: str = ""
    lock_target_seconds: float = 0.05
    window: Window = ALWAYS
    policy_file: Path | None = None

    @property
    def can_copy(self) -> bool:
        """Whether everything that an archive copy needs is set."""
        return self.spool is not None and self.store is not None and bool(self.recipients)


def utc_now() -> datetime:
    """The real time as the ledger writes it: naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def require_ledger(tools: Tools) -> str:
    """The installation's id. Raises Refused unless the ledger is there and current."""
    with tools.database.reading() as connection:
        state = current_state(connection, tools.ledger.schema)
        if state != "current":
            raise Refused(text(f"ledger_state.{state}"))
        return str(connection.execute(sa.select(tools.ledger.installation.c.id)).scalar_one())
