"""explain: what is said about one person or one row is what the predicate says, and what the ledger knows."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.integration.small_operator import (
    BOTH,
    LATELY,
    LINKS,
    LONG_AGO,
    NOW,
    SHOP_POLICY,
    Operator,
    operator_on,
    people,
    person,
)
from worker.office.explaining import Explainer
from worker.pipeline.tools import Refused
from worker.reports.letter_forms import as_html, as_markdown
from worker.reports.person import LEFT_HELD, PersonFacts, RowFacts, StageFacts
from worker.reports.person_letter import letter_of

ANNA, BOLAT, CLARA = 1, 2, 3
HOLDS = """\
holds:
  open order: {exists: orders, where: "what = 'open'", basis: contract}
"""
CONSENTS = """\
  consents:
    from: {done: [profile, payments]}
    term: 1 year
    basis: clause 5.1
    archive: {term: 30 days, basis: clause 3.4}
    tables:
      consents: delete
"""
TABLE = """CREATE TABLE consents (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people (id))"""
POLICY = SHOP_POLICY.replace("stages:\n", HOLDS + "stages:\n") + CONSENTS


@pytest.fixture(params=BOTH)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    """Anna and Bolat are due, Clara was seen lately."""
    for operator in operator_on(request.param, tmp_path, policy=POLICY):
        operator.sql(TABLE, "CREATE INDEX consents_person_id ON consents (person_id)")
        operator.sql(*people(ANNA, BOLAT), person(CLARA, LATELY))
        yield operator


def explain(shop: Operator, key: int, now: datetime = NOW) -> PersonFacts:
    with shop.tools.database.reading() as connection:
        return Explainer(connection, shop.tools, shop.policy, now).person((key,))


def explain_row(shop: Operator, table: str, key: int) -> RowFacts:
    with shop.tools.database.reading() as connection:
        return Explainer(connection, shop.tools, shop.policy, NOW).row(table, str(key))


def stage(facts: PersonFacts | RowFacts, name: str) -> StageFacts:
    (found,) = [s for s in facts.stages if s.stage == name]
    return found


def order(number: int, of: int, what: str = "a thing") -> str:
    return f"INSERT INTO orders VALUES ({number}, {of}, '{what}')"


def payment(number: int, of: int, paid_at: str) -> str:
    return f"INSERT INTO payments (id, person_id, purpose, paid_at) VALUES ({number}, {of}, 'p', '{paid_at}')"


def test_the_clock_names_the_event_that_set_it(shop: Operator) -> None:
    facts = explain(shop, CLARA)
    assert facts.clock == datetime(2026, 5, 5, 10)
    assert facts.set_by is not None
    assert facts.set_by.event == "people.seen_at"
    assert stage(facts, "profile").due_from == date(2029, 5, 6)
    assert "people.seen_at on 2026-05-05" in facts.sentence
    assert "2029-05-06" in facts.sentence


def test_the_newest_of_several_events_sets_the_clock(shop: Operator) -> None:
    shop.change_policy(("  - people.seen_at\n", "  - people.seen_at\n  - payments.paid_at\n"))
    shop.sql(payment(1, ANNA, "2025-01-01 00:00:00"), payment(2, ANNA, "2025-02-03 04:05:06"))
    facts = explain(shop, ANNA)
    assert facts.set_by is not None
    assert (facts.set_by.event, facts.clock) == ("payments.paid_at", datetime(2025, 2, 3, 4, 5, 6))
    assert {e.event: e.newest for e in facts.events}["people.seen_at"] == datetime(2020, 5, 5, 10)


def test_a_date_that_cannot_be_true_is_named(shop: Operator) -> None:
    shop.sql(f"UPDATE people SET seen_at = '2090-01-01 00:00:00' WHERE id = {ANNA}")
    facts = explain(shop, ANNA)
    assert [(e.event, e.newest, e.absurd) for e in facts.events] == [("people.seen_at", None, 1)]
    assert facts.clock is None
    assert "cannot be decided" in facts.sentence


def test_rows_are_counted_by_table_and_state_also_those_that_stay(shop: Operator) -> None:
    shop.sql(order(1, ANNA), order(2, ANNA), order(3, BOLAT), "INSERT INTO lines VALUES (1, 1, 'a line')")
    shop.sql(payment(1, ANNA, LONG_AGO), payment(2, ANNA, "2025-05-05 10:00:00"))
    facts = explain(shop, ANNA)
    assert {t.table: t.rows for t in facts.tables if t.rows} == {"people": 1, "orders": 2, "lines": 1, "payments": 2}
    assert stage(facts, "profile").rows["orders"] == {"due": 2}
    assert stage(facts, "profile").rows["lines"] == {"due": 1}
    assert stage(facts, "payments").rows == {"payments": {"due": 1, "kept": 1}}
    assert stage(facts, "payments").due_from == date(2029, 5, 6)


def test_rows_that_no_stage_selects_are_counted_apart(shop: Operator) -> None:
    shop.change_policy(
        ("      orders: delete\n", "      orders: {where: \"what <> 'keep'\", delete: row}\n"),
    )
    shop.sql(order(1, ANNA), order(2, ANNA, "keep"))
    (orders,) = [t for t in explain(shop, ANNA).tables if t.table == "orders"]
    assert (orders.rows, orders.in_no_stage) == (2, 1)
    assert stage(explain(shop, ANNA), "profile").rows["orders"] == {"due": 1}


def test_a_shared_address_counts_apart(shop: Operator) -> None:
    shop.sql(f"INSERT INTO letters VALUES (1, 'p{ANNA}@mail.kz', '{LATELY}')")
    (letters,) = [t for t in explain(shop, ANNA).tables if t.table == "letters"]
    assert (letters.rows, letters.maybe) == (0, 1)


def test_every_hold_is_named_with_its_scope(shop: Operator) -> None:
    shop.sql(order(1, ANNA), order(2, BOLAT))
    mine = [shop.hold("person", "people", "1"), shop.hold("person", "people", "1"), shop.hold("row", "orders", "1")]
    mine.append(shop.hold("table", "orders", None))
    shop.hold("row", "orders", "2")
    shop.hold("person", "people", "2")
    shop.hold("table", "scans", None)
    facts = explain(shop, ANNA)
    assert [h.id for h in facts.holds] == mine
    assert [h.scope for h in facts.holds] == ["person", "person", "row", "table"]
    assert {(h.reason, h.author) for h in facts.holds} == {("a reason", "an admin")}
    assert facts.sentence == "Nothing of this person is touched: a hold placed by hand."
    shop.release(*mine[:2])
    assert [h.id for h in explain(shop, ANNA).holds] == mine[2:]


def test_a_hold_on_another_row_of_the_same_person_is_named(shop: Operator) -> None:
    shop.sql(person(7, iin=f"9001{ANNA:08d}"))
    hold = shop.hold("person", "people", "7")
    facts = explain(shop, ANNA)
    assert list(facts.same_person) == [(7,)]
    assert [h.id for h in facts.holds] == [hold]
    assert stage(facts, "profile").states == {"held: by hand": 1}


def test_conditions_and_blocks_are_named_though_another_reason_is_stronger(shop: Operator) -> None:
    shop.sql(order(1, CLARA, "open"), order(2, CLARA, "open"))
    shop.sql(f"UPDATE people SET blocked_at = '{LATELY}' WHERE id = {CLARA}")
    facts = explain(shop, CLARA)
    assert stage(facts, "profile").states == {"kept": 1}
    assert [(c.name, c.basis, c.rows) for c in facts.conditions] == [(None, "", 1), ("open order", "contract", 2)]
    assert "blocked by law" in facts.sentence
    assert "open order" in facts.sentence


def test_what_happened_is_told_by_key_after_depersonalisation(shop: Operator) -> None:
    shop.sql(order(1, ANNA), payment(1, ANNA, "2025-05-05 10:00:00"), f"INSERT INTO consents VALUES (1, {ANNA})")
    run = shop.usual_night().run_id
    facts = explain(shop, ANNA)
    (done,) = stage(facts, "profile").done
    (entry,) = [e for e in shop.entries(run) if (e["batch"], e["slice"]) == (done.batch, done.slice)]
    assert (done.run, done.segment, done.copy_until) == (run, entry["segment"], entry["archive_until"])
    assert done.copy_until is not None
    assert stage(facts, "profile").rows == {"people": {"done": 1}, "orders": {}, "lines": {}, "scans": {}}
    assert facts.sentence.startswith(f"Done on {done.done_at:%Y-%m-%d}; what is still kept has a longer term")
    assert "2029-05-06" in facts.sentence


def test_a_stage_that_waits_for_others_names_them_then_its_day(shop: Operator) -> None:
    shop.sql(payment(1, ANNA, "2025-05-05 10:00:00"), f"INSERT INTO consents VALUES (1, {ANNA})")
    facts = explain(shop, ANNA)
    assert list(stage(facts, "consents").waits_for) == ["the end of profile", "the end of payments"]
    shop.usual_night()
    assert list(stage(explain(shop, ANNA), "consents").waits_for) == ["the end of payments"]
    shop.sql("DELETE FROM payments")
    facts = explain(shop, ANNA)
    done = stage(facts, "profile").done[-1].done_at
    assert list(stage(facts, "consents").waits_for) == []
    assert stage(facts, "consents").due_from is not None
    assert str(stage(facts, "consents").due_from) > f"{done.year + 1}-{done:%m-%d}"


def test_a_row_that_was_held_when_its_person_was_done_is_no_done_row(shop: Operator) -> None:
    shop.sql(order(1, ANNA), order(2, ANNA))
    hold = shop.hold("row", "orders", "2")
    shop.usual_night()
    facts = explain(shop, ANNA)
    assert stage(facts, "profile").rows["orders"] == {LEFT_HELD: 1}
    assert [h.id for h in facts.holds] == [hold]


def test_a_person_whose_row_was_deleted_is_still_known_by_key(shop: Operator) -> None:
    shop.policy_text = (
        POLICY[: POLICY.index("  payments:\n")]
        .replace(LINKS, "")
        .replace(POLICY[POLICY.index("      people:\n") : POLICY.index("      scans:")], "      people: delete\n")
    )
    shop.policy_text += "ignore: {payments: x, letters: x, consents: x}\n"
    shop.usual_night()
    assert shop.ids("people") == [CLARA]
    facts = explain(shop, ANNA)
    assert not facts.there
    assert len(stage(facts, "profile").done) == 1
    assert facts.sentence.startswith("Done on ")
    with pytest.raises(Refused, match="no person with this key"):
        explain(shop, 99)


def test_a_row_without_owner(shop: Operator) -> None:
    shop.sql(f"INSERT INTO letters VALUES (1, 'nobody@mail.kz', '{LATELY}')")
    hold = shop.hold("row", "letters", "1")
    facts = explain_row(shop, "letters", 1)
    assert (list(facts.owners), [h.id for h in facts.holds]) == ([], [hold])
    (letters,) = facts.stages
    assert letters.states == {"kept": 1}
    assert letters.due_from == date(2029, 5, 6)
    assert letters.set_by is not None
    assert letters.set_by.event == "letters.ended_at"
    assert facts.sentence == "The row is not touched: a hold placed by hand."


def test_a_row_that_goes_with_its_person(shop: Operator) -> None:
    shop.sql(order(1, CLARA), "INSERT INTO lines VALUES (5, 1, 'a line')")
    facts = explain_row(shop, "lines", 5)
    assert list(facts.owners) == [(CLARA,)]
    assert [s.stage for s in facts.stages] == ["profile"]
    assert stage(facts, "profile").due_from == date(2029, 5, 6)
    with pytest.raises(Refused, match="has no row with this key"):
        explain_row(shop, "lines", 6)
    with pytest.raises(Refused, match="There is no table lins"):
        explain_row(shop, "lins", 5)


def test_a_stopped_stage_is_named_with_its_reason(shop: Operator) -> None:
    shop.sql("ALTER TABLE people ADD COLUMN nickname TEXT")
    facts = explain(shop, ANNA)
    assert "nickname" in (stage(facts, "profile").stopped or "")
    assert stage(facts, "profile").states == {}
    assert stage(facts, "payments").stopped is None


def test_the_same_verdict_as_the_plan_for_everybody(shop: Operator) -> None:
    shop.sql(*people(4, 5, 6), person(8, None), order(1, 4, "open"), payment(1, 5, LATELY), payment(2, 5, LONG_AGO))
    shop.sql(f"UPDATE people SET blocked_at = '{LATELY}' WHERE id = 6")
    shop.hold("person", "people", "1")
    planned = {s.stage: s.states for s in shop.plan().stages}
    explained: dict[str, dict[str, int]] = {name: {} for name in planned}
    for key in shop.ids("people"):
        for found in explain(shop, key).stages:
            for state, n in found.states.items():
                explained[found.stage][state] = explained[found.stage].get(state, 0) + n
    assert explained == {name: dict(states) for name, states in planned.items()}


def values(shop: Operator) -> set[str]:
    """Everything that is somebody's."""
    found = shop.rows("SELECT iin, email, name, note FROM people")
    return {str(value) for row in found for value in row if value}


