"""Telephones and e-mail addresses: every spelling seen in practice, and addresses of nobody."""

from random import Random

import phonenumbers
import pytest

from worker.identifiers import email, phone


@pytest.mark.parametrize(
    ("spelled", "numbers"),
    [
        ("8 (701) 123-45-67", ["+77011234567"]),
        ("+7(747)505-21-51", ["+77475052151"]),
        ("87011234567", ["+77011234567"]),
        ("7011234567", ["+77011234567"]),
        ("8 7172 55 55 55", ["+77172555555"]),
        ("8 701 123 45 67 вн. 123", ["+77011234567"]),
        ("+7 727 310 49 21, доб. 12", ["+77273104921"]),
        ("87011234567, 8 702 765 43 21", ["+77011234567", "+77027654321"]),
        ("87011234567/87027654321", ["+77011234567", "+77027654321"]),
        ("7011234567 7027654321", ["+77011234567", "+77027654321"]),
        ("https://wa.me/77011234567", ["+77011234567"]),
        ("8\u00a0701\u00a0123\u00a045\u00a067", ["+77011234567"]),
        ("８７０１１２３４５６７", ["+77011234567"]),
        ("8‑701‑123‑45‑67", ["+77011234567"]),
        ("8 7O1 12З 45 67", ["+77011234567"]),
        ("+996 555 123 456", ["+996555123456"]),
        (77011234567, ["+77011234567"]),
        (7011234567, ["+77011234567"]),
        ("нет", []),
        ("", []),
        ("12345", []),
    ],
)
def test_every_spelling_leads_to_one(spelled: str | int, numbers: list[str]) -> None:
    assert phone.phones_in_field(spelled) == numbers
    assert phone.normalise_phone(spelled) == (numbers[0] if numbers else None)


@pytest.mark.parametrize("prefix", phone.SYNTHETIC_PREFIXES)
def test_synthetic_ranges_are_possible_and_not_assigned(prefix: str) -> None:
    for rest in ("0000000", "1234567", "9999999"):
        number = phonenumbers.parse(f"+7{prefix}{rest}")
        assert phonenumbers.is_possible_number(number)
        assert not phonenumbers.is_valid_number(number)


def test_synthetic_phones_are_recognised_and_real_ones_are_not() -> None:
    random = Random(1)
    drawn = [phone.synthetic_phone(random) for _ in range(5_000)]
    assert all(phone.is_synthetic_phone(number) and len(number) == 12 for number in drawn)
    assert {number[2:5] for number in drawn} == set(phone.SYNTHETIC_PREFIXES)
    assert phone.is_synthetic_phone("77031234567")
    assert not any(phone.is_synthetic_phone(real) for real in ("+77011234567", "87031234567", "+7703123456", ""))


@pytest.mark.parametrize(
    ("spelled", "address"),
    [
        ("  Ivan.Petrov@Mail.RU ", "ivan.petrov@mail.ru"),
        ("ivan＠mail．ru", "ivan@mail.ru"),
        ("iv\u200ban@mail.ru", "ivan@mail.ru"),
        ("mailto:ivan@mail.ru", "ivan@mail.ru"),
        ("ivan%40mail.ru", "ivan@mail.ru"),
        ("іvаn@mаіl.kz", "ivan@mail.kz"),
        ("пошта@мысал.қаз", "пошта@мысал.қаз"),
        ("ivan@localhost", None),
        ("ivan", None),
        ("", None),
    ],
)
def test_one_spelling_of_an_address(spelled: str, address: str | None) -> None:
    assert email.normalise_email(spelled) == address


def test_synthetic_addresses_reach_nobody() -> None:
    random = Random(1)
    drawn = [email.synthetic_email(random) for _ in range(5_000)]
    assert all(email.is_synthetic_email(address) for address in drawn)
    assert all(len(address.split("@")[0]) >= 16 and address.endswith("@anon.invalid") for address in drawn)
    assert len(set(drawn)) == len(drawn)
    assert not email.is_synthetic_email("ivan@anon.invalid")
    assert not email.is_synthetic_email("0123456789abcdef0123@mail.ru")
