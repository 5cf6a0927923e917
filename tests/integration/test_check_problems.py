"""Each mistake gets its own sentence, at its own path, on both databases, and no other sentence comes with it."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.check_support import BOTH, changed, check, only

PEOPLE = "stages.profile.tables.people"
TREATED = f"{PEOPLE}.depersonalise"
ORDERS = "stages.orders.tables.orders.depersonalise"
BAGS = "stages.profile.tables.bags"
KEEP = "keep: [id, status, seen_at, blocked_at]"
NOTHING = 'nothing: [code, "Аты"]'
FOLLOWS = "follows people.iin: [payer_iin]\n          nothing: [note]"
WITH_BAGS = ("letters: {", "bags: delete\n      letters: {")
WITH_BAGS_EMPTIED = ("letters: {", "bags: {depersonalise: {keep: [id, person_id], nothing: [what]}}\n      letters: {")
OWNED = "person_id INTEGER REFERENCES people (id)"


@dataclass(frozen=True)
class Mistake:
    """Changes of the policy (old, new), where the problem stands, words of its sentence, and changes of the schema."""

    name: str
    changes: list[tuple[str, str]]
    path: str
    words: str
    ddl: tuple[str, ...] = ()


MISTAKES = [
    Mistake("subject table", [("{table: people,", "{table: peeple,")], "subject.table", "did you mean `people`?"),
    Mistake("same person", [("person: iin", "person: inn")], "subject.same person", "did you mean `iin`?"),
    Mistake("blocked", [("blocked: blocked_at", "blocked: blok_at")], "subject.blocked", "did you mean `blocked_at`?"),
    Mistake("identifier", [("[people.email]", "[people.mail]")], "identifiers.email[0]", "did you mean `email`?"),
    Mistake("group", [("people.code]]", "people.cod]]")], "identifiers.name[0][1]", "did you mean `code`?"),
    Mistake("link", [("- {from: orders.payer_iin", "- {from: orders.payer_in")], "links[0].from", "`payer_iin`?"),
    Mistake("clock", [("- people.seen_at", "- people.sen_at")], "clock[0]", "did you mean `seen_at`?"),
    Mistake("stored", [("people.seen_at: local", "people.s_at: local")], "stored in.people.s_at", "no column `s_at`"),
    Mistake("hold table", [("exists: orders", "exists: order")], "holds.open order.exists", "did you mean `orders`?"),
    Mistake("event", [("from: orders.paid_at", "from: orders.payd_at")], "stages.orders.from", "mean `paid_at`?"),
    Mistake("kept", [(KEEP, KEEP.replace("status", "stats, status"))], f"{TREATED}.keep[1]", "mean `status`?"),
    Mistake("treated", [(NOTHING, 'nothing: [cod, code, "Аты"]')], f"{TREATED}.nothing[0]", "did you mean `code`?"),
    Mistake("files", [("[path]", "[pth]")], "stages.profile.tables.letters.files.columns", "mean `path`?"),
    Mistake("written", [("{writes: journal}", "{writes: journl}")], "triggers.people_log.writes", "`journal`?"),
    Mistake("ignored", [("  regions: no", "  regons: no\n  regions: no")], "ignore.regons", "did you mean `regions`?"),
    Mistake("no trigger", [("  people_log:", "  peple_log: {writes: journal}\n  people_log:")],
            "triggers.peple_log", "no trigger `peple_log`; did you mean `people_log`?"),
    Mistake("not after", [("journal: {after: people, ", "journal: {")], PEOPLE, "treat `journal` in this stage"),
    Mistake("strategy", [("synthetic email:", "sintetic email:")], f"{TREATED}.sintetic email", "'synthetic email'?"),
    Mistake("argument", [('constant "":', "constant x:")], f"{TREATED}.constant x", "a text in double quotes"),
    Mistake("type", [(NOTHING, 'to year: [code]\n          nothing: ["Аты"]')], f"{TREATED}.to year[0]",
            "of kind text"),
    Mistake("length", [WITH_BAGS_EMPTIED, ("nothing: [what]", "synthetic iin: [what]")],
            f"{BAGS}.depersonalise.synthetic iin[0]", "writes up to 12 characters, and `what` takes 3",
            (f"CREATE TABLE bags (id INTEGER PRIMARY KEY, {OWNED}, what VARCHAR(3))",)),
    Mistake("not null", [('constant "": [name]\n          nothing: [', "nothing: [name, ")],
            f"{TREATED}.nothing[0]", "column `name` is NOT NULL"),
    Mistake("not unique", [('synthetic email: [email]\n          constant "": [', 'constant "": [email, ')],
            f'{TREATED}.constant ""[0]', "column `email` is unique"),
    Mistake("check of length", [(NOTHING, 'constant "a": [code]\n          nothing: ["Аты"]')],
            f'{TREATED}.constant "a"[0]', 'refuses what `constant "a"` writes'),
    Mistake("check of words", [(KEEP, 'keep: [id, seen_at, blocked_at]\n          constant "gone": [status]')],
            f'{TREATED}.constant "gone"[0]', 'refuses what `constant "gone"` writes'),
    Mistake("follows kept", [("nothing: [note]", "follows people.status: [note]")],
            f"{ORDERS}.follows people.status[0]",
            "nothing to follow"),
    Mistake("foreign key", [("keep: [id, person_id,", "band 10: [person_id]\n          keep: [id,")],
            f"{ORDERS}.band 10[0]", "`person_id` is a foreign key"),
    Mistake("clock replaced", [(KEEP, "keep: [id, status, blocked_at]\n          to year: [seen_at]")],
            f"{TREATED}.to year[0]", "stands in the person's clock"),
    Mistake("block replaced", [(KEEP, "keep: [id, status, seen_at]\n          to year: [blocked_at]")],
            f"{TREATED}.to year[0]", "says who is blocked by law"),
    Mistake("number as clock", [("  - people.seen_at\n", "  - people.seen_at\n  - orders.person_id\n")],
            "clock[1]", "is of type INTEGER"),
    Mistake("clock forgotten", [("  orders:\n    from:", "  mail: {from: letters.sent_at, term: 1 year, tables: "
                                 "{letters: delete}}\n  orders:\n    from:")],
            "stages.mail.tables.letters", "write a term that is at least as long"),
    Mistake("leads nowhere", [("lines: delete", "regions: delete\n      lines: delete"), ("regions: no", "bags: no")],
            "stages.orders.tables.regions", "`regions` does not lead to `orders`", ("CREATE TABLE bags (id INTEGER)",)),
    Mistake("only delays", [("to: people.id, where", "to: people.id, only: delays, where")],
            "stages.profile.tables.journal", "a link with `only: delays` cannot make rows due"),
    Mistake("hold of nobody", [('{exists: orders, where: "closed_at IS NULL"', "{exists: regions")],
            "holds.open order.exists", "so the hold holds nobody"),
    Mistake("clock of nobody", [("  - people.seen_at\n", "  - people.seen_at\n  - bags.at\n"),
                                ("regions: no", "bags: no\n  regions: no")],
            "clock[1]", "so it is nobody's clock", ("CREATE TABLE bags (id INTEGER PRIMARY KEY, at TIMESTAMP)",)),
    Mistake("done and event", [("from: orders.paid_at", "from: [orders.paid_at, {done: profile}]")],
            "stages.orders.from", "write one of the two"),
    Mistake("cascade", [WITH_BAGS, ("regions: no", "tags: no\n  regions: no")], BAGS,
            "would empty what is kept in `tags` unseen",
            (f"CREATE TABLE bags (id INTEGER PRIMARY KEY, {OWNED})",
             "CREATE TABLE tags (id INTEGER PRIMARY KEY, bag INTEGER REFERENCES bags (id) ON DELETE SET NULL)")),
    Mistake("personal key", [WITH_BAGS], BAGS, "`e_mail` is named like an identifier",
            (f"CREATE TABLE bags (e_mail VARCHAR(99) PRIMARY KEY, {OWNED})",)),
    Mistake("no key", [WITH_BAGS], BAGS, "table `bags` has no key", (f"CREATE TABLE bags (what TEXT, {OWNED})",)),
    Mistake("key of a strange type", [WITH_BAGS], BAGS, "cannot be written down in the ledger",
            (f"CREATE TABLE bags (id REAL PRIMARY KEY, {OWNED})",)),
    Mistake("subject key", [("key: id,", "key: code,")], "subject.key", "`code` is not a key of `people`; write `id`"),
    Mistake("link lost", [(FOLLOWS, "nothing: [note]\n          synthetic iin: [payer_iin]")],
            f"{TREATED}.synthetic iin[0]", "write `follows people.iin: [payer_iin]`"),
    Mistake("computed", [WITH_BAGS_EMPTIED, ("nothing: [what]", "nothing: [what, big]")],
            f"{BAGS}.depersonalise.nothing[1]", "the database computes `big` itself",
            (f"CREATE TABLE bags (id INTEGER PRIMARY KEY, {OWNED}, what TEXT,"
             " big TEXT GENERATED ALWAYS AS (upper(what)) STORED)",)),
    Mistake("view", [("lines: delete", "seen: delete\n      lines: delete")], "stages.orders.tables.seen",
            "`seen` is a view", ("CREATE VIEW seen AS SELECT * FROM lines",)),
    Mistake("kept file", [("letters: {delete: row, ", "letters: {depersonalise: {keep: [id, person_id, path, sent_at],"
                           ' constant "": [direction]}, ')],
            "stages.profile.tables.letters.files.columns", "`path` is kept"),
]  # fmt: skip


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_gets_one_sentence(mistake: Mistake, dialect: str, tmp_path: Path) -> None:
    text = changed(*mistake.changes)
    checked = check(dialect, tmp_path, text, *mistake.ddl)
    error = only(checked.errors)
    assert error.path == mistake.path
    assert mistake.words in error.sentence
    assert checked.fatal == (error,)
    assert error.line is not None
    assert error.line > 1
    assert error.source == "shop.yaml"


@pytest.mark.parametrize("dialect", BOTH)
def test_an_unlisted_table_that_touches_no_stage_lets_the_run_go_on(dialect: str, tmp_path: Path) -> None:
    text = changed(("  regions: no personal data", "  lines: no personal data"), ("      lines: delete\n", ""))
    checked = check(dialect, tmp_path, text)
    error = only(checked.errors)
    assert "table `regions` stands in no stage and is not ignored" in error.sentence
    assert checked.fatal == ()
    assert checked.stopped == {}
    assert checked.unmentioned == (error.sentence,)


@pytest.mark.parametrize("dialect", BOTH)
def test_a_right_policy_has_no_problem(dialect: str, tmp_path: Path) -> None:
    checked = check(dialect, tmp_path)
    assert checked.problems == ()
    assert checked.stopped == {}
    assert "people" in checked.schema.tables


CONDITIONS = {
    "closed_at IS NUL": "no column `NUL`",
    "clsed_at IS NULL": "no column `clsed_at`; did you mean `closed_at`?",
    "1=1) OR (1=1": "closes a bracket",
    "note = 'a'; DELETE FROM orders": "a semicolon",
    "note = 'a' -- and more": "a comment",
    "id IN (SELECT id FROM people)": "it holds a query",
    "count(*) > 1": "an aggregate",
    "row_number() OVER () = 1": "a window function",
    "orders.note = 'a'": "names a table",
    "DELETE FROM orders": "not one SQL condition",
    "note = 'a' yes": "not one SQL condition",
    "note = ": "not one SQL condition",
    "random() > 0": "`random`",
    "no_such(note) = 1": "the database cannot read this condition",
    "note = 'it''s; not -- over'": "",
    "NOTE LIKE 'a%' AND \"note\" <> 'б'": "",
}


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions(condition: str, dialect: str, tmp_path: Path) -> None:
    quoted = condition.replace("'", "''")
    text = changed(('where: "closed_at IS NULL"', f"where: '{quoted}'"))
    errors = check(dialect, tmp_path, text).errors
    if CONDITIONS[condition]:
        error = only(errors)
        assert error.path == "holds.open order.where"
        assert CONDITIONS[condition] in error.sentence
    else:
        assert errors == ()
