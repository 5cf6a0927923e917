"""The state machine of runs, batches and requests."""

import pytest

from worker.ledger.errors import IllegalArrow
from worker.ledger.states import BATCH_ARROWS, REQUEST_ARROWS, RUN_ARROWS, check_arrow

FINAL = ("done", "done_with_failures", "window_ended", "stopped", "failed")


@pytest.mark.parametrize("state", FINAL)
def test_an_open_run_may_end_in_each_final_state(state: str) -> None:
    check_arrow(RUN_ARROWS, "run", "open", state)


@pytest.mark.parametrize("before", FINAL)
@pytest.mark.parametrize("after", ["open", *FINAL])
def test_a_closed_run_stays_as_it_is(before: str, after: str) -> None:
    with pytest.raises(IllegalArrow, match="it is final"):
        check_arrow(RUN_ARROWS, "run", before, after)


@pytest.mark.parametrize(("before", "after"), [("open", "opened"), ("unheard", "done"), ("open", "open")])
def test_unknown_states_and_standing_still_are_refused(before: str, after: str) -> None:
    with pytest.raises(IllegalArrow):
        check_arrow(RUN_ARROWS, "run", before, after)


def test_a_batch_stays_open_from_slice_to_slice_and_ends_once() -> None:
    check_arrow(BATCH_ARROWS, "batch", "open", "open")
    check_arrow(BATCH_ARROWS, "batch", "open", "failed")
    with pytest.raises(IllegalArrow):
        check_arrow(BATCH_ARROWS, "batch", "done", "open")


@pytest.mark.parametrize("arrows", [RUN_ARROWS, BATCH_ARROWS, REQUEST_ARROWS])
def test_every_arrow_leads_to_a_state_that_exists(arrows: dict[str, frozenset[str]]) -> None:
    assert all(after in arrows for targets in arrows.values() for after in targets)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("requested", "running"),
        ("running", "cancelled"),
        ("running", "approved"),
        ("approved", "refused"),
        ("approved", "approved"),
        ("void", "approved"),
        ("done", "requested"),
        ("refused", "approved"),
        ("cancelled", "approved"),
    ],
)
def test_nothing_is_carried_out_unapproved_and_nothing_begun_is_called_off(before: str, after: str) -> None:
    with pytest.raises(IllegalArrow):
        check_arrow(REQUEST_ARROWS, "request", before, after)