def letter(shop: Operator, *keys: int) -> str:
    """The English letter."""
    return as_markdown(letter_of(shop.policy, [explain(shop, key) for key in keys], NOW.date()), "en")


def test_no_value_of_the_person_is_ever_printed(shop: Operator) -> None:
    shop.sql(order(1, ANNA), payment(1, ANNA, LONG_AGO))
    shop.hold("row", "orders", "1")
    facts = explain(shop, ANNA)
    answer = letter_of(shop.policy, [facts], NOW.date())
    told = [json.dumps(asdict(facts), default=str), *(as_markdown(answer, language) for language in ("en", "ru", "kk"))]
    told += [as_html(answer, "kk"), shop.cli("explain", "--key", "1", "--letter", "kk").stdout]
    assert all(told)
    assert [value for value in values(shop) if value in "".join(told)] == []


def test_json_has_everything(shop: Operator) -> None:
    shop.sql(order(1, ANNA))
    hold = shop.hold("person", "people", "1")
    (found,) = json.loads(shop.cli("explain", "--key", "1", "--json").stdout)
    assert found["key"] == [1]
    assert found["set_by"]["event"] == "people.seen_at"
    assert [h["id"] for h in found["holds"]] == [hold]
    assert {t["table"]: t["rows"] for t in found["tables"]}["orders"] == 1
    row = json.loads(shop.cli("explain", "--table", "orders", "--key", "1", "--json").stdout)
    assert (row["table"], row["owners"]) == ("orders", [[1]])


