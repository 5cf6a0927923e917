"""docs/constructs.md: every test that it names is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = [line for line in (ROOT / "docs" / "constructs.md").read_text("utf-8").splitlines() if line.startswith("| ")]
NAMED = [line for line in LINES if "::" in line]


def test_every_construct_names_a_test() -> None:
    assert len(NAMED) > 40
    assert [line for line in LINES if "::" not in line and "| construct |" not in line] == []


@pytest.mark.parametrize("line", NAMED)
def test_a_named_test_is_there(line: str) -> None:
    for file, name in re.findall(r"`(test_\w+\.py)::(test_\w+)`", line):
        source = (ROOT / "tests" / "integration" / file).read_text("utf-8")
        assert f"def {name}(" in source
