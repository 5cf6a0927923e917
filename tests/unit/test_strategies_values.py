"""Strategies in Python, by example: what is written for what."""

from datetime import UTC, date, datetime
from decimal import Decimal
from ipaddress import ip_address, ip_interface, ip_network
from random import Random
from typing import Any

import pytest

from worker.strategies import resolve
from worker.strategies.invented import part_of
from worker.strategies.names import every_name


def made(spelling: str, value: Any, **options: Any) -> Any:
    return resolve(spelling).make([value], Random(1), **options)[0]


@pytest.mark.parametrize(
    ("spelling", "value", "replacement"),
    [
        ("nothing", "x", None),
        ('constant ""', None, ""),
        ('constant "\\"a\\""', "x", '"a"'),
        ("to year", date(1960, 2, 29), date(1960, 1, 1)),
        ("to month", datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)),
        ("ip to network", "10.1.2.3", "10.1.2.0"),
        ("ip to network", "255.255.255.255", "255.255.255.0"),
        ("ip to network", "2001:DB8:1:2::3", "2001:DB8:1::"),
        ("ip to network", "2001:db8::1", "2001:db8::"),
        ("ip to network", "::ffff:10.1.2.3", "::"),
        ("ip to network", "1:2:3:4:5:6:7:8", "1:2:3::"),
        ("ip to network", "10.1.2.3, 10.1.2.4", "0.0.0.0"),
        ("ip to network", "10.1.2.3:8080", "0.0.0.0"),
        ("ip to network", "12:30:45", "0.0.0.0"),
        ("ip to network", "87011234567::", "0.0.0.0"),
        ("ip to network", "unknown", "0.0.0.0"),
        ("ip to network", ip_address("10.1.2.3"), ip_interface("10.1.2.0/24")),
        ("ip to network", ip_interface("2001:db8:1:2::3/64"), ip_interface("2001:db8:1::/48")),
        ("ip to network", ip_network("10.0.0.0/8"), ip_network("10.0.0.0/8")),
        ("strip query", "https://u:p@x.kz/a/b?iin=1#f", "https://x.kz/a/b"),
        ("strip query", "//u@x.kz", "//x.kz"),
        ("strip query", "/a/b#?x", "/a/b"),
        ("strip query", "/a@b/c?d", "/a@b/c"),
        ("strip query", "?iin=1", ""),
        ("strip query", "http://a@b@c/d@e", "http://c/d@e"),
        ("band 1000", 12345, 12000),
        ("band 1000", -1, -1000),
        ("band 1000", Decimal("999.99"), Decimal(0)),
        ("band 10", -0.5, -10.0),
    ],
)
def test_replacements(spelling: str, value: Any, replacement: Any) -> None:
    bound = resolve(spelling)
    assert made(spelling, value) == replacement
    assert type(made(spelling, value)) is type(replacement)
    assert bound.is_done(replacement)
    assert bound.is_done(value) is (value == replacement)


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("г. Алматы, ул. Абая, 10", "город Алматы"),
        ("Алматы қаласы, Абай даңғылы 10", "Алматы қаласы"),
        ("Алматы облысы, Талғар ауданы, Абай к. 1", "Алматы облысы"),
        ("Алматинская область, г. Талгар", "Алматинская область"),
        ("101400, Казахстан, г. Темиртау, пр. Астана, 5", "Карагандинская область"),
        ("Карагандинская обл., г. Темиртау", "Карагандинская область"),
        ("ҚАРАҒАНДЫ ОБЛЫСЫ, Теміртау", "Қарағанды облысы"),
        ("область Абай, г. Семей", "область Абай"),
        ("Абайская область", "область Абай"),
        ("обл. Жетісу, Талдыкорган", "область Жетысу"),
        ("Алматы, Абай 1", "Алматы қаласы"),
        ("Караганда Г., Ленина 1", "Карагандинская область"),
        ("Нур-Султан, Абая 1", "город Астана"),
        ("ВКО, Усть-Каменогорск", "Восточно-Казахстанская область"),
        ("г. Алматы ул. Абая 10", ""),
        ("ул. Алматы, 5", ""),
        ("Абая 10", ""),
        ("", ""),
    ],
)
def test_region(address: str, region: str) -> None:
    assert made("region", address) == region
    assert resolve("region").is_done(region)
    assert resolve("region").is_done(address) is (address == region)


