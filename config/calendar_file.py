"""The file of working days, which an operator updates: read like a policy, with every problem at once."""

from datetime import date
from pathlib import Path

from config.catalogue import text
from config.problems import PolicyProblems, Problem
from config.reading import Reading, calendar_date
from config.working_days import KAZAKHSTAN, WorkingDays, Year
from config.yaml_text import Node, read_yaml

NO_DAY = date.min


def read_calendar(path: Path = KAZAKHSTAN) -> WorkingDays:
    """The calendar in a file. Raises PolicyProblems with everything that is wrong in it."""
    try:
        document = read_yaml(path.read_text("utf-8"), path.name)
    except OSError as error:
        raise _unreadable(path, text("policy_text.unreadable", reason=error.strerror)) from None
    except UnicodeDecodeError as error:
        raise _unreadable(path, text("policy_text.no_utf8", position=str(error.start + 1))) from None
    reading = Reading(document, path.name)
    years = {}
    for name, node in reading.named(document.root, least=1).items():
        number = reading.checked(node.path, name, _number_of_year, 0)
        years[number] = _year(reading, number, node)
    if reading.problems:
        raise PolicyProblems(reading.problems)
    return WorkingDays(years, path.name)


def _year(reading: Reading, number: int, node: Node) -> Year:
    found: dict[str, frozenset[date]] = {"off": frozenset(), "working": frozenset()}
    for word, items in reading.named(node).items():
        if word not in found:
            reading.problem(items.path, text("working_days.word", word=word))
            continue
        days = [(item, reading.parsed(item, calendar_date, NO_DAY)) for item in reading.items(items)]
        for item, day in days:
            if day != NO_DAY and day.year != number:
                reading.problem(item.path, text("working_days.other_year", day=day.isoformat(), year=str(number)))
        found[word] = frozenset(day for _, day in days)
    return Year(**found)


def _number_of_year(written: str) -> int:
    if len(written) == 4 and written.isascii() and written.isdigit():
        return int(written)
    raise ValueError(text("working_days.no_year", text=written))


def _unreadable(path: Path, sentence: str) -> PolicyProblems:
    return PolicyProblems([Problem("error", "", None, None, sentence, source=path.name)])
