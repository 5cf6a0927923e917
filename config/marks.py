"""The mark of what nobody has decided yet: `merzim check --draft` puts it before each of its guesses, and no policy
with a mark in it is carried out. Who agrees with the guess removes the word; who does not writes something else.
"""

import re
from dataclasses import dataclass, field

from config.catalogue import text
from config.problems import Problem

MARK = "DECIDE"

_QUESTIONS = (
    (r"operator", "operator"),
    (r"timezone", "timezone"),
    (r"(?:floor|stages\..*|.*archive)\.term", "term"),
    (r".*basis", "basis"),
    (r"subject(?:\.table|\.key)?", "subject"),
    (r"subject\.same person", "same_person"),
    (r"subject\.blocked", "blocked"),
    (r"identifiers.*", "identifier"),
    (r"links.*", "link"),
    (r"clock.*", "clock"),
    (r"stored in.*", "stored"),
    (r"holds.*", "hold"),
    (r"ignore.*", "ignore"),
    (r"triggers.*", "trigger"),
    (r"stages\..*\.from.*", "origin"),
    (r"stages\..*\.depersonalise\.keep", "keep"),
    (r"stages\..*\.depersonalise.*", "treatment"),
    (r"stages\..*", "rule"),
)


@dataclass
class Marks:
    """The marks of one document, those of one list in one line together."""

    _found: dict[tuple[str, int], tuple[tuple[int, int], list[str]]] = field(default_factory=dict)

    def note(self, path: str, place: tuple[int, int], proposal: str, is_name: bool = False) -> None:
        """A mark with what it proposes, at a path; `is_name`: it stands before the name of an entry there."""
        where = f"{path}.{proposal}" if is_name and proposal else re.sub(r"(\[\d+\])+$", "", path)
        self._found.setdefault((where, place[0]), (place, []))[1].append(proposal)

    def problems(self, source: str) -> list[Problem]:
        """A sentence for each place: what must be decided there."""
        return [_problem(path, place, proposals, source) for (path, _), (place, proposals) in self._found.items()]


def proposed(written: str, plain: bool) -> str | None:
    """What a mark proposes, an empty text for a mark alone; None where no mark stands. A column may be called like the
    mark: in quotes, the word alone is a name."""
    if written == MARK:
        return "" if plain else None
    return written.removeprefix(f"{MARK} ").strip() if written.startswith(f"{MARK} ") else None


def _problem(path: str, place: tuple[int, int], proposals: list[str], source: str) -> Problem:
    question = next((key for pattern, key in _QUESTIONS if re.fullmatch(pattern, path)), "other")
    what = text(f"undecided.{question}")
    named = ", ".join(f"`{p}`" for p in proposals if p)
    key = "undecided_mark.proposed" if named else "undecided_mark.open"
    return Problem("error", path, *place, text(key, mark=MARK, what=what, proposals=named), source=source)
