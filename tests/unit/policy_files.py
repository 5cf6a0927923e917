"""The agency's policy for the tests of config/, and a way to put mistakes into it."""

from pathlib import Path

import pytest

from config.loader import load_policy
from config.problems import PolicyProblems, Problem

AGENCY = Path(__file__).parent / "policies" / "agency.yaml"


def agency(*changes: tuple[str, str]) -> str:
    """The text of agency.yaml with each (old, new) put in; `old` must stand in it exactly once."""
    text = AGENCY.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the policy"
        text = text.replace(old, new)
    return text


def problems_of(text: str) -> tuple[Problem, ...]:
    """Every problem of a policy that is wrong."""
    with pytest.raises(PolicyProblems) as caught:
        load_policy(text, "agency.yaml")
    return caught.value.problems
