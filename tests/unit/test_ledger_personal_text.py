"""No personal data in the free texts of the ledger."""

import pytest

from worker.ledger.errors import PersonalText
from worker.ledger.holds import refuse_personal


@pytest.mark.parametrize(
    "text",
    [
        "IIN 850101300123",
        "иин: 850101 300123",
        "８５０１０１３００１２３",
        "8501\u200b01300123",
        "call 8 (701) 123-45-67",
        "call +7(747)505-21-51",
        "7011234567",
        "8\u00a07172\u00a055\u00a055\u00a055",
        "write to a.b@mail.kz",
        "write to a.b＠mail.kz",
        "   ",
    ],
)
def test_what_looks_personal_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(PersonalText) as caught:
        refuse_personal("reason", text)
    digits = "".join(c for c in text if c.isdigit())
    assert not digits or digits not in str(caught.value)
    assert "a.b" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "court order 7527-23 of 2026-11-23, from 2026-11-24 to 2027-01-31",
        "суд 01.02.2026 – 03.04.2026",
        "request of the state, letter 12/345",
        "2026-11-23 10:15 asked by the legal department",
    ],
)
def test_ordinary_reasons_pass(text: str) -> None:
    refuse_personal("reason", text)
