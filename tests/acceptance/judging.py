"""The comparison of every row of every table with what fates.csv says of it. Each difference is a sentence."""

from collections.abc import Mapping
from pathlib import Path

from tests.acceptance.fates import Fate
from tests.acceptance.filler import Row
from tests.acceptance.operator_database import Picture

Fates = Mapping[tuple[str, int], Fate]

# What stays of a depersonalised row, column by column; of all else nothing may stay. Written down from the policy
# once more, so that a column that the policy begins to keep is noticed here.
STAYS = {
    "users": "id region_id status created_at last_login_at deleted_at processing_blocked_at",
    "complaints": "id user_id outcome created_at due_at closed_at",
    "debt_cases": "id user_id creditor currency outcome status state_request_at closed_at",
    "payments": "id user_id case_id amount currency paid_at",
    "contact_attempts": "id user_id case_id direction at answered",
    "call_recordings": "id attempt_id duration recorded_at",
    "messages_out": "id user_id channel delivered sent_at",
    "access_log": "id user_id accessed_at",
    "third_party_transfers": "id user_id recipient sent_at",
    "audit_log": "id table_name row_id at",
}
LINK = {"complaints": "iin", "payments": "payer_iin"}  # columns that lead to users.iin
COPY = {**LINK, "debt_cases": "iin"}  # and those that only repeat it
FILES = {
    "scanned_documents": ("scans", ("file_path", "thumbnail_path")),
    "call_recordings": ("recordings", ("file",)),
}


def differences(before: Picture, after: Picture, fates: Fates) -> list[str]:
    """Everything in which the night differs from the fates."""
    found = []
    for place, old in before.items():
        line = fates.get(place)
        word = line.word if line else "untouched"
        found += [
            f"{place[0]} {place[1]} of {line.person if line else 'somebody unnamed'} should be "
            f"{line.fate if line else 'untouched'} (case {line.case if line else '-'}): {what}"
            for what in _wrong(place, word, old, after, before)
        ]
    return found + [f"{p[0]} {p[1]} appeared" for p in after if p not in before and not _audited(p, after)]


def _wrong(place: tuple[str, int], word: str, old: dict[str, str | None], after: Picture, before: Picture) -> list[str]:
    new = after.get(place)
    if word == "deleted":
        return [] if new is None else ["it is still there"]
    if new is None:
        return ["it is gone"]
    table = place[0]
    may_change: set[str] = set()
    if word == "depersonalised":
        may_change = old.keys() - set(STAYS[table].split())
    if word == "followed":
        may_change = {LINK[table]}
    found = [f"{c} changed" for c in old if c not in may_change and new[c] != old[c]]
    found += [f"{c} did not change" for c in sorted(may_change) if new[c] is not None and new[c] == old[c]]
    if table in COPY and COPY[table] in may_change:
        found += _parted(old[COPY[table]], new[COPY[table]], before, after)
    return found


def _parted(old: str | None, new: str | None, before: Picture, after: Picture) -> list[str]:
    """A copied IIN and the users row that had it must go on having the same value."""
    now = {
        after[place]["iin"]
        for place, row in before.items()
        if place[0] == "users" and row["iin"] == old and old is not None
    }
    return [] if not now or new in now else ["it no longer leads to its person"]


def _audited(place: tuple[str, int], after: Picture) -> bool:
    """Whether a new row is one that the operator's trigger wrote during the night, with nothing personal left in it."""
    row = after[place]
    return place[0] == "audit_log" and row["old"] is None and row["new"] is None


def lay_out_files(folder: Path, rows: list[Row]) -> None:
    """A file for every path that a row names."""
    for root, path in _named({(r.table, r.key): {c: str(v) for c, v in r.values.items() if v} for r in rows}):
        target = folder / "files" / root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"an invented file")


def files_on_disk(folder: Path) -> set[tuple[str, str]]:
    """(root, path) of every file of the operator."""
    roots = {root: folder / "files" / root for root, _ in FILES.values()}
    return {(r, str(f.relative_to(base))) for r, base in roots.items() for f in base.rglob("*") if f.is_file()}


def files_that_stay(before: Picture, fates: Fates) -> set[tuple[str, str]]:
    """The files of rows that are not acted on."""
    acted_on = {p for p, f in fates.items() if f.word in ("deleted", "depersonalised")}
    return _named({p: row for p, row in before.items() if p not in acted_on})


def _named(rows: Mapping[tuple[str, int], Mapping[str, str | None]]) -> set[tuple[str, str]]:
    found = set()
    for (table, _), row in rows.items():
        root, columns = FILES.get(table, ("", ()))
        found |= {(root, path.removeprefix("text:").strip("'")) for c in columns if (path := row.get(c))}
    return found
