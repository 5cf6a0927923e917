"""Whatever happens to an operator's people, in whatever order, the promises hold after each step.

MERZIM_TEST_EXAMPLES asks for more histories than the few of an ordinary run.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.integration.races.machine import Operations
from tests.integration.small_operator import EACH

EXAMPLES = int(os.environ.get("MERZIM_TEST_EXAMPLES", "3"))


@pytest.mark.parametrize("dialect", EACH)
def test_any_history(dialect: str) -> None:
    class There(Operations):
        pass

    There.dialect = dialect
    run_state_machine_as_test(
        There,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=25,
            phases=[Phase.generate],  # making a history shorter takes an hour; the blob gives it again
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
