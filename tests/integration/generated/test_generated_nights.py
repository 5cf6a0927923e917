"""Nights on schemas that nobody has thought of: what becomes of every row is what the model says.

MERZIM_TEST_EXAMPLES asks for more cases than the few of an ordinary run.
"""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.integration.generated.case import Case, Key
from tests.integration.generated.comparing import assert_alike
from tests.integration.generated.drawing_rows import cases
from tests.integration.generated.drawing_tables import seldom
from tests.integration.generated.house import House, house
from tests.integration.generated.model_night import Model
from tests.integration.generated.model_verdicts import DUE, UNDECIDED
from tests.integration.small_operator import BOTH
from worker.pipeline import gathering
from worker.pipeline.beginning import Wish
from worker.pipeline.night import night
from worker.pipeline.tools import Refused
from worker.plan.result import Plan

EXAMPLES = int(os.environ.get("MERZIM_TEST_EXAMPLES", "6"))
NIGHTS = 6
ROWS_OF_A_PART = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("generated")


@pytest.fixture(scope="module", params=BOTH)
def home(request: pytest.FixtureRequest, folder: Path) -> Iterator[House]:
    (folder / request.param).mkdir()
    with house(request.param, folder / request.param) as found:
        yield found


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), print_blob=True)
@given(data=st.data())
def test_every_row_ends_as_the_model_says(home: House, data: st.DataObject) -> None:
    case = data.draw(cases(home.operator.dialect))
    home.furnish(case)
    for hand in case.hand:
        home.hold(hand)
    before = home.world(case)
    try:
        plan = home.operator.plan(case.now)
    except Refused:
        assert home.world(case) == before
        event("refused")
        return
    model = Model(case, home.world(case))
    _is_the_models(plan, model.due(case.now))
    if data.draw(seldom):
        _has_all_of(plan, home.operator.plan(case.now - timedelta(days=400)))
    parts = data.draw(seldom) and not any(link.source == link.target for link in case.links)
    with pytest.MonkeyPatch.context() as patch:
        if parts:
            patch.setattr(gathering, "ROWS_LIMIT", ROWS_OF_A_PART)
        nights = _nights(
            home, case, model, Wish(case.now, approve=plan.fingerprint, signer=home.operator.signer()), parts
        )
    event(f"carried out in {nights} nights" + (", in parts" if parts else ""))
    if all(s.archive for s in case.stages) and data.draw(seldom):
        _restore(home)
        assert home.world(case) == before
        event("restored")


def _nights(home: House, case: Case, model: Model, wish: Wish, parts: bool) -> int:
    """Nights until nothing is left to do, each compared with the model's; the last one changes nothing. Done in parts,
    a night may leave for the next what other people's rows still referred to: then the end is compared."""
    before = home.world(case)
    moved = True
    for number in range(NIGHTS):
        known = home.world(case)
        outcome = night(home.operator.tools, home.operator.policy, wish)
        assert outcome.state in ("done", "done_with_failures"), outcome.reason
        assert not [q for q in home.operator.ledger("quarantine") if q["reason"].startswith("failed")]
        after = home.world(case)
        if not moved:
            assert after == known, "a night on which nothing is left to do changes something"
            return number
        moved = model.night(case.now)
        if not parts:
            assert_alike(case, model, before, known, after)
        elif not moved and after != known:
            moved = True
        elif not moved:
            assert_alike(case, model, before, before, after)
        wish = Wish(case.now)
    raise AssertionError("the nights do not come to an end")


def _is_the_models(plan: Plan, due: dict[str, dict[Key, str]]) -> None:
    """The plan's due and undecided keys are the model's."""
    for outcome in plan.stages:
        units = due[outcome.stage]
        assert {_words(k) for k in outcome.due} == _in(units, DUE), f"due in {outcome.stage}"
        assert {_words(k) for k, _ in outcome.quarantine} == _in(units, UNDECIDED), f"undecided in {outcome.stage}"


def _has_all_of(plan: Plan, earlier: Plan) -> None:
    """What is due at one time is due ever after."""
    later = {s.stage: set(s.due) for s in plan.stages}
    for outcome in earlier.stages:
        assert set(outcome.due) <= later[outcome.stage]


def _restore(home: House) -> None:
    """Every segment goes back, the newest first."""
    runs = sorted(home.operator.ledger("run"), key=lambda r: (r["started_at"], r["id"]), reverse=True)
    for run in runs:
        for segment in reversed(home.operator.segments(run["id"])):
            assert all(t.changed_since == 0 for t in home.operator.restore(segment).tables)


def _in(units: dict[Key, str], wanted: str) -> set[tuple[str, ...]]:
    return {_words(k) for k, state in units.items() if state == wanted}


def _words(key: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(map(str, key))
