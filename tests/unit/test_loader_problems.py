"""Each mistake gives one sentence at its place, with what to do; and all mistakes come at once."""

from pathlib import Path

import pytest

from config.loader import load_policy, read_policy
from config.problems import PolicyProblems
from tests.unit.policy_files import agency, problems_of

USERS = "stages.profile.tables.users"
FEEDBACK = 'feedback_messages: {where: "user_id IS NULL", delete: row}'
MESSAGES = "from: [messages_out.sent_at, subject]            # the newest of\n    term: 3 years"
RECORDINGS = "from: call_recordings.recorded_at\n    term: 3 years"

# name: (what stands in the policy, the mistake, path of the problem, words of its sentence)
SHAPE = {
    "unknown key": (
        "  case:                                              #",
        "  case:\n    archve: {term: 1 year, basis: x}              #",
        "stages.case.archve",
        "`archve` is not a word of this place; did you mean `archive`?",
    ),
    "misspelled required key": (
        "    term: 5 years\n",
        "    trem: 5 years\n",
        "stages.case.trem",
        "did you mean `term`?",
    ),
    "unknown key with no near word": (
        "quota: {people_per_night: 20000}",
        "quota: {people_per_night: 20000, xyz: 1}",
        "quota.xyz",
        "`xyz` is not a word of this place; known are `people_per_night`",
    ),
    "doubled key": (
        "  table: users\n",
        "  table: users\n  table: persons\n",
        "subject.table",
        "`table` is written twice, first in line 12; keep one of them",
    ),
    "empty value": (
        "timezone: Asia/Almaty",
        "timezone:",
        "timezone",
        "this is an empty value; write a value or remove the key",
    ),
    "null": ("  key: id\n", "  key: null\n", "subject.key", "`null` is an empty value"),
    "list in braces": (
        "keep: [id, user_id, sent_at]",
        "keep: {id, user_id: x}",
        "stages.messages.tables.messages_out.depersonalise.keep.id",
        "this is an empty value",
    ),
    "anchor": (
        "term: 3 years, basis: clause 5.3}",
        "term: &t 3 years, basis: x}",
        "floor.term",
        "`&t` names this",
    ),
    "alias": ("    basis: tax code", "    basis: *b", "stages.payments.basis", "`*b` repeats another place"),
    "tag": (
        "rows_per_night: 200000",
        "rows_per_night: !!int 200000",
        "brake.rows_per_night",
        "is not allowed",
    ),
    "key that is a list": ("  regions: no", "  [regions]: no", "ignore", "a key here is not a plain word"),
    "second document": ("triggers:\n", "---\ntriggers:\n", "", "a second document starts here"),
}

