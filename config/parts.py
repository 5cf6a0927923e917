"""The parts of a policy, from nodes to the model: here the short forms are spelled out."""

from datetime import time

from config.answers import CANCEL_WINDOW, AnswerTerm, Erasure, Requests, cancel_window
from config.catalogue import text
from config.names import table_name
from config.policy import (
    SANE_FROM,
    Brake,
    ColumnRef,
    Floor,
    Hold,
    Link,
    Policy,
    Quota,
    Review,
    StoredIn,
    Subject,
    Trigger,
    Window,
)
from config.reading import NO_COLUMN, calendar_date, clock_time, name_without_slash, time_zone
from config.stages import StageReading
from config.yaml_text import Items, Node


class PolicyReading(StageReading):
    """Reads the whole policy; see `Reading` for what happens to what is wrong."""

    def policy(self, node: Node) -> Policy:
        """The policy, with stand-ins wherever `problems` says so."""
        top = self.entries(node, "policy")
        stored_default, stored_in = self._stored_in(top.get("stored in"))
        return Policy(
            name=self.parsed(top.get("policy"), name_without_slash, ""),
            operator=self.text(top.get("operator")),
            timezone=self.parsed(top.get("timezone"), time_zone, "UTC"),
            floor=self._floor(top.get("floor")),
            subject=self._subject(top.get("subject")),
            identifiers=self._identifiers(top.get("identifiers")),
            links=tuple(self._link(link) for link in self.items(top.get("links"))),
            clock=tuple(self.event(event) for event in self.items(top.get("clock"), least=1)),
            sane_from=self.parsed(top.get("sane from"), calendar_date, SANE_FROM),
            stored_default=stored_default,
            stored_in=stored_in,
            holds={name: self._hold(name, hold) for name, hold in self.named(top.get("holds")).items()},
            stages=self.stages(top.get("stages")),
            ignore={table_name(t): self.text(reason) for t, reason in self.named(top.get("ignore")).items()},
            triggers={name: self._trigger(each) for name, each in self.named(top.get("triggers")).items()},
            quota=self._quota(top.get("quota")),
            brake=self._brake(top.get("brake")),
            window=self._window(top.get("window")),
            erasure=self._erasure(top.get("erasure")),
            requests=self._requests(top.get("requests")),
            allow=self.texts(top.get("allow")),
            recipients=self.texts(top.get("recipients")),
            review=self._review(top.get("review")),
        )

    def _floor(self, node: Node | None) -> Floor:
        floor = self.entries(node, "floor")
        return Floor(term=self.term(floor.get("term")), basis=self.text(floor.get("basis")))

    def _subject(self, node: Node | None) -> Subject:
        subject = self.entries(node, "subject")
        return Subject(
            table=self.table(subject.get("table")),
            key=self.names(subject.get("key")),
            same_person=self.optional_text(subject.get("same person")),
            blocked=self.optional_text(subject.get("blocked")),
        )

    def _identifiers(self, node: Node | None) -> dict[str, tuple[tuple[ColumnRef, ...], ...]]:
        return {
            name: tuple(self._together(place) for place in self.items(places, least=1))
            for name, places in self.named(node).items()
        }

    def _together(self, node: Node) -> tuple[ColumnRef, ...]:
        """One column, or a list of columns that only together identify (last name, first name, middle name)."""
        nodes = self.items(node, least=1) if isinstance(node, Items) else [node]
        return tuple(self.column(column) for column in nodes)

    def _link(self, node: Node) -> Link:
        link = self.entries(node, "link")
        return Link(
            source=self.column(link.get("from")),
            target=self.column(link.get("to")),
            where=self.optional_text(link.get("where")),
            delays_only=self.word(link.get("only"), "delays"),
        )

    def _stored_in(self, node: Node | None) -> tuple[StoredIn, dict[str, StoredIn]]:
        default: StoredIn = "UTC"
        columns: dict[str, StoredIn] = {}
        for name, value in self.named(node).items():
            if name == "default":
                default = self.parsed(value, _stored, "UTC")
            elif "." in name:
                column = self.checked(value.path, name, ColumnRef.parse, NO_COLUMN)
                columns[str(column)] = self.parsed(value, _stored, "UTC")
            else:
                self.problem(value.path, text("policy_value.stored_where", name=name))
        return default, columns

    def _hold(self, name: str, node: Node) -> Hold:
        hold = self.entries(node, "hold")
        return Hold(
            name=name,
            exists=self.table(hold.get("exists")),
            where=self.optional_text(hold.get("where")),
            basis=self.text(hold.get("basis")),
        )

    def _trigger(self, node: Node) -> Trigger:
        writes = self.names(self.entries(node, "trigger").get("writes"))
        return Trigger(writes=tuple(table_name(table) for table in writes))

    def _quota(self, node: Node | None) -> Quota:
        quota = self.entries(node, "quota")
        return Quota(people_per_night=self.limit(quota.get("people_per_night")))

    def _brake(self, node: Node | None) -> Brake:
        brake = self.entries(node, "brake")
        return Brake(
            rows_per_night=self.limit(brake.get("rows_per_night")),
            percent_of_table=self.limit(brake.get("percent_of_table"), most=100),
            times_recent_nights=self.limit(brake.get("times_recent_nights")),
        )

    def _review(self, node: Node | None) -> Review:
        holds = self.entries(node, "review").get("holds")
        return Review(holds=None if holds is None else self.term(holds))

    def _window(self, node: Node | None) -> Window | None:
        if node is None:
            return None
        window = self.entries(node, "window")
        start = self.parsed(window.get("start"), clock_time, time(0))
        end = self.parsed(window.get("end"), clock_time, time(1))
        if start == end:
            self.problem(node.path, text("policy_value.window", time=f"{start:%H:%M}"))
        return Window(start=start, end=end)

    def _erasure(self, node: Node | None) -> Erasure:
        if node is None:
            return Erasure()
        return Erasure(bases=self.texts(self.entries(node, "erasure").get("bases"), least=1))

    def _requests(self, node: Node | None) -> Requests:
        requests = {} if node is None else self.entries(node, "requests")
        window = requests.get("cancel window")
        return Requests(
            cancel_window=CANCEL_WINDOW if window is None else self.parsed(window, cancel_window, CANCEL_WINDOW),
            erasure=self._answer(requests.get("erasure")),
            complaint=self._answer(requests.get("complaint")),
            block=self._answer(requests.get("block")),
        )

    def _answer(self, node: Node | None) -> AnswerTerm | None:
        if node is None:
            return None
        answer = self.entries(node, "answer")
        term = self.parsed(answer.get("term"), AnswerTerm.parse, AnswerTerm(count=0))
        return term.model_copy(update={"basis": self.text(answer.get("basis"))})


def _stored(written: str) -> StoredIn:
    if written == "UTC":
        return "UTC"
    if written == "local":
        return "local"
    raise ValueError(text("policy_value.stored", text=written))
