"""What is wrong with a policy: one sentence each, with its place, and all of them at once."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from config.catalogue import text


@dataclass(frozen=True)
class Problem:
    """One sentence about one place of a policy: what is wrong and what to do next.

    `line` and `column` count from 1.  `fix` is something to copy, such as DDL.
    `source` is the policy's file name.
    """

    severity: Literal["error", "warning"]
    path: str
    line: int | None
    column: int | None
    sentence: str
    fix: str | None = None
    source: str = ""

    def __str__(self) -> str:
        numbers = [str(number) for number in (self.line, self.column) if number is not None]
        place = " ".join(part for part in (":".join([self.source, *numbers]).strip(":"), self.path) if part)
        return f"{place}: {self.sentence}" if place else self.sentence


class PolicyProblems(Exception):
    """A policy cannot be used; `problems` holds every reason, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = in_order(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems by line and column; those without a place come last."""
    return tuple(sorted(problems, key=lambda p: (p.line is None, p.line or 0, p.column or 0)))


def place_of(places: Mapping[str, tuple[int, int]], path: str) -> tuple[int, int]:
    """Line and column of a dotted path, or of its nearest ancestor that has a place."""
    while path and path not in places:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return places.get(path, (1, 1))


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` was most likely meant to be, or None when nothing is near."""
    by_lower_case = {candidate.lower(): candidate for candidate in candidates}
    found = difflib.get_close_matches(word.lower(), list(by_lower_case), n=1, cutoff=0.6)
    return by_lower_case[found[0]] if found else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """The end of a sentence about an unknown word: the nearest right word, else all of them."""
    known = sorted(set(candidates))
    near = nearest(word, known)
    if near is not None:
        return text("advice.near", name=near)
    if not known:
        return text("advice.none")
    return text("advice.known", names=", ".join(f"`{name}`" for name in known))
