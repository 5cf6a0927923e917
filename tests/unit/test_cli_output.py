"""What people see on a terminal of 100 columns."""

from datetime import date, datetime

import pytest

from worker.cli.output import busy, in_size, print_table
from worker.cli.plan import show
from worker.plan.result import Plan, StageOutcome, TablePlan


@pytest.fixture(autouse=True)
def _columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


def _table_plan(stage: str, table: str) -> TablePlan:
    states = {"due": 123456, "kept": 654321, "held: open debt": 23456, "quarantined: no event says so": 1234}
    copy = "sealed copy kept 30 days (clause 3.4)"
    return TablePlan(stage, table, "depersonalise", 123456, 802467, 70000000, states, "clause 5.3", copy, files=True)


def test_a_plan_of_large_numbers_is_readable(capsys: pytest.CaptureFixture[str]) -> None:
    table = _table_plan("contract documents", "third_party_transfers")
    outcome = StageOutcome(table.stage, table.table, date(2023, 1, 1), (), {}, (), (table,))
    moment = datetime(2026, 3, 1)
    show(Plan("kpi", "hash", moment, moment.date(), (outcome,), {"visits": "a column is not named"}, (), "abc123"))
    printed = capsys.readouterr().out
    row = next(line for line in printed.splitlines() if "third_party_transfers" in line)
    assert {"123456", "23456", "1234", "654321", "802467"} <= set(row.split())
    assert max(map(len, printed.splitlines())) <= 100
    for sentence in ("held: open debt 23456", "quarantined: no event says so 1234", "Fingerprint: abc123"):
        assert sentence in " ".join(printed.split())
    assert "The stage visits is stopped: a column is not named" in printed


def test_square_brackets_in_a_reason_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Holds [all]", ["reason"], [["[red] file"]])
    printed = capsys.readouterr().out
    assert "Holds [all]" in printed
    assert "[red] file" in printed


def test_what_is_copied_into_other_commands_stays_whole(capsys: pytest.CaptureFixture[str]) -> None:
    name = "0123456789ab/2026/11/" + "0123456789abcdef" * 2 + ".zst.age"
    print_table(
        "Segments", ["segment", "stage", "kept_until"], [[name, "contract documents " * 3, "2026-12-23"]], ["segment"]
    )
    assert name in capsys.readouterr().out


def test_a_pipe_gets_no_waiting_line(capsys: pytest.CaptureFixture[str]) -> None:
    with busy("Looking"):
        pass
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (70000000, "67 MiB"), (3 * 2**40, "3072.0 GiB")]
)
def test_sizes(size: int, text: str) -> None:
    assert in_size(size) == text
