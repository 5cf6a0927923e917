"""The answer to a request: what was done, what stays and why, in three languages and without the person's data."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.office_support import Desk, office_on
from tests.integration.small_operator import LATELY

WHY = ("--checked", "passport seen", "--reason", "letter of May", "--key", "1")
ERASURE = ("purge", "request", "--operation", "erasure", "--basis", "withdrawn consent", *WHY)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Person 1 has an order and a payment that the tax code keeps."""
    for office in office_on("sqlite", tmp_path):
        office.sql(
            "INSERT INTO payments (id, person_id, payer_iin, purpose, paid_at) "
            f"VALUES (77, 1, '900100000001', 'for a chair', '{LATELY}')"
        )
        yield Desk(office)


def test_a_letter_says_what_went_and_what_the_law_keeps_until_when(desk: Desk) -> None:
    aigul, bolat = desk.token("aigul"), desk.token("bolat")
    stored = desk.json(*ERASURE, **aigul)
    show = ("purge", "show", stored["id"], "--letter")
    assert "no answer to write yet" in desk(*show, "en", exit_code=2)
    desk.json("purge", "approve", stored["id"], "--fingerprint", stored["fingerprint"], **bolat)
    english, russian, kazakh = (desk(*show, language) for language in ("en", "ru", "kk"))
    for letter in (english, russian, kazakh):
        assert stored["id"] in letter
        assert "payments" in letter
        assert "tax code" in letter
        assert "2030" in letter  # the last day on which the payment must be kept
        assert not any(secret in letter for secret in ("900100000001", "p1@mail.kz", "Name 1", "for a chair"))
    assert len({english, russian, kazakh}) == 3
    (about,) = desk.json("explain", "--key", "1")
    assert [(r["id"], r["operation"], r["state"]) for r in about["requests"]] == [(stored["id"], "erasure", "done")]
    page = desk(*show, "kk", "--form", "html")
    assert page.startswith("<!doctype html>")


def test_a_refusal_is_answered_too(desk: Desk) -> None:
    desk.operator.sql("INSERT INTO orders (id, person_id, what) VALUES (77, 1, 'owed')")
    desk(*ERASURE, exit_code=2)
    (request,) = desk.json("purge", "list", "--all")
    letter = desk("purge", "show", request["id"], "--letter", "en")
    assert "open debt" in letter
    assert "law 94-V" in letter
