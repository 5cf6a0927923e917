"""The one catalogue of what users read: sentences by key. English has all of them; Kazakh and Russian have those that
go to people outside, the letters, with the same keys and values.

`messages/<language>/*.toml` beside this file hold the sentences: [section] key = "text with {value}". A sentence that
depends on a count is a table of plural forms ({one = "...", other = "..."}), chosen by the value named `n`. Whole
numbers and dates are written as the language writes them. A new language is a folder of translated files and a line in
_PLURALS. It stands in config, the lowest floor, because the policy's problems are sentences too.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

Message = str | Mapping[str, str]

_FORMS = frozenset({"one", "few", "many", "other"})
_BYTES = ("bytes", "kib", "mib", "gib", "tib")


def _russian(n: int) -> str:
    if n % 10 == 1 and n % 100 != 11:
        return "one"
    return "few" if 2 <= n % 10 <= 4 and not 12 <= n % 100 <= 14 else "many"


_PLURALS: Mapping[str, Callable[[int], str]] = {
    "en": lambda n: "one" if n == 1 else "other",
    "kk": lambda n: "one" if n == 1 else "other",
    "ru": _russian,
}
"""Which plural form a language takes for a count (Unicode CLDR)."""


class UnknownMessage(KeyError):
    """The catalogue has no such language or sentence: a mistake in merzim, not of its user."""


@dataclass(frozen=True)
class Catalogue:
    """All sentences in one language."""

    language: str
    messages: Mapping[str, Message]

    def text(self, key: str, /, **values: Any) -> str:
        """The sentence with its values filled in. Raises UnknownMessage when there is none with this key."""
        message = self.messages.get(key)
        if message is None:
            raise UnknownMessage(f"The catalogue for {self.language} has no sentence {key}.")
        if not isinstance(message, str):
            form = _PLURALS[self.language](values["n"])
            message = message.get(form, message["other"])
        return message.format(**{name: self._written(value) for name, value in values.items()})

    def has(self, key: str) -> bool:
        """Whether there is such a sentence."""
        return key in self.messages

    def number(self, value: int) -> str:
        """A whole number with its thousands apart."""
        return f"{value:,}".replace(",", self.text("format.thousands"))

    def day(self, value: date) -> str:
        """A date in full, the month as a word."""
        month = self.text(f"month.{value.month}")
        return self.text("format.day", day=str(value.day), month=month, year=str(value.year))

    def moment(self, utc: datetime, timezone: str) -> str:
        """A moment (naive UTC) in the operator's zone, to the second."""
        local = utc.replace(tzinfo=UTC).astimezone(ZoneInfo(timezone))
        return self.text("format.moment", day=self.day(local.date()), time=f"{local:%H:%M:%S}")

    def size(self, count: int) -> str:
        """Bytes in the unit that gives a short number."""
        amount, step = float(count), 0
        while amount >= 1024 and step < len(_BYTES) - 1:
            amount, step = amount / 1024, step + 1
        return self.text(f"format.{_BYTES[step]}", amount=f"{amount:.1f}" if step else str(count))

    def duration(self, seconds: float) -> str:
        """Seconds as seconds, minutes and seconds, or hours and minutes."""
        whole = round(seconds)
        if whole < 60:
            return self.text("format.seconds", amount=f"{seconds:.1f}")
        if whole < 3600:
            return self.text("format.minutes", minutes=whole // 60, seconds=whole % 60)
        return self.text("format.hours", hours=whole // 3600, minutes=whole % 3600 // 60)

    def _written(self, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return self.number(value)
        if isinstance(value, date) and not isinstance(value, datetime):
            return self.day(value)
        return value


class _Files(Mapping[str, Message]):
    """The sentences of a folder. A file is parsed when a sentence of it is first asked for: a start of the program
    needs few of them, and parsing all would be felt."""

    def __init__(self, folder: Path) -> None:
        self._unread = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.toml")}
        self._read: dict[str, Message] = {}

    def __getitem__(self, key: str) -> Message:
        if key not in self._read:
            self._parse(f"\n[{key.partition('.')[0]}]")
        return self._read[key]

    def __iter__(self) -> Iterator[str]:
        self._parse("")
        return iter(self._read)

    def __len__(self) -> int:
        self._parse("")
        return len(self._read)

    def _parse(self, part: str) -> None:
        for name in [name for name, content in self._unread.items() if part in content]:
            self._read |= _flat("", tomllib.loads(self._unread.pop(name)))


@cache
def catalogue(language: str = "en") -> Catalogue:
    """The catalogue of a language. Raises UnknownMessage for one that has no folder of messages."""
    folder = Path(__file__).parent / "messages" / language
    if language not in _PLURALS or not folder.is_dir():
        raise UnknownMessage(f"There is no catalogue for the language {language}; there is: {', '.join(_PLURALS)}.")
    return Catalogue(language, _Files(folder))


def text(key: str, /, **values: Any) -> str:
    """The sentence in English; `catalogue(language).text` gives it in another language."""
    return catalogue().text(key, **values)


def _flat(prefix: str, node: Mapping[str, Any]) -> dict[str, Message]:
    found: dict[str, Message] = {}
    for name, value in node.items():
        if isinstance(value, str) or _is_plural(value):
            found[prefix + name] = value
        else:
            found |= _flat(f"{prefix}{name}.", value)
    return found


def _is_plural(value: Mapping[str, Any]) -> bool:
    return "other" in value and _FORMS.issuperset(value)
