"""The report for machines: the facts under stable English names, times in UTC (ISO 8601 with Z)."""

from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import Any

from worker.reports.facts import counts
from worker.reports.reason_lines import ReasonLines
from worker.reports.shapes import RunFacts
from worker.reports.wording import Words


def report_json(facts: RunFacts, language: str = "en") -> dict[str, Any]:
    """The report as JSON values: who waits for an answer, run, state, verdict, answer and counts, then every fact."""
    words = Words(facts, language)
    found: dict[str, Any] = {
        "answers": _plain(facts.answers),
        "run": facts.id,
        "state": facts.state,
        "verdict": facts.verdict,
        "answer": " ".join([words.answer(), *words.details()]),
        "counts": counts(facts),
        "overdue": facts.overdue,
        "seconds": facts.seconds,
        "todo": [{"what": todo.what, "todo": todo.todo} for todo in ReasonLines(words).todos()],
        "unreached": [*words.files(), *words.unreached()],
    }
    rest = {name: value for name, value in _plain(facts).items() if name not in ("id", *found)}
    for table, facts_of_table in zip(rest["tables"], facts.tables, strict=True):
        table["outcome"] = words.outcome(facts_of_table)
    return found | rest


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, datetime):
        return f"{value.isoformat(timespec='seconds')}Z"
    return value.isoformat() if isinstance(value, date) else value
