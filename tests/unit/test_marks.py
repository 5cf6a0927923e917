"""The mark of what nobody has decided yet: refused in its own sentence, and read over so that the rest is looked at."""

import pytest

from config.loader import load_policy, read_as_far_as_possible
from config.problems import PolicyProblems

POLICY = """\
policy: shop
operator: DECIDE
timezone: DECIDE Asia/Almaty
floor: {term: 3 years, basis: law}
subject: {table: people, key: id}
clock:
  - DECIDE people.seen_at
  - people.DECIDE
stages:
  profile:
    from: subject
    term: DECIDE 3 lears
    tables:
      people:
        DECIDE depersonalise:
          keep: [id, DECIDE status, DECIDE city, "DECIDE"]
          nothing: [phone]
holds:
  open: {exists: people, where: "DECIDE closed_at IS NULL AND a = 'b'", basis: law}
"""


def test_each_marked_line_is_named_with_what_must_be_decided() -> None:
    policy, problems = read_as_far_as_possible(POLICY, "policy.yaml")
    marks = {p.line: p.sentence for p in problems if "not decided yet" in p.sentence}
    assert sorted(line for line in marks if line) == [2, 3, 7, 12, 15, 16, 19]
    assert "write it in place of the word DECIDE" in marks[2]
    assert "`status`, `city`" in marks[16]
    assert "may stay as they are" in marks[16]
    assert "nothing of a person may be touched" in marks[19]
    assert policy is not None
    assert policy.stages["profile"].tables["people"].keep == ("id", "status", "city", "DECIDE")
    assert policy.holds["open"].where == "closed_at IS NULL AND a = 'b'"


def test_what_stands_behind_a_mark_is_read_too() -> None:
    _, problems = read_as_far_as_possible(POLICY, "policy.yaml")
    assert [p.sentence for p in problems if "not decided yet" not in p.sentence] == [
        "`3 lears` is not a term; write a whole number of days, months or years, for example `3 years`, `30 days` or"
        " `5 years after the end of the year`"
    ]


def test_a_policy_with_a_mark_is_never_carried_out() -> None:
    decided = POLICY.replace("3 lears", "3 years").replace("operator: DECIDE", "operator: A shop")
    with pytest.raises(PolicyProblems, match="not decided yet"):
        load_policy(decided, "policy.yaml")
    whole = decided.replace('"DECIDE"', "<>").replace("people.DECIDE", "<.>").replace("DECIDE ", "")
    whole = whole.replace("<>", '"DECIDE"').replace("<.>", "people.DECIDE")
    assert load_policy(whole, "policy.yaml").name == "shop"