def refused(shop: Operator, *arguments: str, given: str = "") -> str:
    told = shop.cli("explain", *arguments, given=given)
    assert told.returncode == 2
    return told.stderr


def test_what_cannot_be_explained_is_refused_in_a_sentence(shop: Operator) -> None:
    assert "A row needs --key beside --table." in refused(shop, "--table", "orders")
    assert "A letter is for a person" in refused(shop, "--table", "orders", "--key", "1", "--letter", "en")
    assert "no row with this key" in refused(shop, "--key", "x")
    assert "no person with this key" in refused(shop, "--key", "99")


def test_the_letter_says_what_was_done_and_what_is_kept(shop: Operator) -> None:
    shop.change_policy(("clock:\n", "recipients: [a bank]\nclock:\n"))
    shop.sql(order(1, ANNA), order(2, ANNA), payment(1, ANNA, "2025-05-05 10:00:00"))
    shop.hold("person", "people", "2")
    shop.usual_night()
    told = letter(shop, ANNA)
    lines = [line for line in told.splitlines() if line.startswith("| ")]
    orders, kept = (next(line for line in lines if line.startswith(f"| {t} |")) for t in ("orders", "payments"))
    assert "an archive copy is kept, the last day: 31 July 2026 (clause 3.4) | 2 | clause 5.3" in orders
    assert "| kept | 1 | the term of storage has not ended (tax code) | 5 May 2029 |" in kept
    assert not [line for line in lines if line.startswith("| lines |")]
    assert "- a bank" in told
    held = letter(shop, BOLAT)
    assert "deletion is suspended by a decision of the operator" in held
    assert "a reason" not in held


def test_a_letter_holds_every_row_of_one_person_and_of_nobody_else(shop: Operator) -> None:
    shop.sql(person(7, iin=f"9001{ANNA:08d}"), order(1, ANNA), order(2, 7))
    told = shop.cli("explain", "--key", "1", "--letter", "en").stdout
    assert "| people | kept | 2 |" in told
    assert "| orders | kept | 2 |" in told
    shop.sql(f"UPDATE people SET note = '8 (701) 234-56-78' WHERE id IN ({ANNA}, {BOLAT})")
    shop.change_policy(("clock:\n", "identifiers: {phone: [people.note]}\nclock:\n"))
    assert "Several people have this identifier" in refused(shop, "--letter", "en", given="+77012345678\n")


def test_the_time_of_an_explanation_can_be_given(shop: Operator) -> None:
    early = datetime(2022, 1, 1, tzinfo=UTC)
    assert stage(explain(shop, ANNA, early), "profile").states == {"kept": 1}
    assert stage(explain(shop, ANNA, early), "profile").due_from == date(2023, 5, 6)