MODEL = {
    "missing key": (
        "    basis: clause 5.3\n    archive: {term: 30 days, basis: clause 3.4, why: undo}",
        "    archive: {term: 30 days, why: undo}",
        "stages.profile.archive",
        "`basis` is missing; add it, for example `basis: clause 5.3`",
    ),
    "missing section": (
        "policy: kpi  ",
        "#",
        "",
        "`policy` is missing; add it, for example `policy: agency`",
    ),
    "bad term": (
        MESSAGES,
        MESSAGES.replace("3 years", "3 yeers"),
        "stages.messages.term",
        "`3 yeers` is not a term",
    ),
    "bad number": ("20000}", "20_000}", "quota.people_per_night", "`20_000` is not a whole number"),
    "negative limit": (
        "percent_of_table: 25",
        "percent_of_table: -25",
        "brake.percent_of_table",
        "is negative",
    ),
    "percent over 100": (
        "percent_of_table: 25",
        "percent_of_table: 101",
        "brake.percent_of_table",
        "more than 100",
    ),
    "bad term of an answer": (
        "term: 30 working days",
        "term: 2 months",
        "requests.complaint.term",
        "`2 months` is not a term for an answer; write days or working days",
    ),
    "answer without a basis": (
        "{term: 1 working day, basis: law 94-V}",
        "{term: 1 working day}",
        "requests.block",
        "`basis` is missing",
    ),
    "bad cancel window": (
        "cancel window: 1 hour",
        "cancel window: an hour",
        "requests.cancel window",
        "`an hour` is not a length of time",
    ),
    "erasure on no basis": (
        "{bases: [withdrawn consent, unlawful collection, court order]}",
        "{bases: []}",
        "erasure.bases",
        "this list is empty",
    ),
    "bad time": ('start: "01:30"', 'start: "25:30"', "window.start", "`25:30` is not a time of day"),
    "empty window": ('end: "06:00"', 'end: "01:30"', "window", "starts and ends at 01:30"),
    "bad zone": ("Asia/Almaty", "Asia/Almatty", "timezone", "did you mean `Asia/Almaty`?"),
    "zone outside the database": ("Asia/Almaty", "../../etc/passwd", "timezone", "is not a known time zone"),
    "bad date": (
        "links:",
        "sane from: 1991-02-30\nlinks:",
        "sane from",
        "`1991-02-30` is not a date",
    ),
    "bad column": (
        "  - payments.paid_at",
        "  - paid_at",
        "clock[2]",
        "`paid_at` is not a column; write its table too",
    ),
    "column with a blank": (
        "to: users.id,",
        'to: "users. id",',
        "links[3].to",
        "`users. id` is not a column",
    ),
    "bad origin": (
        "from: debt_cases.closed_at",
        "from: subjct",
        "stages.case.from",
        "write `subject` or a column",
    ),
    "term under the floor": (
        "    term: 3 years\n    basis: clause 5.3",
        "    term: 1095 days\n    basis: clause 5.3",
        "stages.profile.term",
        "`1095 days` is under the floor of 3 years",
    ),
    "newest with the subject under the floor": (
        MESSAGES,
        MESSAGES.replace("3 years", "1 year"),
        "stages.messages.term",
        "`1 year` is under the floor of 3 years",
    ),
    "unknown stage": (
        "done: [profile,",
        "done: [profil,",
        "stages.consents.from.done[0]",
        "did you mean `profile`?",
    ),
    "stage that waits for itself": (
        "from: {done: [profile, case, payments]}",
        "from: {done: consents}",
        "stages.consents",
        "wait for each other by `done`: `consents` → `consents`",
    ),
    "unknown after": (
        "after: users",
        "after: usrs",
        "stages.profile.tables.audit_log.after",
        "did you mean `users`?",
    ),
    "tables that wait for each other": (
        "      users:\n",
        "      users:\n        after: audit_log\n",
        "stages.profile.tables.users",
        "wait for each other by `after`",
    ),
    "neither operation": (
        FEEDBACK,
        "feedback_messages: {where: a = 1}",
        "stages.strangers.tables.feedback_messages",
        "neither `delete: row` nor `depersonalise`",
    ),
    "both operations": (
        FEEDBACK,
        "feedback_messages: {delete: row, depersonalise: {nothing: [phone]}}",
        "stages.strangers.tables.feedback_messages",
        "both `delete` and `depersonalise`",
    ),
    "unknown operation": (
        "registration_forms: delete",
        "registration_forms: drop",
        "stages.profile.tables.registration_forms",
        "`drop` cannot stand here; write `delete` or `{depersonalise: ...}`",
    ),
    "delete what": (
        "        delete: row\n",
        "        delete: all\n",
        "stages.profile.tables.scanned_documents.delete",
        "`row`",
    ),
    "rule that changes nothing": (
        FEEDBACK,
        "feedback_messages: {depersonalise: {keep: [id]}}",
        "stages.strangers.tables.feedback_messages.depersonalise",
        "this changes nothing",
    ),
    "column named twice": (
        "to year: [birth_date]",
        "to year: [birth_date, phone_work]",
        f"{USERS}.depersonalise.to year[1]",
        "column `phone_work` already stands under `nothing`",
    ),
    "column named twice in a list": (
        "to year: [birth_date]",
        "to year: [birth_date, birth_date]",
        f"{USERS}.depersonalise.to year[1]",
        "column `birth_date` already stands under `to year`",
    ),
    "treatment of no column": (
        "to year: [birth_date]",
        "to year: []",
        f"{USERS}.depersonalise.to year",
        "is empty",
    ),
    "text for a list": (
        "to year: [birth_date]",
        "to year: birth_date",
        f"{USERS}.depersonalise.to year",
        "a text stands here; write a list",
    ),
    "list for a text": (
        "  table: users\n",
        "  table: [users]\n",
        "subject.table",
        "a list stands here; write one text",
    ),
    "mapping for a text": (
        "  table: users\n",
        "  table: {id: x}\n",
        "subject.table",
        "a mapping stands here; write one text",
    ),
    "empty where": (
        "\"basis <> 'contract'\"",
        '" "',
        "stages.profile.tables.scanned_documents.where",
        "text is empty",
    ),
    "only what": (
        "only: delays",
        "only: delay",
        "links[2].only",
        "`delay` cannot stand here; write `delays`",
    ),
    "stored in what": ("{default: UTC,", "{default: GMT,", "stored in.default", "write `UTC` or `local`"),
    "stored column": (
        "access_log.accessed_at: local",
        "acc: local",
        "stored in.acc",
        "neither `default` nor a column",
    ),
    "table ignored and in a stage": (
        "  regions: no",
        "  users: no",
        "ignore.users",
        "stands in stage `profile` too",
    ),
    "recipients are names": (
        "[деректер агрегаторлары, мемлекеттік органдар]",
        "{aggregators: all}",
        "recipients",
        "a mapping stands here; write a list",
    ),
    "review what": ("review: {holds: 1 year}", "review: {hold: 1 year}", "review.hold", "did you mean `holds`?"),
    "review term": ("review: {holds: 1 year}", "review: {holds: yearly}", "review.holds", "is not a term"),
    "no slash in the policy's name": ("policy: kpi ", "policy: k/pi ", "policy", "holds a slash"),
    "no slash in a stage's name": ("  strangers: ", "  strangers/x: ", "stages.strangers/x", "holds a slash"),
    "empty list": (
        "iin:   [users.iin, debt_cases.iin, payments.payer_iin, complaints.iin, case_parties.iin]",
        "iin: []",
        "identifiers.iin",
        "this list is empty",
    ),
}