def test_region_is_a_fixed_point_and_takes_a_word_for_none() -> None:
    bound = resolve('region "жоқ"')
    assert made('region "жоқ"', "Абая 10") == "жоқ"
    possible = [made("region", f"{name}") for name in ("Алматы қаласы", "область Улытау", "Түркістан облысы", "СКО")]
    assert [made("region", name) for name in possible] == possible
    assert bound.longest() == len("Восточно-Казахстанская область")
    assert not bound.is_done("")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("last_name", "last"),
        ("surname", "last"),
        ("Фамилия", "last"),
        ("тегі", "last"),
        ("first_name", "first"),
        ("имя", "first"),
        ("аты", "first"),
        ("middle_name", "middle"),
        ("patronymic", "middle"),
        ("отчество", "middle"),
        ("әкесінің_аты", "middle"),
        ("payer_name", "full"),
        ("name", "full"),
        ("фио", "full"),
    ],
)
def test_the_column_says_the_part(name: str, part: str) -> None:
    assert part_of(name) == part


def test_parts_of_one_row_agree_in_sex() -> None:
    names = ("last_name", "first_name", "middle_name", "full_name")
    rows = resolve("invented name").make_rows(names, [("x", "y", None, "z")] * 500 + [(None,) * 4], Random(1))
    assert rows.pop() == (None,) * 4
    for last, first, middle, full in rows:
        assert middle is None
        assert full.startswith(f"{last} {first} ")
        is_woman = full.endswith(("қызы", "овна", "евна"))
        assert is_woman is last.endswith("а")
        assert is_woman or full.endswith(("ұлы", "ович", "евич"))
    assert len(set(rows)) > 450


def test_one_column_of_names() -> None:
    bound = resolve("invented name")
    for column, part in (("surname", "last"), ("given", "first"), ("patronymic", "middle")):
        names = bound.make(["x", None] * 200, Random(2), column_name=column)
        assert names[1] is None
        assert set(names[::2]) <= every_name(part)
        longest = bound.longest(column)
        assert longest is not None
        assert max(map(len, names[::2])) <= longest
        assert all(bound.is_done(name) for name in names)
    assert bound.is_done(made("invented name", "x"))
    assert not bound.is_done("Мақтымқұлов Ганс Христианович")


def test_redact_keeps_to_the_length_and_the_kind() -> None:
    assert made("redact", "a@b.kz") == "[EMAIL"
    assert made("redact", "[EMAIL") == "[EMAIL"
    assert made("redact", {"iin": 229690109}) == {"iin": "[IIN]"}
    assert made("redact", '{"e":"a@b.kz"}') == '{"e":"[EMAIL]"}'
    assert made("redact", None) is None
    assert made("redact", "8 727 310 49 21", allow=["+7(727)310-49-21"]) == "8 727 310 49 21"
    assert resolve("redact").is_done("8 727 310 49 21", allow=["+7(727)310-49-21"])
    assert not resolve("redact").is_done("8 727 310 49 21")


def test_synthetic_values_keep_whole_numbers_whole_and_never_repeat() -> None:
    for spelling in ("synthetic iin", "synthetic phone", "synthetic email"):
        values = resolve(spelling).make(["x", None, "y"] * 1000, Random(3))
        assert len(set(values)) == 2001
    numbers = resolve("synthetic phone").make([77011234567], Random(3))
    assert type(numbers[0]) is int
    assert resolve("synthetic phone").is_done(numbers[0])


def test_constant_is_done_in_any_type() -> None:
    assert resolve('constant "0"').is_done(0)
    assert resolve('constant "0"').is_done(Decimal("0.00"))
    assert resolve('constant "1900-01-01"').is_done(date(1900, 1, 1))
    assert resolve('constant "{}"').is_done({})
    assert resolve('constant ""').is_done("")
    assert not resolve('constant ""').is_done(None)
    assert not resolve('constant "0"').is_done(1)
