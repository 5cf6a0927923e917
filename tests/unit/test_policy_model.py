"""What the agency's policy says, read back from the model."""

import hashlib
from datetime import date, time, timedelta

import pytest
from pydantic import ValidationError

from config.answers import AnswerTerm
from config.loader import load_policy, read_policy
from config.policy import ColumnRef, Event, Link, Origin, Treatment
from config.term import Term
from tests.unit.policy_files import AGENCY, agency

POLICY = read_policy(AGENCY)


def column(text: str) -> ColumnRef:
    return ColumnRef.parse(text)


def test_head() -> None:
    assert (POLICY.name, POLICY.timezone, POLICY.source) == ("kpi", "Asia/Almaty", "agency.yaml")
    assert POLICY.operator == "«KPI» коллекторлық агенттігі» ЖШС"
    assert POLICY.floor.term == Term(count=3, unit="years")
    assert POLICY.subject.same_person == "iin"
    assert POLICY.subject.blocked == "processing_blocked_at"
    assert POLICY.sane_from == date(1991, 1, 1)


def test_hash_is_of_the_text() -> None:
    assert POLICY.text == AGENCY.read_text(encoding="utf-8")
    assert POLICY.hash == hashlib.sha256(AGENCY.read_bytes()).hexdigest()


def test_identifiers_alone_and_together() -> None:
    assert POLICY.identifiers["email"][0] == (column("users.email"),)
    assert [str(each) for each in POLICY.identifiers["name"][0]] == [
        "users.last_name",
        "users.first_name",
        "users.middle_name",
    ]


def test_links() -> None:
    assert POLICY.links[2] == Link(
        source=column("marketing_subscribers.email"), target=column("users.email"), delays_only=True
    )
    assert POLICY.links[3].where == "table_name = 'users'"
    assert not POLICY.links[3].delays_only


def test_clock_and_stored_in() -> None:
    assert POLICY.clock[0] == Event(column=column("users.last_login_at"))
    assert POLICY.clock[3] == Event(column=column("contact_attempts.at"), where="direction = 'in'")
    assert POLICY.stored_default == "UTC"
    assert POLICY.stored_in == {"access_log.accessed_at": "local"}


def test_holds() -> None:
    hold = POLICY.holds["open debt"]
    assert (hold.name, hold.exists, hold.where) == ("open debt", "debt_cases", "closed_at IS NULL")


@pytest.mark.parametrize(
    ("stage", "origin"),
    [
        ("profile", Origin(subject=True)),
        ("case", Origin(events=(Event(column=column("debt_cases.closed_at")),))),
        ("messages", Origin(events=(Event(column=column("messages_out.sent_at")),), subject=True)),
        ("consents", Origin(done=("profile", "case", "payments"))),
    ],
)
def test_origins(stage: str, origin: Origin) -> None:
    assert POLICY.stages[stage].origin == origin


def test_origin_with_a_condition_and_one_stage_by_name() -> None:
    origin = '[{event: debt_cases.closed_at, where: "outcome = 1"}, {done: profile}]'
    policy = load_policy(agency(("from: debt_cases.closed_at", f"from: {origin}")), "agency.yaml")
    event = Event(column=column("debt_cases.closed_at"), where="outcome = 1")
    assert policy.stages["case"].origin == Origin(events=(event,), done=("profile",))


def test_tables_in_the_order_of_the_file() -> None:
    assert list(POLICY.stages["profile"].tables) == [
        "registration_forms",
        "scanned_documents",
        "users",
        "audit_log",
    ]


def test_table_rules() -> None:
    tables = POLICY.stages["profile"].tables
    assert tables["registration_forms"].operation == "delete"
    scans = tables["scanned_documents"]
    assert (scans.operation, scans.where) == ("delete", "basis <> 'contract'")
    assert scans.files is not None
    assert (scans.files.root, scans.files.columns) == ("scans", ("file_path", "thumbnail_path"))
    assert tables["audit_log"].after == ("users",)
    users = tables["users"]
    assert users.operation == "depersonalise"
    assert users.keep == ("id", "region_id", "created_at", "last_login_at", "processing_blocked_at")
    assert users.treatments[0] == Treatment(spelling="synthetic iin", columns=("iin",))
    assert users.treatments[-1] == Treatment(spelling='constant ""', columns=("password_hash",))


