"""Names that tell a key is personal, the policy as a lawyer reads it, and a policy read as far as possible."""

import pytest

from config.loader import load_policy, read_as_far_as_possible
from tests.unit.policy_files import agency
from worker.plan.check_keys import is_named_like_an_identifier
from worker.plan.lawyer import lawyer_table


@pytest.mark.parametrize(
    "name",
    ["iin", "user_iin", "клиент_иин", "жсн", "Email", "e_mail", "userEmail", "phone2", "tel", "home_phone", "msisdn"],
)
def test_a_personal_name(name: str) -> None:
    assert is_named_like_an_identifier(name)


@pytest.mark.parametrize("name", ["id", "user_id", "phone_id", "hotel", "telemetry", "code", "mailing", "минин"])
def test_a_name_that_says_nothing(name: str) -> None:
    assert not is_named_like_an_identifier(name)


def test_the_policy_as_a_lawyer_reads_it() -> None:
    rows = lawyer_table(load_policy(agency(), "agency.yaml"))
    by_place = {(row["stage"], row["table"]): row for row in rows}
    documents = by_place["profile", "scanned_documents"]
    assert documents["operation"] == (
        "delete the row; delete the files named in file_path, thumbnail_path; only where basis <> 'contract'"
    )
    assert documents["copy"] == "sealed copy for 30 days (clause 3.4, undo)"
    assert documents["counted from"] == "the person's clock"
    assert by_place["payments", "payments"]["term"] == "5 years after the end of the year"
    assert by_place["payments", "payments"]["copy"] == "none: cannot be undone"
    assert "payer_iin: follows users.iin" in by_place["payments", "payments"]["operation"]
    assert (
        by_place["messages", "messages_out"]["counted from"] == "the newest of messages_out.sent_at, the person's clock"
    )
    assert by_place["consents", "consents"]["counted from"] == "the end of profile, case, payments"
    assert rows[-1]["table"] == "regions"
    assert rows[-1]["operation"] == "ignored"
    assert rows[-1]["basis"] == "no personal data"
    assert len({tuple(row) for row in rows}) == 1


def test_a_wrong_policy_is_read_as_far_as_possible() -> None:
    policy, problems = read_as_far_as_possible(agency(("timezone: Asia/Almaty", "timezone: Almaty")), "agency.yaml")
    assert [problem.path for problem in problems] == ["timezone"]
    assert policy is not None
    assert policy.subject.table == "users"
    assert policy.place("subject.table")[0] > 1


def test_a_file_that_is_no_policy_gives_none() -> None:
    policy, problems = read_as_far_as_possible("", "agency.yaml")
    assert policy is None
    assert len(problems) == 1
