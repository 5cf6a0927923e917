"""Each of the thirteen promises has a breakage that can still be made, a test that is still there, and its line in
docs/promises.md. `python -m tests.promises` sees the tests go red."""

from pathlib import Path

import pytest

from tests.promises.breakages import BREAKAGES, Breakage

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "promises.md").read_text("utf-8")


def test_every_promise_can_be_broken() -> None:
    assert sorted({each.promise for each in BREAKAGES}) == list(range(1, 14))


@pytest.mark.parametrize("each", BREAKAGES, ids=lambda each: each.says)
def test_a_breakage_fits_the_code_and_names_a_test(each: Breakage) -> None:
    assert (ROOT / each.file).read_text("utf-8").count(each.keeps) == 1
    file, _, name = each.test.partition("::")
    assert f"def {name}(" in (ROOT / file).read_text("utf-8")
    assert f"| {each.promise} | {each.says} | `{each.file}` | `{name}` |" in PAGE
