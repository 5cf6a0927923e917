"""Where this installation's things are: environment variables `MERZIM_…`, each also readable from a file.

Nothing is read at import.  `MERZIM_X_FILE` names a file that holds the value of `MERZIM_X` (container secrets); an
env file holds the same variables, and the real environment wins over it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from config.catalogue import text
from config.policy import Window
from config.setting_values import EXAMPLES, PARSERS
from config.working_days import KAZAKHSTAN

PREFIX = "MERZIM_"


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
    window: Window = Window(start=time(1, 30), end=time(6, 0))  # for policies that name none
    timezone: ZoneInfo = ZoneInfo("Asia/Almaty")  # of `window`
    sweep_seconds: int = 60
    pulse: Path | None = None
    calendar: Path = KAZAKHSTAN
    token: Path | None = None  # of the person who decides; PEM with a passphrase
    token_passphrase: str | None = Field(default=None, repr=False)

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
                    values[name] = PARSERS[name](found.text, found.folder)
                elif name in need:
                    problems.append(_not_set(name))
            except ValueError as error:
                problems.append(text("setting.wrong", name=_variable(name), problem=error, example=_example(name)))
        if problems:
            raise SettingsProblems(problems)
        return cls(**values)

    def require(self, *names: str) -> None:
        """SettingsProblems for each of these fields that is not set."""
        missing = [name for name in names if not getattr(self, name)]
        if missing:
            raise SettingsProblems([_not_set(name) for name in missing])

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
            raise ValueError(text("setting_problem.both", name=_variable(name)))
        if direct:
            return _Found(direct.strip(), self.folder)
        return _Found(self._from_file(name, self.folder / named), self.folder) if named else None

    def _from_file(self, name: str, path: Path) -> str:
        try:
            content = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise ValueError(text("setting_problem.unreadable", name=_variable(name), path=path)) from None
        if not content:
            raise ValueError(text("setting_problem.empty", name=_variable(name), path=path))
        # A mounted secret that is itself the policy or the key, and not a line saying where it lies, is used itself.
        return str(path) if name in ("policy", "signing_key") and "\n" in content else content


def _sources(env_file: Path | None) -> tuple[list[_Source], list[str]]:
    sources = [_Source(EnvSettingsSource(Settings).env_vars, Path())]
    if env_file is None:
        return sources, []
    try:
        env_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return sources, [text("setting.env_file", path=env_file)]
    variables = DotEnvSettingsSource(Settings, env_file=env_file, env_file_encoding="utf-8").env_vars
    return [*sources, _Source(variables, env_file.absolute().parent)], []


def _not_set(name: str) -> str:
    return text("setting.not_set", name=_variable(name), example=_example(name))


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _example(name: str) -> str:
    return f"{_variable(name)}={EXAMPLES[name]}"
