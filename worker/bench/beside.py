"""merzim beside a bench's database: settings, keys, policy, ledger, holds by hand."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from worker.archive.keys import make_identity, make_signing_key, write_secret
from worker.bench.rows import Size
from worker.bootstrap import Installation, create_ledger, install
from worker.office.holding import place_hold
from worker.pipeline.beginning import decide


@dataclass(frozen=True)
class Keys:
    """Two recipients, as an operator with a spare key has them, and the signing key."""

    recipients: str
    signing: bytes

    @classmethod
    def made(cls) -> "Keys":
        """New ones."""
        return cls(",".join(make_identity().recipient for _ in range(2)), make_signing_key().private)


def write_settings(folder: Path, url: str, policy: str, keys: Keys) -> Path:
    """An installation in a folder that does not exist yet; its env file."""
    folder.mkdir()
    write_secret(folder / "signing.pem", keys.signing)
    (folder / "policy.yaml").write_text(policy, "utf-8")
    lines = {
        "DATABASE_URL": url,
        "POLICY": "policy.yaml",
        "ARCHIVE_URL": str(folder / "archive"),
        "ARCHIVE_RECIPIENTS": keys.recipients,
        "SPOOL": "spool",
        "SIGNING_KEY": "signing.pem",
    }
    if url.startswith("mysql"):
        lines["LEDGER_SCHEMA"] = f"{_database(url)}_ledger"
    env_file = folder / "merzim.env"
    write_secret(env_file, "".join(f"MERZIM_{name}='{value}'\n" for name, value in lines.items()).encode())
    return env_file


def _database(url: str) -> str:
    from sqlalchemy import make_url

    return str(make_url(url).database)


def found_ledger(env_file: Path, size: Size) -> None:
    """The ledger, and holds placed by hand."""
    installation = install(env_file)
    create_ledger(installation)
    policy = installation.policy()
    for key in size.held_by_hand():
        place_hold(installation.tools, policy, "person", "people", str(key), "a court asks", "bench", None)
    close(installation)


def fingerprint(env_file: Path, now: str) -> str:
    """What a person approves before the first night."""
    installation = install(env_file)
    with installation.tools.database.reading() as connection:
        found = decide(connection, installation.tools, installation.policy(), moment(now)).plan.fingerprint
    close(installation)
    return found


def moment(now: str) -> datetime:
    """The moment of a night."""
    return datetime.fromisoformat(now).replace(tzinfo=UTC)


def close(installation: Installation) -> None:
    """Leave no connection behind: a database that somebody is connected to cannot be copied."""
    installation.tools.database.engine.dispose()
