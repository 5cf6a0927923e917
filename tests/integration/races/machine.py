"""The state machine: people come, act, are held and forgotten, while nights pass, die and begin again."""

import itertools
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.integration.races.nights import Nights
from tests.integration.races.variants import Variant
from tests.integration.small_operator import NOW, Operator, operator_on

AGO = st.sampled_from([1, 400, 1200, 1300, 1700, 2200])  # days; the terms are three, four and five years
PLACE = st.integers(0, 9)
VARIANTS = [Variant(*flags) for flags in itertools.product((True, False), repeat=4)]
BEFORE_A_NIGHT = 2  # things that happen at least, since nights are what takes long here


class Operations(RuleBasedStateMachine):
    """One operator from the first day on. Subclasses name the database."""

    dialect = "sqlite"

    @initialize(variant=st.sampled_from(VARIANTS))
    def begin(self, variant: Variant) -> None:
        self.variant = variant
        self.folder = tempfile.TemporaryDirectory()
        self.now, self.numbers = NOW, itertools.count(1)
        self.written: set[str] = set()
        self.late: set[tuple[str, int]] = set()
        self.happened, self.settled = 0, False
        made = operator_on(self.dialect, Path(self.folder.name), self.variant.schema(), self.variant.policy())
        self.opened: Iterator[Operator] = made
        self.operator = next(made)
        self.operator.accustom()
        self.nights = Nights(self.operator, self.variant)
        for days in (2200, 1700, 1300, 1, None):
            self.comes(days)

    def teardown(self) -> None:
        if hasattr(self, "opened"):
            next(self.opened, None)
            self.folder.cleanup()

    def write(self, statement: str) -> None:
        """The application writes."""
        self.operator.sql(statement)
        self.moves()

    def moves(self) -> None:
        """Something is not as it was at the last night."""
        self.happened, self.settled = self.happened + 1, False

    def insert(self, table: str, **values: object) -> int:
        """A new row; its number."""
        number = next(self.numbers)
        row: dict[str, Any] = {"id": number, **({"org": 7} if "org" in self.variant.columns(table) else {}), **values}
        words = ["NULL" if v is None else f"'{v}'" if isinstance(v, str) else str(v) for v in row.values()]
        self.write(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(words)})")
        return number

    def ago(self, days: int) -> str:
        """A moment so many days before now."""
        return (self.now - timedelta(days=days)).strftime("%Y-%m-%d 10:00:00")

    def people(self) -> list[dict[str, Any]]:
        """The people there are."""
        return [row for (table, _), row in self.nights.world().items() if table == "people"]

    def somebody(self, place: int) -> dict[str, Any]:
        """One of the people."""
        people = self.people()
        return people[place % len(people)]

    def comes(self, days: int | None) -> None:
        """A new person, with a row of each kind."""
        iin = f"8101013{next(self.numbers):05d}"
        self.written.add(iin)
        person = self.insert("people", iin=iin, name="A name", seen_at=None if days is None else self.ago(days))
        self.insert("letters", person_id=person, note="n")
        if self.variant.children:
            visit = self.insert("visits", person_id=person, came_at=self.ago(2300), note="n")
            self.insert("remarks", visit_id=visit, note="n")

    @rule(days=st.none() | AGO)
    def a_person_comes(self, days: int | None) -> None:
        self.comes(days)

    @precondition(lambda self: self.people())
    @rule(place=PLACE, days=AGO)
    def a_twin_comes(self, place: int, days: int) -> None:
        self.insert("people", iin=self.somebody(place)["iin"], name="A twin", seen_at=self.ago(days))

    @precondition(lambda self: self.people())
    @rule(place=PLACE, days=AGO)
    def a_login(self, place: int, days: int) -> None:
        self.write(f"UPDATE people SET seen_at = '{self.ago(days)}' WHERE id = {self.somebody(place)['id']}")

    @precondition(lambda self: self.people())
    @rule(place=PLACE, days=AGO, by_key=st.booleans())
    def a_payment(self, place: int, days: int, by_key: bool) -> None:
        person = self.somebody(place)
        whose = {"person_id": int(person["id"])} if by_key else {"payer_iin": person["iin"]}
        self.insert("payments", paid_at=self.ago(days), note="n", **whose)

    @precondition(lambda self: self.people())
    @rule(place=PLACE, other=PLACE, days=AGO)
    def one_pays_for_another(self, place: int, other: int, days: int) -> None:
        payer, debtor = self.somebody(place), self.somebody(other)
        self.insert("payments", paid_at=self.ago(days), note="n", person_id=int(debtor["id"]), payer_iin=payer["iin"])

    @precondition(lambda self: self.people())
    @rule(place=PLACE, by_key=st.booleans(), is_open=st.booleans())
    def a_complaint(self, place: int, by_key: bool, is_open: bool) -> None:
        person = self.somebody(place)
        whose = {"person_id": int(person["id"])} if by_key else {"iin": person["iin"]}
        self.insert("complaints", closed_on=None if is_open else self.ago(1), **whose)

    @rule(is_open=st.booleans())
    def all_complaints(self, is_open: bool) -> None:
        self.write(f"UPDATE complaints SET closed_on = {'NULL' if is_open else repr(self.ago(1))}")

    @precondition(lambda self: self.people())
    @rule(place=PLACE)
    def a_hold(self, place: int) -> None:
        self.operator.hold("person", "people", self.variant.key(int(self.somebody(place)["id"])))
        self.moves()

    @rule()
    def all_holds_are_released(self) -> None:
        self.operator.release()
        self.moves()

    @precondition(lambda self: self.people())
    @rule(place=PLACE, blocked=st.booleans())
    def a_block(self, place: int, blocked: bool) -> None:
        moment = repr(self.ago(1)) if blocked else "NULL"
        self.write(f"UPDATE people SET blocked_at = {moment} WHERE id = {self.somebody(place)['id']}")

    @precondition(lambda self: self.people())
    @rule(place=PLACE, days=AGO)
    def a_child_row(self, place: int, days: int) -> None:
        person = int(self.somebody(place)["id"])
        late = person in self.nights.clocks
        made = {("letters", self.insert("letters", person_id=person, note="n"))}
        if self.variant.children:
            visit = self.insert("visits", person_id=person, came_at=self.ago(days), note="n")
            made |= {("visits", visit), ("remarks", self.insert("remarks", visit_id=visit, note="n"))}
        self.late |= made if late else set()

    @precondition(lambda self: self.people())
    @rule(place=PLACE)
    def a_name_is_changed(self, place: int) -> None:
        self.write(f"UPDATE people SET name = 'Another' WHERE id = {self.somebody(place)['id']}")

    @rule(table=st.sampled_from(["remarks", "letters", "payments", "complaints"]), place=PLACE)
    def a_row_is_deleted(self, table: str, place: int) -> None:
        keys = sorted(k for t, k in self.nights.world() if t == table)
        if keys:
            self.write(f"DELETE FROM {table} WHERE id = {keys[place % len(keys)]}")

    @rule(days=st.sampled_from([30, 300, 500]))
    def time_passes(self, days: int) -> None:
        self.now += timedelta(days=days)
        self.moves()

    @precondition(lambda self: self.happened >= BEFORE_A_NIGHT)
    @rule()
    def a_night(self) -> None:
        before = self.nights.promises(self.now)
        outcome = self.nights.whole(self.now)
        assert outcome is not None
        assert outcome.state == "done", outcome.reason
        undone = self.nights.promises(self.now)
        problems = before.left_undone(undone.world, self.written, self.late)
        assert not problems, problems
        self.nights.check_stones()
        self.happened, self.settled = 0, True

    @precondition(lambda self: self.happened >= BEFORE_A_NIGHT)
    @rule(statement=st.integers(100, 700))
    def a_night_dies(self, statement: int) -> None:
        self.nights.whole(self.now, dies_at=statement)

    @precondition(lambda self: self.happened >= BEFORE_A_NIGHT)
    @rule(people=st.integers(0, 2))
    def a_night_with_a_quota(self, people: int) -> None:
        self._policy(self.variant.policy(people))
        joins = any(run["state"] == "open" for run in self.operator.ledger("run"))
        outcome = self.nights.whole(self.now)
        assert outcome is not None
        assert joins or outcome.progress.units == 0 or people > 0  # zero means zero
        self._policy(self.variant.policy())

    def _policy(self, text: str) -> None:
        self.operator.policy_text = text
        (self.operator.folder / "policy.yaml").write_text(text)
        self.operator.accustom()

    @precondition(lambda self: self.settled)
    @rule()
    def another_night_changes_nothing(self) -> None:
        before = self.nights.world()
        outcome = self.nights.whole(self.now)
        assert outcome is not None
        assert outcome.progress.units == 0
        assert self.nights.world() == before
        self.settled = False

    @rule(place=PLACE)
    def a_segment_is_restored(self, place: int) -> None:
        self.nights.restore(place)
        self.moves()
