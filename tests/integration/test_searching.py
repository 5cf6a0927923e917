"""Everybody is found by IIN, e-mail or phone in whatever spelling, in every column under `identifiers`."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.integration.small_operator import BOTH, Operator, operator_on
from worker.office.searching import FEW, Place, Wanted, find_places, read_identifier
from worker.pipeline.planning import scene_of
from worker.pipeline.tools import Refused

SCHEMA = (
    """CREATE TABLE people (id INTEGER PRIMARY KEY, iin VARCHAR(20), email VARCHAR(80), phone VARCHAR(60),
        seen_at TIMESTAMP)""",
    "CREATE TABLE forms (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES people (id), iin BIGINT, phone TEXT)",
    "CREATE TABLE cases (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people (id))",
    "CREATE TABLE relatives (kind VARCHAR(9), no INTEGER, case_id INTEGER REFERENCES cases (id), phone TEXT, "
    "PRIMARY KEY (kind, no))",
    "CREATE TABLE subscribers (id INTEGER PRIMARY KEY, email TEXT)",
    "CREATE TABLE letters (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES people (id), address TEXT)",
)
POLICY = """\
policy: office
operator: An office
timezone: Asia/Almaty
floor: {term: 3 years, basis: clause 5.3}
subject: {table: people, key: id, same person: iin}
identifiers:
  iin: [people.iin, forms.iin]
  email: [people.email, subscribers.email, letters.address]
  phone: [people.phone, forms.phone, relatives.phone, letters.address]
  name: [[people.iin, people.email]]
clock: [people.seen_at]
stages:
  profile: {from: subject, term: 3 years, tables: {people: delete}}
"""
IIN = "850101300124"
PEOPLE = [
    f"INSERT INTO people VALUES (1, '{IIN}', 'Ivan.Petrov@Mail.KZ', '+7 (747) 505-21-51', NULL)",
    "INSERT INTO people VALUES (2, '900202400008', NULL, '87475052152', NULL)",
    "INSERT INTO people VALUES (3, '900202400008', NULL, NULL, NULL)",
    "INSERT INTO people VALUES (4, '', NULL, '8 747 505 21 53 доб. 12, 8(701)111-22-33', NULL)",
    "INSERT INTO people VALUES (5, '', 'p5 @mail.kz', '+7 747 5О5 21 54', NULL)",  # a letter for a zero
    "INSERT INTO people VALUES (6, '010203500019', 'p6%40mail.kz', NULL, NULL)",
    "INSERT INTO forms VALUES (1, 1, 850101300124, '87475052151')",
    "INSERT INTO forms VALUES (2, NULL, 10203500019, NULL)",  # lost a zero; nobody's
    "INSERT INTO cases VALUES (1, 1)",
    "INSERT INTO relatives VALUES ('wife', 1, 1, '87475052152')",
    "INSERT INTO relatives VALUES ('wife', 2, NULL, '7475052199')",
    "INSERT INTO subscribers VALUES (1, 'IVAN.petrov@mail.kz')",
    "INSERT INTO letters VALUES (1, 2, '+77475052199'), (2, 2, 'p5@mail.kz'), (3, NULL, 'other@mail.kz')",
]


@pytest.fixture(params=BOTH, scope="module")
def office(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    for operator in operator_on(request.param, tmp_path_factory.mktemp("office"), SCHEMA, POLICY):
        operator.sql(*PEOPLE)
        yield operator


def find(office: Operator, *written: str) -> list[list[Place]]:
    tools = office.tools
    with tools.database.reading() as connection:
        schema = tools.database.schema(connection, ["people"])
        scene = scene_of(office.policy, schema, tools.ledger, datetime.now(UTC))
        return find_places(connection, scene, [read_identifier(w) for w in written])


def brief(places: list[Place]) -> list[tuple[str, list[object]]]:
    return [(p.table, [k[0] if len(k) == 1 else k for k in p.keys]) for p in places]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("850101300124", [("people", [1])]),
        (" 850101-300124", [("people", [1])]),
        ("ivan.petrov@mail.kz", [("people", [1]), ("subscribers", [1])]),
        ("mailto:IVAN.PETROV@MAIL.KZ", [("people", [1]), ("subscribers", [1])]),
        ("8 (747) 505 21 51", [("people", [1])]),
        ("7475052151", [("people", [1])]),
        ("+77475052152", [("people", [2, 3]), ("relatives", [("wife", 1)])]),  # 3 is the same person as 2
        ("900202400008", [("people", [2, 3])]),
        ("87011112233", [("people", [4])]),  # the second number of the field
        ("87475052153", [("people", [4])]),
        ("87475052154", [("people", [5])]),
        ("p5@mail.kz", [("people", [5]), ("letters", [2])]),
        ("p6@mail.kz", [("people", [6])]),
        ("10203500019", [("people", [6]), ("forms", [2])]),
        ("87475052199", [("letters", [1]), ("relatives", [("wife", 2)])]),
        ("nobody@mail.kz", []),
        ("vanpetrov@mail.kz", []),
        ("petrov@mail.kz", []),
        ("87475052100", []),
    ],
)
def test_found_in_any_spelling(office: Operator, written: str, found: list[tuple[str, list[object]]]) -> None:
    assert brief(find(office, written)[0]) == found


def test_it_is_said_in_which_columns_and_whom_a_row_leads_to(office: Operator) -> None:
    person, relative = find(office, "+77475052152")[0]
    assert person == Place("people", ((2,), (3,)), ("people.phone",))
    assert relative == Place("relatives", (("wife", 1),), ("relatives.phone",), ((1,),))


def test_many_are_found_at_once_as_each_alone(office: Operator) -> None:
    written = ["850101300124", "+77475052152", "p5@mail.kz", "87475052199", "nobody@mail.kz"]
    alone = [find(office, one)[0] for one in written]
    many = find(office, *written, *(f"8701000{n:04}" for n in range(FEW)))
    assert many[: len(written)] == alone
    assert many[len(written) :] == [[]] * FEW


@pytest.mark.parametrize("written", ["", "Ivan Petrov", "12345", "@", "2026-01-01", "8505521"])
def test_what_is_no_identifier_is_refused_without_repeating_it(written: str) -> None:
    with pytest.raises(Refused, match="neither an IIN nor") as refused:
        read_identifier(written)
    assert not written or written not in str(refused.value)


def test_a_wrong_check_digit_is_seen_and_the_value_is_not_shown() -> None:
    assert read_identifier("850101300123").doubtful_iin
    assert not read_identifier(IIN).doubtful_iin
    assert not read_identifier("87475052151").doubtful_iin
    assert IIN not in repr(Wanted({"iin": IIN}))


def test_a_policy_without_identifiers_finds_nobody(office: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    start, end = POLICY.index("identifiers:"), POLICY.index("clock:")
    monkeypatch.setattr(office, "policy_text", POLICY[:start] + POLICY[end:])
    with pytest.raises(Refused, match="names no column"):
        find(office, IIN)
