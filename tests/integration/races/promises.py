"""The promises as a small model: who may be touched at a moment, and who must have been, from nothing but the rows."""

from dataclasses import dataclass, field
from datetime import date

from tests.integration.races.circle import Row, World
from tests.integration.races.variants import Variant

DUE, KEPT, HELD, UNDECIDED = "due", "kept", "held", "undecided"
FLOOR, LETTERS, PAYMENTS = 3, 4, 5
PERSONS_OWN = {"visits": "person_id", "letters": "person_id", "payments": "person_id", "complaints": "person_id"}
BY_IIN = {"payments": "payer_iin", "complaints": "iin"}


def ended(event: str, years: int, today: date) -> bool:
    """Whether so many years from an event are over."""
    day = date.fromisoformat(event[:10])
    return day.replace(year=day.year + years) < today


@dataclass
class Promises:
    """What the operator's rows are at a moment, and what else bears on them. `clocks`: events that nights deleted."""

    variant: Variant
    world: World
    today: date
    held_people: set[int]
    held_rows: set[tuple[str, int]]
    clocks: dict[int, str] = field(default_factory=dict)

    def of(self, table: str) -> dict[int, Row]:
        """The rows of a table."""
        return {key: row for (t, key), row in self.world.items() if t == table}

    def kin(self, person: int) -> set[int]:
        """A person's own row and the others with the same IIN."""
        people = self.of("people")
        iin = people[person]["iin"]
        return {person} | ({k for k, row in people.items() if row["iin"] == iin} if iin else set())

    def owners(self, table: str, key: int) -> set[int]:
        """The people to whom a row leads."""
        row, people = self.world[table, key], self.of("people")
        if table == "people":
            return {key}
        if table == "remarks":
            return self.owners("visits", int(row["visit_id"] or 0))
        found = {int(row["person_id"])} if row["person_id"] else set()
        if self.variant.links and table in BY_IIN and row[BY_IIN[table]]:
            found |= {k for k, p in people.items() if p["iin"] == row[BY_IIN[table]]}
        return found

    def events(self, person: int) -> list[str]:
        """Everything that says when the person was there."""
        kin = self.kin(person)
        found = [self.clocks[k] for k in kin if k in self.clocks]
        for table, column in (("people", "seen_at"), ("visits", "came_at"), ("payments", "paid_at")):
            for key, row in self.of(table).items():
                event = row[column]
                if event is not None and kin & self.owners(table, key):
                    found.append(event)
        return found

    def verdict(self, person: int, years: int = FLOOR) -> str:
        """Whether a person may be touched."""
        events, kin = self.events(person), self.kin(person)
        if any(not ended(e, max(years, FLOOR), self.today) for e in events):
            return KEPT
        complaints = [k for k, row in self.of("complaints").items() if row["closed_on"] is None]
        if (
            kin & self.held_people
            or any(self.world["people", k]["blocked_at"] for k in kin)
            or any(kin & self.owners("complaints", k) for k in complaints)
        ):
            return HELD
        return DUE if events else UNDECIDED

    def untouchable(self) -> set[tuple[str, int]]:
        """Rows that no night may change: held themselves, or somebody's who is not due."""
        verdicts = {person: self.verdict(person) for person in self.of("people")}
        found = {place for place in self.world if place in self.held_rows}
        for table, key in self.world:
            if any(verdicts[p] != DUE for p in self.owners(table, key)):
                found.add((table, key))
        return found

    def left_undone(self, after: World, written: set[str], late: set[tuple[str, int]]) -> list[str]:
        """What a whole night should have done and has not. `written`: every IIN that the application ever wrote.
        `late`: rows that came when their person was done already, and that say nothing newer of them."""
        spared = self.untouchable() | late
        places = [p for p in self.world if p not in spared and p in after]
        return [f"{t} {k} is due and was left" for t, k in places if self._is_undone(t, k, after[t, k], written)]

    def _is_undone(self, table: str, key: int, now: Row, written: set[str]) -> bool:
        owners = self.owners(table, key)
        match table:
            case "people":
                return now["name"] != "" or now["iin"] in written
            case "letters":
                return all(self.verdict(p, LETTERS) == DUE for p in owners)
            case "complaints":
                return bool(owners) and now["iin"] in written
            case "payments":
                kept = now["note"] is not None or now["payer_iin"] in written
                return kept and self._payment_is_due(self.world[table, key], owners)
        return True

    def _payment_is_due(self, row: Row, owners: set[int]) -> bool:
        if self.variant.by_rows:
            return row["paid_at"] is not None and ended(row["paid_at"], PAYMENTS, self.today)
        return bool(owners) and all(self.verdict(p, PAYMENTS) == DUE for p in owners)