def test_archive_or_none() -> None:
    archive = POLICY.stages["profile"].archive
    assert archive is not None
    assert (str(archive.term), archive.basis, archive.why) == ("30 days", "clause 3.4", "undo")
    assert POLICY.stages["payments"].archive is None
    assert POLICY.stages["payments"].term.after_year_end


def test_limits_and_the_rest() -> None:
    assert POLICY.quota.people_per_night == 20000
    assert POLICY.brake.model_dump() == {
        "rows_per_night": 200000,
        "percent_of_table": 25,
        "times_recent_nights": 5,
    }
    assert POLICY.window is not None
    assert (POLICY.window.start, POLICY.window.end) == (time(1, 30), time(6, 0))
    assert POLICY.triggers["users_audit"].writes == ("audit_log",)
    assert POLICY.ignore["regions"] == "no personal data"
    assert POLICY.erasure.bases == ("withdrawn consent", "unlawful collection", "court order")
    assert POLICY.requests.cancel_window == timedelta(hours=1)
    assert POLICY.requests.complaint == AnswerTerm(count=30, working=True, basis="clause 6.2")
    assert (str(POLICY.requests.erasure), str(POLICY.requests.block)) == ("15 days", "1 working day")
    assert POLICY.allow[0] == "info@kkpi.kz"
    assert POLICY.recipients == ("деректер агрегаторлары", "мемлекеттік органдар")
    assert POLICY.review.holds == Term(count=1, unit="years")


def test_what_may_be_left_out() -> None:
    shortest = """
policy: small
operator: nobody
timezone: UTC
floor: {term: 3 years, basis: clause 5.3}
subject: {table: users, key: id}
clock: [users.last_login_at]
stages: {profile: {from: subject, term: 3 years, tables: {users: delete}}}
"""
    policy = load_policy(shortest, "small.yaml")
    assert (policy.links, policy.holds, policy.window, policy.stored_default) == ((), {}, None, "UTC")
    assert (policy.erasure.bases, policy.requests.erasure) == ((), None)
    assert policy.requests.cancel_window == timedelta(hours=1)
    assert policy.quota.people_per_night is None
    assert (policy.recipients, policy.review.holds) == ((), None)
    assert policy.brake.percent_of_table is None
    assert policy.stages["profile"].basis is None


def test_places_of_paths_and_of_what_is_not_there() -> None:
    lines = POLICY.text.splitlines()
    line, place = POLICY.place("stages.profile.tables.users.depersonalise.nothing[1]")
    assert lines[line - 1][place - 1 :].startswith("phone_home")
    line, place = POLICY.place("stages.profile.tables.users.no such key.column[7]")
    assert lines[line - 1][place - 1 :] == "users:"
    line, place = POLICY.place("nowhere")
    assert lines[line - 1][place - 1 :].startswith("policy: kpi")


def test_frozen_and_closed() -> None:
    with pytest.raises(ValidationError):
        POLICY.name = "other"
    with pytest.raises(ValidationError):
        Term(count=1, unit="days", week=2)  # type: ignore[call-arg]  # the point of the test


@pytest.mark.parametrize(
    ("text", "table", "name"), [("users.iin", "users", "iin"), ("crm.users.iin", "crm.users", "iin")]
)
def test_column_references(text: str, table: str, name: str) -> None:
    assert column(text) == ColumnRef(table=table, column=name)
    assert str(column(text)) == text


@pytest.mark.parametrize("text", ["iin", ".iin", "users.", "a..b", "users .iin", ""])
def test_no_column_reference(text: str) -> None:
    with pytest.raises(ValueError, match="is not a column"):
        column(text)


@pytest.mark.parametrize(
    ("basis", "normative"),
    [
        (None, False),
        ("clause 5.3", False),
        ("clauses 2.2.4 and 5.3", False),
        ("пункты 5.3, 6.2", False),
        ("5.3-тармақ", False),
        ("tax code", True),
        ("clause 5.1; limitation of actions, 3 years (civil code)", True),
        ("law 94-V art. 12", True),
        ("internal archive rules", True),
    ],
)
def test_only_clauses_of_the_operator_s_own_policy_are_no_norm(basis: str | None, normative: bool) -> None:
    """What is doubtful is kept by an erasure (promise 6)."""
    stage = load_policy(agency(), "agency.yaml").stages["profile"].model_copy(update={"basis": basis})
    assert stage.is_normative is normative
