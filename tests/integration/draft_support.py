"""A draft, and the hand that finishes it."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.integration.foreign_support import Way, way_of


@contextmanager
def drafted(dialect: str, folder: Path, schema: Sequence[str]) -> Iterator[tuple[Way, str]]:
    """A database that merzim has never seen, and the draft for it, which is then its policy."""
    with way_of(dialect, folder, schema, "") as way:
        draft = way.merzim("check", "--draft")
        use(way, draft)
        yield way, draft


def use(way: Way, policy: str) -> None:
    """Make a text the policy."""
    way.operator.policy_text = policy
    (way.operator.folder / "policy.yaml").write_text(policy)


def agree(draft: str) -> str:
    """Every guess accepted, and a word put in where there was none."""
    return re.sub(r'(?<!")\bDECIDE\b(?!")', "decided", re.sub(r"(?<!DECIDE )\bDECIDE (?=[^\s#])", "", draft))


def problems(way: Way) -> list[tuple[int, str]]:
    """Line and sentence of all that check says."""
    return [(p["line"], p["sentence"]) for p in json.loads(way.merzim("check", "--json", code=None))["problems"]]