@pytest.mark.parametrize("mistake", [*SHAPE, *MODEL])
def test_one_mistake_one_sentence_at_its_place(mistake: str) -> None:
    old, new, path, words = {**SHAPE, **MODEL}[mistake]
    [problem] = problems_of(agency((old, new)))
    assert words in problem.sentence
    assert problem.path == path
    assert problem.severity == "error"
    assert str(problem).startswith(f"agency.yaml:{problem.line}:{problem.column}")


def test_the_line_is_the_line_of_the_mistake() -> None:
    text = agency(("to year: [birth_date]", "to year: [birth_date, phone_work]"))
    [problem] = problems_of(text)
    assert problem.line is not None
    assert problem.column is not None
    line = text.splitlines()[problem.line - 1]
    assert line[problem.column - 1 :].startswith("phone_work")


def test_everything_at_once_in_the_order_of_the_file() -> None:
    changes = [
        ("policy: kpi  ", "polcy: kpi  "),
        ("timezone: Asia/Almaty", "timezone:"),
        ("  table: users\n", "  table: users\n  table: persons\n"),
        ("  - payments.paid_at", "  - paid_at"),
        ("    term: 3 years\n    basis: clause 5.3", "    term: 1 year\n    basis: &b clause 5.3"),
        ("to year: [birth_date]", "to year: [birth_date, phone_work]"),
        ("after: users", "after: usrs"),
        ("    term: 5 years\n", "    term: 5 yeers\n"),
        ("done: [profile,", "done: [profil,"),
        ("people_per_night: 20000", "people_per_night: -1"),
    ]
    problems = problems_of(agency(*changes))
    assert [problem.path for problem in problems] == [
        "polcy",
        "timezone",
        "subject.table",
        "clock[2]",
        "stages.profile.term",
        "stages.profile.basis",
        f"{USERS}.depersonalise.to year[1]",
        "stages.profile.tables.audit_log.after",
        "stages.case.term",
        "stages.consents.from.done[0]",
        "quota.people_per_night",
    ]
    assert [problem.line for problem in problems] == sorted(problem.line or 0 for problem in problems)


def test_a_row_stage_may_be_shorter_than_the_floor() -> None:
    policy = load_policy(agency((RECORDINGS, RECORDINGS.replace("3 years", "30 days"))), "agency.yaml")
    assert str(policy.stages["recordings"].term) == "30 days"


def test_zero_is_a_limit() -> None:
    policy = load_policy(agency(("people_per_night: 20000", "people_per_night: 0")), "agency.yaml")
    assert policy.quota.people_per_night == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("---\n", "empty value"),
        ("- policy\n", "a list stands here; write words with values: policy, operator"),
        ("policy\n", "a text stands here"),
        ("policy: kpi\n  floor: {\n", "cannot be read as YAML"),
        ("policy: [a\n", "cannot be read as YAML"),
        ("policy: a\x00b\n", "a character stands here that YAML forbids"),
        ("\tpolicy: a\n", "cannot be read as YAML"),
    ],
)
def test_not_a_policy_at_all(text: str, words: str) -> None:
    [problem] = problems_of(text)
    assert words in problem.sentence
    assert problem.line is not None


def test_deep_nesting_is_a_sentence_too() -> None:
    [problem] = [p for p in problems_of("policy: " + "[" * 500 + "]" * 500) if "deep" in p.sentence]
    assert problem.line == 1


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PolicyProblems, match=r"^none\.yaml: the file cannot be read \(No such file or directory\)"):
        read_policy(tmp_path / "none.yaml")


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("operator: Қ".encode("utf-16"))
    with pytest.raises(PolicyProblems, match="byte 1 of the file is not UTF-8"):
        read_policy(tmp_path / "latin.yaml")
