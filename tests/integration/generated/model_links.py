"""The model's ways: from a row over links to the rows that it leads to. Row by row, in plain Python."""

from collections.abc import Iterator
from functools import cached_property

from tests.integration.generated.case import Case, Condition, Key, Link, Row

Path = tuple[Link, ...]
World = dict[str, dict[Key, Row]]
MOST_STEPS = 5


class Ways:
    """Every way from one table of a case to another."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.subject = case.subject.name
        self._found: dict[tuple[str, str], list[Path]] = {}

    @cached_property
    def _from(self) -> dict[str, list[Link]]:
        return {t: [link for link in self.case.links if link.source == t] for t in self.case.tables}

    def paths(self, source: str, target: str) -> list[Path]:
        """No table twice, never through the people, at most five steps; a table leads to itself in none."""
        if source == target:
            return [()]
        if (source, target) not in self._found:
            self._found[(source, target)] = list(self._walk(source, target, (source,)))
        return self._found[(source, target)]

    def _walk(self, at: str, target: str, seen: tuple[str, ...]) -> Iterator[Path]:
        if len(seen) > MOST_STEPS:
            return
        for link in self._from[at]:
            if link.target == target:
                yield (link,)
            elif link.target not in seen and link.target != self.subject:
                for rest in self._walk(link.target, target, (*seen, link.target)):
                    yield (link, *rest)


def protects(condition: Condition | None, row: Row) -> bool:
    """Neither true nor false protects."""
    return condition is None or condition.truth(row) is not False


def selects(condition: Condition | None, row: Row) -> bool:
    """Neither true nor false does not select."""
    return condition is None or condition.truth(row) is True


def joined(link: Link, row: Row, world: World) -> set[Key]:
    """Rows that a row refers to by a link, whatever its condition. NULL refers to nothing."""
    values = tuple(row[c] for c in link.columns)
    if None in values:
        return set()
    return {k for k, r in world[link.target].items() if tuple(r[c] for c in link.target_columns) == values}


def reached(path: Path, key: Key, row: Row, world: World, finding: bool) -> set[Key]:
    """Keys of the rows at the path's end."""
    if not path:
        return {key}
    link, rest = path[0], path[1:]
    if not (selects if finding else protects)(link.where, row):
        return set()
    found: set[Key] = set()
    for k in joined(link, row, world):
        found |= reached(rest, k, world[link.target][k], world, finding)
    return found
