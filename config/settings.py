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

from config.policy import Window
from config.setting_values import EXAMPLES, PARSERS

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
    return f"{_variable(name)}={EXAMPLES[name]}"
