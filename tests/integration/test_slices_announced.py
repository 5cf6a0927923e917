"""Step 1 of a slice: whoever finds a segment finds its intent in the ledger, however early the slice dies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.small_operator import EACH, PEOPLE_POLICY, SHOP, Operator, first_slice_of, operator_on, people
from worker.archive.segment import Sealed, SegmentWriter


@pytest.fixture(params=EACH)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    yield from operator_on(request.param, tmp_path, [*SHOP, *people(*range(1, 13))], PEOPLE_POLICY)


def test_each_segment_is_announced_and_committed_before_it_is_written(
    shop: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slice before announces it: another session sees that already when the file is begun."""
    known: list[bool] = []

    def finish(writer: SegmentWriter) -> Sealed:
        known.append(bool(shop.ledger("intent", segment=writer._name)))
        return usual(writer)

    usual = SegmentWriter.finish
    monkeypatch.setattr(SegmentWriter, "finish", finish)

    first_slice_of(3, monkeypatch)
    run = shop.usual_night()
    assert run.state == "done"
    assert len(known) > 2
    assert all(known)
    announced = {i["attempt"] for i in shop.ledger("intent")}
    assert {e["attempt"] for e in shop.ledger("entry")} <= announced
