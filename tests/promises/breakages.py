"""Each of the thirteen promises, with the code that keeps it, what breaks it, and the test that notices.

`python -m tests.promises` carries every one of them out on a copy. docs/promises.md is the same table for people.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Breakage:
    """In `file` the text `keeps`, which stands there once, is replaced by `breaks`; then `test` must fail."""

    promise: int
    says: str
    file: str
    keeps: str
    breaks: str
    test: str


ORDER, APPLY = "worker/pipeline/slice.py", "worker/pipeline/applying.py"
SLICES, RACES = "tests/integration/test_slices_failing.py", "tests/integration/test_races_returning.py"

BREAKAGES = (
    Breakage(
        1,
        "A copy that was not read back is no copy",
        "worker/archive/segment.py",
        "            self._read_back(sealed, text_digest, own.identity)\n",
        "",
        "tests/unit/test_archive_segment.py::test_what_the_disk_did_not_keep_is_noticed_and_removed",
    ),
    Breakage(
        2,
        "selected = archived = changed, and what changed looks done",
        APPLY,
        '    if not done == proven == len(keys):\n        raise Broken(_differs("broken.depersonalised"',
        '    if False:\n        raise Broken(_differs("broken.depersonalised"',
        f"{SLICES}::test_one_bad_subject_is_set_aside_with_its_reason_and_the_rest_is_done",
    ),
    Breakage(
        3,
        "The change, its entry and its tombstones are one transaction",
        ORDER,
        "    write_entry(connection, tools.ledger, _entry(",
        "    with tools.database.writing() as other:\n        write_entry(other, tools.ledger, _entry(",
        f"{RACES}::test_an_event_over_an_undeclared_link_before_commit",
    ),
    Breakage(
        4,
        "The claim asks the same predicate as the plan",
        "worker/pipeline/claim.py",
        ".where(verdicts.c.state == DUE)",
        "",
        f"{RACES}::test_a_login_between_planning_and_claiming",
    ),
    Breakage(
        5,
        "A row of two people waits for both",
        "worker/pipeline/selection.py",
        "    return [k for k in found if k not in kept]\n\n\n@lru_cache(maxsize=KEPT_QUERIES)\ndef _others_query",
        "    return list(found)\n\n\n@lru_cache(maxsize=KEPT_QUERIES)\ndef _others_query",
        "tests/integration/test_races_returning.py::test_the_other_person_of_a_shared_row_returns",
    ),
    Breakage(
        5,
        "Never under the floor",
        "worker/plan/rows.py",
        "self.person_cutoff = min(self.cutoff, floor) if stage.origin.subject else floor",
        "self.person_cutoff = self.cutoff",
        "tests/integration/test_floor.py::test_a_row_with_a_short_term_waits_for_its_persons_floor",
    ),
    Breakage(
        5,
        "What lies between a row and those it belongs to stays where it is",
        "worker/pipeline/between.py",
        "    for query in queries if keys else ():\n",
        "    for query in ():\n",
        "tests/integration/races/test_row_ground.py::test_a_row_that_is_kept_now_stays",
    ),
    Breakage(
        6,
        "A condition that is neither true nor false holds",
        "worker/plan/links.py",
        "(({condition}) IS NOT FALSE)",
        "(({condition}) IS TRUE)",
        "tests/integration/test_floor.py::test_a_hold_that_is_neither_true_nor_false_holds",
    ),
    Breakage(
        7,
        "Whatever destroys passes the gate",
        ORDER,
        "        hold_shared(connection, tools.ledger)\n",
        "        pass\n",
        "tests/integration/test_races_holds.py::test_a_slice_waits_for_a_hold_that_is_being_placed",
    ),
    Breakage(
        8,
        "A replacement is no function of the original",
        "worker/strategies/synthetic.py",
        "            while (drawn := draw(random)) in used:\n",
        "            while (drawn := draw(Random(str(value)))) in used:\n",
        "tests/properties/test_strategies.py::test_a_random_value_is_no_function_of_the_old_one",
    ),
    Breakage(
        9,
        "What looks personal does not come into the ledger",
        "worker/ledger/holds.py",
        '    if _LONG_NUMBER.search(_DATE.sub("DATE", plain)):\n',
        "    if False:\n",
        "tests/unit/test_ledger_personal_text.py::test_what_looks_personal_is_refused_without_being_repeated",
    ),
    Breakage(
        10,
        "Running again changes nothing",
        "worker/pipeline/remembering.py",
        "    if not claim.units or not stage.is_remembered:\n",
        "    if True:\n",
        "tests/integration/test_slices_remembered.py::test_a_person_of_whom_a_row_stays_is_not_done_again_every_night",
    ),
    Breakage(
        11,
        "A column that the policy does not mention stops its stage",
        "worker/plan/coverage.py",
        "    check_unnamed(ground)\n",
        "",
        "tests/integration/test_check_whole.py::test_a_new_column_stops_the_stages_of_its_table_only",
    ),
    Breakage(
        12,
        "The brake counts what is committed as it goes",
        ORDER,
        "        brake.check(connection, work.counts())\n",
        "        pass\n",
        "tests/integration/test_brake_limits.py::test_rows_that_come_between_plan_and_slice_are_counted",
    ),
    Breakage(
        13,
        "Zero means zero",
        "worker/pipeline/brake.py",
        '    return [text("brake_says.zero", limit=n) for n in names if getattr(limits, n) == 0]\n',
        "    return []\n",
        "tests/integration/test_brake_limits.py::test_zero_means_zero_even_with_an_approval",
    ),
)
