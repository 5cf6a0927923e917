"""Where this installation's things are: environment variables `MERZIM_…`, each also readable from a file.

Nothing is read at import.  `MERZIM_X_FILE` names a file that holds the value of `MERZIM_X` (container secrets); an
env file holds the same variables, and the real environment wins over it.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

PREFIX = "MERZIM_"
LOCK_TARGET_CEILING_MS = 250


class SettingsProblems(Exception):
    """The settings cannot be used; `problems` holds one sentence each, all at once, never a secret's value."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Settings(BaseSettings):
    """One installation.  What may carry a password is left out of str and repr."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    database_url: str = Field(default="", repr=False)  # empty: not set
    ledger_schema: str = "merzim"
    policy: Path | None = None
    archive_url: str | None = Field(default=None, repr=False)  # a directory, or file:// with one
    archive_recipients: tuple[str, ...] = ()  # age recipients
    spool: Path | None = None
    signing_key: Path | None = None  # PEM
    files: dict[str, Path] = Field(default_factory=dict)  # name of a root in the policy -> folder
    reports: Path | None = None
    lock_target_ms: int = 50
    broker_url: str | None = Field(default=None, repr=False)

    @classmethod
    def load(cls, env_file: Path | None = None, need: Sequence[str] = ()) -> "Settings":
        """The settings of the environment and of `env_file`, whose relative paths start at its own folder.

        `need` names the fields that must be set.  SettingsProblems holds everything that is wrong or missing.
        """
        sources, problems = _sources(env_file)
        values: dict[str, Any] = {}
        for name in cls.model_fields:
            try:
                found = next((each for each in (s.find(name) for s in sources) if each is not None), None)
                if found is not None:
                    values[name] = _PARSERS[name](found.text, found.folder)
                elif name in need:
                    problems.append(f"{_variable(name)} is not set; set it as in {_example(name)}")
            except ValueError as error:
                problems.append(f"{_variable(name)} {error}; set it as in {_example(name)}")
        if problems:
            raise SettingsProblems(problems)
        return cls(**values)

    def require(self, *names: str) -> None:
        """SettingsProblems for each of these fields that is not set."""
        missing = [name for name in names if not getattr(self, name)]
        if missing:
            problems = [f"{_variable(name)} is not set; set it as in {_example(name)}" for name in missing]
            raise SettingsProblems(problems)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed in: `load` combines the sources, since relative paths depend on where they stood."""
        return (init_settings,)


@dataclass(frozen=True)
class _Found:
    text: str
    folder: Path


@dataclass(frozen=True)
class _Source:
    """Variables by lower-case name, and the folder at which their relative paths start."""

    variables: Mapping[str, str | None]
    folder: Path

    def find(self, name: str) -> _Found | None:
        """The text of a setting, from its variable or from the file that `…_FILE` names; ValueError if unusable."""
        direct, named = (self.variables.get((_variable(name) + end).lower()) for end in ("", "_FILE"))
        if direct and named:
            raise ValueError(f"and {_variable(name)}_FILE are both set; keep one of them")
        if direct:
            return _Found(direct.strip(), self.folder)
        return _Found(self._from_file(name, self.folder / named), self.folder) if named else None

    def _from_file(self, name: str, path: Path) -> str:
        try:
            text = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise ValueError(f"cannot be read from the file that {_variable(name)}_FILE names, {path}") from None
        if not text:
            raise ValueError(f"is empty in the file that {_variable(name)}_FILE names, {path}")
        # A mounted secret that is itself the policy or the key, and not a line saying where it lies, is used itself.
        return str(path) if name in ("policy", "signing_key") and "\n" in text else text


def _sources(env_file: Path | None) -> tuple[list[_Source], list[str]]:
    sources = [_Source(EnvSettingsSource(Settings).env_vars, Path())]
    if env_file is None:
        return sources, []
    try:
        env_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return sources, [f"the env file {env_file} cannot be read; check its name, its rights and that it is UTF-8"]
    variables = DotEnvSettingsSource(Settings, env_file=env_file, env_file_encoding="utf-8").env_vars
    return [*sources, _Source(variables, env_file.absolute().parent)], []


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _example(name: str) -> str:
    return f"{_variable(name)}={_EXAMPLES[name]}"


def _url(text: str, folder: Path) -> str:
    if not re.match(r"[a-z][a-z0-9+]*://", text):
        raise ValueError("is not a URL")
    return text


def _schema(text: str, folder: Path) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", text, re.ASCII):
        raise ValueError("is not a plain schema name of lower-case letters, digits and underscores")
    return text


def _path(text: str, folder: Path) -> Path:
    if "\n" in text:
        raise ValueError("is more than one line, not a path")
    return folder / text


def _archive_url(text: str, folder: Path) -> str:
    if "://" not in text:
        return str(_path(text, folder))
    url = urlsplit(text)
    if url.scheme != "file" or url.netloc not in ("", "localhost") or not unquote(url.path).startswith("/"):
        raise ValueError("is neither a directory nor a file:// URL with an absolute path")
    return text


def _recipients(text: str, folder: Path) -> tuple[str, ...]:
    lines = (line.partition("#")[0] for line in text.splitlines())
    recipients = tuple(word.strip() for line in lines for word in line.split(",") if word.strip())
    for number, recipient in enumerate(recipients, 1):
        if recipient.upper().startswith("AGE-SECRET-KEY-"):
            raise ValueError(f"holds a secret key as number {number}; keep that offline and give its public recipient")
        if not re.fullmatch(r"age1[0-9a-z]{20,}", recipient, re.ASCII):
            raise ValueError(f"holds something that is not an age recipient as number {number}")
    return recipients


def _folders(text: str, folder: Path) -> dict[str, Path]:
    try:
        roots = json.loads(text)
    except ValueError:
        raise ValueError("is not JSON") from None
    if not isinstance(roots, dict) or not all(isinstance(path, str) and path for path in roots.values()):
        raise ValueError("is not a JSON object from names of file roots to folders")
    return {name: folder / path for name, path in roots.items()}


def _milliseconds(text: str, folder: Path) -> int:
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not 1 <= int(text) <= LOCK_TARGET_CEILING_MS:
        raise ValueError(f"is not a whole number of milliseconds from 1 to {LOCK_TARGET_CEILING_MS}")
    return int(text)


_PARSERS: dict[str, Callable[[str, Path], Any]] = {
    "database_url": _url,
    "ledger_schema": _schema,
    "policy": _path,
    "archive_url": _archive_url,
    "archive_recipients": _recipients,
    "spool": _path,
    "signing_key": _path,
    "files": _folders,
    "reports": _path,
    "lock_target_ms": _milliseconds,
    "broker_url": _url,
}

_EXAMPLES = {
    "database_url": "postgresql+psycopg://merzim@localhost/agency",
    "ledger_schema": "merzim",
    "policy": "/etc/merzim/policy.yaml",
    "archive_url": "/var/lib/merzim/archive",
    "archive_recipients": "age1…,age1…",
    "spool": "/var/lib/merzim/spool",
    "signing_key": "/run/secrets/merzim-signing-key.pem",
    "files": '{"scans": "/srv/agency/scans"}',
    "reports": "/var/lib/merzim/reports",
    "lock_target_ms": "50",
    "broker_url": "redis://localhost:6379/0",
}
