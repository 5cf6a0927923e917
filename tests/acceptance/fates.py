"""Reading fates.csv and kept.csv: written by hand, nothing worked out beyond "until the row's next line"."""

import csv
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Fate:
    """What has become of one row after a night at `now`."""

    case: str
    person: str
    table: str
    key: int
    now: str
    fate: str

    @property
    def place(self) -> tuple[str, int]:
        """The row."""
        return self.table, self.key

    @property
    def moment(self) -> datetime:
        """`now` as a moment."""
        return datetime.fromisoformat(self.now)

    @property
    def word(self) -> str:
        """untouched (also for held and quarantined rows), deleted, depersonalised or followed."""
        return self.fate if self.fate in ("deleted", "depersonalised", "followed") else "untouched"


def _lines(name: str) -> list[dict[str, str]]:
    text = (HERE / name).read_text("utf-8").splitlines()
    return list(csv.DictReader(line for line in text if line and not line.startswith("#")))


FATES = [Fate(r["case"], r["person"], r["table"], int(r["key"]), r["now"], r["fate"]) for r in _lines("fates.csv")]
NIGHTS = sorted({f.now for f in FATES}, key=datetime.fromisoformat)
KEPT = {(r["person"], r["table"], r["column"]) for r in _lines("kept.csv")}


def fates_at(now: str) -> dict[tuple[str, int], Fate]:
    """Row → the line that holds at `now`."""
    moment = datetime.fromisoformat(now)
    return {f.place: f for f in sorted(FATES, key=lambda f: f.moment) if f.moment <= moment}
