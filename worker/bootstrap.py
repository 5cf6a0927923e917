"""Settings → wired tools: the one place that names concrete classes and opens what the rest only receives."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import sqlalchemy as sa

from config.catalogue import text
from config.loader import read_policy
from config.policy import Policy
from config.settings import Settings
from worker.archive.spool import Spool
from worker.archive.store import DirectoryStore
from worker.databases.connect import open_database
from worker.garbage import look_rarely
from worker.ledger.signing import key_id, load_signing_key
from worker.ledger.tables import ledger_tables
from worker.pipeline.tools import Refused, Tools, utc_now


@dataclass(frozen=True)
class Installation:
    """One installation of merzim: its settings and its tools."""

    settings: Settings
    tools: Tools

    def policy(self) -> Policy:
        """The configured policy. Raises SettingsProblems, PolicyProblems."""
        self.settings.require("policy")
        assert self.settings.policy is not None
        return read_policy(self.settings.policy)


def install(env_file: Path | None = None) -> Installation:
    """Wire an installation from the environment and an env file. Opens no connection.
    Raises SettingsProblems, UnknownDatabase, LedgerError, Refused."""
    look_rarely()
    settings = Settings.load(env_file, need=["database_url"])
    database = open_database(settings.database_url, settings.ledger_schema)
    sign, name = _signing(settings.signing_key)
    tools = Tools(
        database=database,
        ledger=ledger_tables(database.ledger_schema),
        spool=Spool(settings.spool) if settings.spool else None,
        store=DirectoryStore(archive_folder(settings.archive_url)) if settings.archive_url else None,
        recipients=settings.archive_recipients,
        files=settings.files,
        sign=sign,
        key_id=name,
        lock_target_seconds=settings.lock_target_ms / 1000,
        window=settings.window,
        policy_file=settings.policy,
    )
    return Installation(settings, tools)


def create_ledger(installation: Installation) -> None:
    """Migrate the ledger and give the installation its id, once."""
    from worker.ledger.migrations import migrate  # alembic costs more than all the rest, and few need it

    tools = installation.tools
    with tools.database.writing(lock_seconds=60) as connection:
        migrate(connection, tools.ledger.schema)
        table = tools.ledger.installation
        if connection.execute(sa.select(table.c.id)).first() is None:
            connection.execute(table.insert().values(id=uuid4().hex[:12], created_at=utc_now()))


def _signing(path: Path | None) -> tuple[Callable[[bytes], bytes] | None, str]:
    if path is None:
        return None, ""
    try:
        key = load_signing_key(path.read_bytes())
    except OSError as error:
        raise Refused(text("sign_key.file_unreadable", path=path, reason=error.strerror)) from None
    return key.sign, key_id(key)


def archive_folder(url: str) -> Path:
    """The folder that an archive URL names: a path, or file:// with one."""
    return Path(unquote(urlsplit(url).path)) if url.startswith("file://") else Path(url)
