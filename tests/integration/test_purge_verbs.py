"""The whole way of a request as people type it, and every mistake they can make on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.integration.office_support import Desk, office_on
from tests.integration.small_operator import BOTH, LATELY, person

ERASURE = ("purge", "request", "--operation", "erasure", "--basis", "withdrawn consent", "--checked", "passport seen")
WHY = ("--reason", "letter of May")
IIN, EMAIL = "900100000001", "p1@mail.kz"


@pytest.fixture(params=BOTH)
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    for office in office_on(request.param, tmp_path):
        yield Desk(office)


@pytest.fixture
def small_desk(tmp_path: Path) -> Iterator[Desk]:
    for office in office_on("sqlite", tmp_path):
        yield Desk(office)


def test_the_whole_way(desk: Desk) -> None:
    office = desk.operator
    aigul, bolat = desk.token("aigul"), desk.token("bolat")
    stored = desk.json(*ERASURE, *WHY, "--received", "2026-05-04", stdin=f" {EMAIL.upper()}\n", **aigul)
    assert (stored["state"], stored["answer_by"]) == ("requested", "2026-05-19")
    assert "OVERDUE" not in desk("purge", "list")
    status = desk.json("status", exit_code=1)
    assert (status["answers"][0]["id"], status["answers"][0]["overdue"]) == (stored["id"], True)
    assert f"Request {stored['id'][:8]} is overdue: somebody waits for an answer." in status["problems"]

    approve = ("purge", "approve", stored["id"][:8])
    confirmed = (*approve, "--fingerprint", stored["fingerprint"])
    assert "four eyes are two people" in desk(*confirmed, exit_code=2, **aigul)
    assert "--fingerprint" in desk(*approve, exit_code=2, **bolat)
    assert "once more" in desk(*approve, "--fingerprint", "0123456789abcdef", exit_code=2, **bolat)
    assert office.ids("people", "note IS NULL") == []
    done = desk.json(*confirmed, **bolat)
    assert (done["state"], office.ids("people", "note IS NULL")) == ("done", [1])
    assert "nothing to approve" in desk(*confirmed, exit_code=2, **bolat)
    assert "cannot be cancelled" in desk("purge", "cancel", stored["id"], *WHY, exit_code=2, **aigul)

    shown = desk.json("purge", "show", stored["id"])
    assert [(d["action"], d["author"], d["signed_with"]) for d in shown["decisions"]] == [
        ("request", "aigul", "token"),
        ("approve", "bolat", "token"),
    ]
    assert [s["stage"] for s in shown["segments"]] == ["profile"]
    assert desk.json("purge", "list") == []
    assert [r["state"] for r in desk.json("purge", "list", "--all")] == ["done"]
    assert "went on 20" in desk(*ERASURE, *WHY, "--key", "1", exit_code=2, **aigul)
    assert nothing_personal(desk) == []


def nothing_personal(desk: Desk) -> list[str]:
    """What identifies somebody and stands in anything said, or in the ledger."""
    words = [IIN, EMAIL, "p1@", "Name 1", "900100000", "mail.kz"]
    office, ledger = desk.operator, desk.operator.tools.ledger
    with office.tools.database.reading() as connection:
        rows = [str(tuple(r)) for t in ledger.all_tables() for r in connection.execute(sa.select(t))]
    rows = [r for r in rows if "policy: shop" not in r]
    return [w for w in words for text in [*desk.said, *rows] if w in text]


def test_an_account_alone_cannot_approve_and_is_told_how(small_desk: Desk) -> None:
    stored = small_desk.json(*ERASURE, *WHY, "--key", "1")
    said = small_desk("purge", "approve", stored["id"], "--fingerprint", stored["fingerprint"], exit_code=2)
    assert "merzim keys person NAME" in said
    assert stored["id"] in small_desk(*ERASURE, *WHY, "--key", "1", exit_code=2)
    assert "is cancelled" in small_desk("purge", "cancel", stored["id"][:6], "--reason", "asked twice")


def test_whoever_is_not_found_is_not_asked_about(small_desk: Desk) -> None:
    assert "Nobody has this identifier" in small_desk(*ERASURE, *WHY, exit_code=2, stdin="nobody@mail.kz\n")
    assert "may be mistyped" in small_desk(*ERASURE, *WHY, exit_code=2, stdin="850101300123\n")
    assert "neither an IIN" in small_desk(*ERASURE, *WHY, exit_code=2, stdin="Ivan\n")
    assert "neither an IIN" in small_desk(*ERASURE, *WHY, exit_code=2)
    assert "no row with this key" in small_desk(*ERASURE, *WHY, "--key", "77", exit_code=2)
    assert small_desk.operator.ledger("request") == []
    assert not [text for text in small_desk.said if "850101300123" in text or "nobody@" in text or "Ivan" in text]


def test_an_iin_with_a_wrong_check_digit_that_stands_there_is_found_with_a_warning(small_desk: Desk) -> None:
    assert "The check digit of this IIN is wrong" in small_desk(*ERASURE, *WHY, stdin=f"{IIN}\n")
    assert len(small_desk.operator.ledger("request")) == 1


def test_several_behind_one_address_are_listed_and_asked_about(desk: Desk) -> None:
    desk.operator.sql(
        person(11, LATELY).replace("p11@", "P1 @"),
        person(12, LATELY, iin="900100000011"),
        f"INSERT INTO letters VALUES (7, 'p1@MAIL.kz', '{LATELY}')",
    )
    said = desk.json(*ERASURE, *WHY, exit_code=2, stdin=f"{EMAIL}\n")["several"]
    assert [(s["choose"], s["found_in"], s["rows"]) for s in said] == [
        ("1", "people.email", 1),
        ("11", "people.email", 2),
        ("letters:7", "letters.email", 1),
    ]
    assert "--choose names 3" in desk(*ERASURE, *WHY, "--choose", "3", exit_code=2, stdin=f"{EMAIL}\n")
    assert desk.operator.ledger("request") == []
    both = ("--choose", "12", "--choose", "letters:7")
    assert "The 2 rows 11; 12 are one person" in desk(*ERASURE, *WHY, *both, stdin=f"{EMAIL}\n")
    subjects = {(r["table_name"], r["key_number"]) for r in desk.operator.ledger("request_subject")}
    assert subjects == {("people", 11), ("people", 12), ("letters", 7)}


def test_three_bad_rows_in_ten_thousand_are_named_by_their_lines_and_nothing_is_stored(small_desk: Desk) -> None:
    office = small_desk.operator
    office.sql(
        "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 10096) "
        "INSERT INTO people (id, iin, name) SELECT i, printf('8001%08d', i), 'N' FROM n"
    )
    keys = [str(n) for n in range(100, 10_097)]
    many = office.folder / "many.csv"
    many.write_text("\n".join(["key", *keys[:10], "99999999", *keys[10:500], "1_0", *keys[500:], "100"]), "utf-8")
    said = small_desk(*ERASURE, *WHY, "--csv", "many.csv", exit_code=2)
    assert "line 12: nobody has it" in said
    assert "line 503: this is no key" in said
    assert "line 10001: the same person as in line 2" in said
    assert "3 lines of many.csv are bad" in said
    assert "99999999" not in said
    assert office.ledger("request") == []


def test_many_come_from_a_csv_in_any_spelling(desk: Desk) -> None:
    folder = desk.operator.folder
    (folder / "few.csv").write_text(f"\ufeffidentifier\r\n{EMAIL}\r\n\r\n 900100000002\r\nP3@Mail.KZ\r\n", "utf-8")
    stored = desk.json(*ERASURE, *WHY, "--csv", "few.csv")
    assert {t["table"]: t["due"] for t in stored["plan"]["tables"]} == {"people": 3, "orders": 3}
    (folder / "bad.csv").write_text("identifier\nIvan\nnobody@mail.kz\np4@mail.kz,p5@mail.kz\np4@mail.kz", "utf-8")
    said = desk(*ERASURE, *WHY, "--csv", "bad.csv", exit_code=2)
    assert [line[:8] for line in said.splitlines()[:3]] == ["line 2: ", "line 3: ", "line 4: "]
    assert "Ivan" not in said
    assert "mail.kz" not in said
    for name, content, words in (
        ("none.csv", None, "cannot be read"),
        ("head.csv", b"iin\n1\n", "The first line"),
        ("empty.csv", b"key\n\n", "has nobody in it"),
        ("latin.csv", b"key\n\xff\n", "is no CSV in UTF-8"),
        ("quote.csv", b'key\n"1\n', "is no CSV in UTF-8"),
    ):
        if content is not None:
            (folder / name).write_bytes(content)
        assert words in desk(*ERASURE, *WHY, "--csv", name, exit_code=2)


def test_a_token_that_is_stolen_open_or_locked_does_nothing(small_desk: Desk) -> None:
    aigul, folder = small_desk.token("aigul"), small_desk.operator.folder
    request = (*ERASURE, *WHY, "--key", "1")
    wrong = aigul | {"MERZIM_TOKEN_PASSPHRASE_FILE": str(folder / "wrong.word")}
    (folder / "wrong.word").write_text("another word")
    assert "does not open the token" in small_desk(*request, exit_code=2, **wrong)
    without = {"MERZIM_TOKEN": "aigul.pem"}
    assert "needs its passphrase" in small_desk(*request, exit_code=2, **without)
    (folder / "aigul.pem").chmod(0o644)
    assert "not yours alone" in small_desk(*request, exit_code=2, **aigul)
    (folder / "aigul.pem").chmod(0o600)
    assert "already there" in small_desk(
        "keys", "person", "b", "--output", "aigul.pem", exit_code=3, stdin="long enough\n"
    )
    assert [p["name"] for p in small_desk.json("keys", "persons")] == ["aigul"]
    assert "shorter than 8" in small_desk("keys", "person", "b", exit_code=2, stdin="short\n")
    small_desk("keys", "revoke", "aigul")
    assert "was revoked on" in small_desk(*request, exit_code=2, **aigul)
    assert small_desk.operator.ledger("request") == []
    assert not [text for text in small_desk.said if "the word of aigul" in text or "another word" in text]


def test_wrong_words_are_refused_before_anything_is_asked(small_desk: Desk) -> None:
    for words, said in (
        (("--key", "1", "--csv", "x.csv"), "in one way"),
        (("--table", "letters"), "in one way"),
        (("--key", "1", "--choose", "1"), "in one way"),
        (("--key", "1", "--received", "24.11.2026"), "--received is no date"),
        (("--key", "1", "--received", "2999-01-01"), "lies in the future"),
        (("--table", "letterz", "--key", "1"), "did you mean `letters`?"),
        (("--key", "1", "--basis", "none"), "the policy allows these"),
    ):
        assert said in small_desk(*ERASURE, *WHY, *words, exit_code=2)
    assert "no personal data" in small_desk(*ERASURE, "--reason", "a@mail.kz wrote", "--key", "1", exit_code=2)
    assert small_desk.operator.ledger("request") == []


def test_a_refused_request_is_kept_for_the_answer(small_desk: Desk) -> None:
    small_desk.operator.sql("UPDATE orders SET what = 'owed' WHERE id = 1")
    said = small_desk(*ERASURE, *WHY, "--key", "1", exit_code=2)
    assert "open debt (basis: law 94-V)" in said
    (request,) = small_desk.json("purge", "list", "--all")
    assert request["state"] == "refused"
    assert "open debt" in small_desk.json("purge", "show", request["id"])["outcome"]
