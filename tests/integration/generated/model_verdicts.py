"""The model's verdicts on people and rows (DESIGN, promises 4 to 7), looked at one by one."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.integration.generated.case import Case, Event, Key, Row, Stage, Term, Value
from tests.integration.generated.model_links import Ways, World, protects, reached, selects

ALMATY = ZoneInfo("Asia/Almaty")
SANE_FROM = date(1991, 1, 1)
DUE, KEPT, HELD, UNDECIDED = "due", "kept", "held", "quarantined"


def ended(term: Term, day: date, today: date) -> bool:
    """Whether a term that began on a day is over: from the day after its last one."""
    start = date(day.year, 12, 31) if term.after_year else day
    try:
        last = start.replace(year=start.year + term.years)
    except ValueError:  # 29 February
        last = date(start.year + term.years, 3, 1)
    return last < today


class Verdicts:
    """What may be touched in a world at the case's moment. `memory`: what the ledger knows of people's clocks."""

    def __init__(self, case: Case, ways: Ways, world: World, memory: dict[Key, list[datetime]], now: datetime) -> None:
        self.case, self.ways, self.world, self.memory = case, ways, world, memory
        self.today = now.astimezone(ALMATY).date()
        self.subject = case.subject.name

    def moment(self, event: Event, value: Value) -> datetime | None:
        """The moment in UTC; None for one that cannot be true."""
        try:
            found = datetime.fromisoformat(str(value) if str(value)[4:5] == "-" else "")
        except ValueError:
            return None
        if not 2 < found.year < 9998:
            return None  # further than a zone can be reckoned with
        is_day = self.case.tables[event.table].column(event.column).kind == "day"
        if (event.table, event.column) in self.case.local and not is_day:
            found = found.replace(tzinfo=ALMATY).astimezone(UTC)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        return found if SANE_FROM <= self.day(found) <= self.today + timedelta(days=1) else None

    def day(self, moment: datetime) -> date:
        """The operator's local day; of a date without a time, that date."""
        return moment.astimezone(ALMATY).date()

    def over(self, moment: datetime, terms: Iterable[Term]) -> bool:
        """Whether all terms from a moment are over."""
        return all(ended(t, self.day(moment), self.today) for t in terms)

    def people_of(self, table: str, key: Key, row: Row, only_finding: bool = False) -> set[Key]:
        """Everybody whom a row belongs to; or of those, whom a stage by people may find it by."""
        if table == self.subject and not only_finding:
            return {key}
        return self.units_of(table, key, row, self.subject, only_finding)

    def units_of(self, table: str, key: Key, row: Row, unit: str, finding: bool) -> set[Key]:
        """Rows of another table that a row leads to."""
        found: set[Key] = set()
        for path in self.ways.paths(table, unit):
            if not (finding and any(link.delays for link in path)):
                found |= reached(path, key, row, self.world, finding)
        return found

    def same_person(self, person: Key) -> set[Key]:
        """A person's own row and the others of the same person."""
        column = self.case.same_person
        value = self.world[self.subject][person][column] if column else None
        if column is None or value in (None, ""):
            return {person}
        return {k for k, r in self.world[self.subject].items() if r[column] == value}

    def events(self, person: Key) -> list[datetime | None]:
        """All moments of the clock that anything of the same person says, None for each that cannot be true."""
        kin = self.same_person(person)
        found: list[datetime | None] = [m for k in kin for m in self.memory.get(k, [])]
        for event in self.case.clock:
            for key, row in self.world[event.table].items():
                begun = row[event.column] is not None and protects(event.where, row)
                if begun and kin & self.people_of(event.table, key, row):
                    found.append(self.moment(event, row[event.column]))
        return found

    def is_held(self, person: Key) -> bool:
        """Blocked, held by hand, or by a condition of the policy."""
        kin, case = self.same_person(person), self.case
        if case.blocked and any(self.world[self.subject][k][case.blocked] is not None for k in kin):
            return True
        if any(h.scope == "person" and h.key in kin for h in case.hand):
            return True
        return any(
            protects(hold.where, row) and kin & self.people_of(hold.exists, key, row)
            for hold in case.holds
            for key, row in self.world[hold.exists].items()
        )

    def person(self, person: Key, terms: Iterable[Term]) -> str:
        """The verdict on a person."""
        events = self.events(person)
        if any(m is not None and not self.over(m, terms) for m in events):
            return KEPT
        if self.is_held(person):
            return HELD
        return DUE if events and None not in events else UNDECIDED

    def row_is_held(self, table: str, key: Key, row: Row) -> bool:
        """Held itself: by hand, or by a condition that it meets, or that a row meets which it leads to."""
        for hand in self.case.hand:
            if hand.table == table and (hand.scope == "table" or (hand.scope == "row" and hand.key == key)):
                return True
        for hold in self.case.holds:
            if hold.where is None or hold.exists == self.subject:
                continue
            for at in self.units_of(table, key, row, hold.exists, finding=False):
                if protects(hold.where, self.world[hold.exists][at]):
                    return True
        return False

    def terms(self, stage: Stage) -> list[Term]:
        """What must be over for the people of a stage's rows."""
        return [self.case.floor, *([stage.term] if stage.event is None or stage.subject else [])]

    def unit(self, stage: Stage, key: Key) -> str | None:
        """The verdict on a unit of a stage; None: the stage is not about it."""
        if stage.event is None:
            return self.person(key, self.terms(stage))
        event, row = stage.event, self.world[stage.event.table][key]
        rule = stage.rule(event.table)
        if len(stage.rules) == 1 and rule is not None and not selects(rule.where, row):
            return None
        states = [self.own(stage, event, row), HELD if self.row_is_held(event.table, key, row) else DUE]
        states += [self.person(p, self.terms(stage)) for p in self.people_of(event.table, key, row)]
        return next(state for state in (KEPT, HELD, UNDECIDED, DUE) if state in states)

    def own(self, stage: Stage, event: Event, row: Row) -> str:
        """The verdict of a row's own event."""
        if row[event.column] is None or not protects(event.where, row):
            return KEPT
        moment = self.moment(event, row[event.column])
        if moment is None:
            return UNDECIDED
        return DUE if self.over(moment, [stage.term]) else KEPT
