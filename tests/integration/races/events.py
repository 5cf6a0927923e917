"""What the application does beside the night, and which rows must be left as they are from then on."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.integration.races.application import Application
from tests.integration.races.circle import Circle, World
from tests.integration.small_operator import LATELY, LONG_AGO

Keys = set[tuple[str, int]]


def nothing(circle: Circle, world: World) -> Keys:
    """No row is to be spared."""
    return set()


def whole(circle: Circle, world: World) -> Keys:
    """Everything of the person, whatever happened before."""
    return set(world)


def if_leads(table: str, place: int) -> Callable[[Circle, World], Keys]:
    """Everything of the person, if the row leads to Anna by IIN as both stand now."""
    column = "payer_iin" if table == "payments" else "iin"

    def leads(circle: Circle, world: World) -> Keys:
        row = world[table, circle.anna * 10 + place]
        return set(world) if row[column] == world["people", circle.anna]["iin"] else set()

    return leads


def as_claras(circle: Circle, world: World) -> Keys:
    """A visit that is Clara's now, with what hangs on it."""
    return {k for k in (("visits", circle.anna * 10), ("remarks", circle.anna * 10)) if k in world}


def of_clara(circle: Circle, world: World) -> Keys:
    """Everything of the person, if Clara's row is one of hers."""
    same = world["people", circle.clara]["iin"] == world["people", circle.anna]["iin"]
    return set(world) if same else set()


@dataclass(frozen=True)
class Event:
    """Something that the application does. `protects` tells which rows stay untouched from now on, if it changed any
    row. `unlockable`: no lock of a slice can keep it out of the moment between the last look and COMMIT."""

    name: str
    act: Callable[[Application, Circle], int]
    protects: Callable[[Circle, World], Keys] = nothing
    unlockable: bool = False


def _sql(name: str, *statements: str, protects: Callable[[Circle, World], Keys] = nothing, free: bool = False) -> Event:
    """`{row}` is the first of Anna's rows in a table, `{more}` the second, `{new}` a number not yet used."""

    def act(application: Application, circle: Circle) -> int:
        row = circle.anna * 10
        places = {"row": row, "more": row + 1, "new": row + 5, "iin": circle.iin, "long_ago": LONG_AGO}
        people = {"anna": circle.anna, "twin": circle.twin, "clara": circle.clara, "lately": LATELY}
        return application.write(*(s.format(**places, **people) for s in statements))

    return Event(name, act, protects, free)


EVENTS = (
    Event("a hold is placed by hand", lambda application, circle: application.hold(circle.anna), whole),
    Event("the twin is held by hand", lambda application, circle: application.hold(circle.twin), whole),
    _sql(
        "a complaint is opened, by key",
        "INSERT INTO complaints VALUES ({new}, {anna}, NULL, NULL)",
        protects=whole,
    ),
    _sql(
        "a complaint is opened, by IIN",
        "INSERT INTO complaints VALUES ({new}, NULL, '{iin}', NULL)",
        protects=if_leads("complaints", 5),
        free=True,
    ),
    _sql(
        "a complaint by key is opened again",
        "UPDATE complaints SET closed_on = NULL WHERE id = {row}",
        protects=whole,
        free=True,
    ),
    _sql(
        "a complaint by IIN is opened again",
        "UPDATE complaints SET closed_on = NULL WHERE id = {more}",
        protects=if_leads("complaints", 1),
        free=True,
    ),
    _sql(
        "the person is blocked",
        "UPDATE people SET blocked_at = '{lately}' WHERE id = {anna}",
        protects=whole,
    ),
    _sql("a login", "UPDATE people SET seen_at = '{lately}' WHERE id = {anna}", protects=whole),
    _sql("a login of the twin", "UPDATE people SET seen_at = '{lately}' WHERE id = {twin}", protects=whole),
    _sql(
        "somebody active turns out to be the same person",
        "UPDATE people SET iin = '{iin}' WHERE id = {clara}",
        protects=of_clara,
        free=True,
    ),
    _sql(
        "somebody with nothing but a login turns out to be the same person",
        "DELETE FROM remarks WHERE visit_id IN (SELECT id FROM visits WHERE person_id = {clara})",
        "DELETE FROM visits WHERE person_id = {clara}",
        "DELETE FROM payments WHERE person_id = {clara}",
        "UPDATE people SET iin = '{iin}' WHERE id = {clara}",
        protects=of_clara,
        free=True,
    ),
    _sql(
        "a payment by key",
        "INSERT INTO payments VALUES ({new}, {anna}, NULL, '{lately}', 'n')",
        protects=whole,
    ),
    _sql(
        "a payment by IIN",
        "INSERT INTO payments VALUES ({new}, NULL, '{iin}', '{lately}', 'n')",
        protects=if_leads("payments", 5),
        free=True,
    ),
    _sql(
        "a payment by key gets another date",
        "UPDATE payments SET paid_at = '{lately}' WHERE id = {row}",
        protects=whole,
        free=True,
    ),
    _sql(
        "a payment by IIN gets another date",
        "UPDATE payments SET paid_at = '{lately}' WHERE id = {more}",
        protects=if_leads("payments", 1),
        free=True,
    ),
    _sql("a visit gets another date", "UPDATE visits SET came_at = '{lately}' WHERE id = {row}", protects=whole),
    _sql("a new visit", "INSERT INTO visits VALUES ({new}, {anna}, '{lately}', 'new')", protects=whole),
    _sql("an old visit is entered", "INSERT INTO visits VALUES ({new}, {anna}, '{long_ago}', 'new')"),
    _sql("a visit is remarked on", "INSERT INTO remarks SELECT {new}, id, 'new' FROM visits WHERE id = {row}"),
    _sql("a new letter", "INSERT INTO letters VALUES ({new}, {anna}, 'new')"),
    _sql(
        "a visit turns out to be somebody else's",
        "UPDATE visits SET person_id = {clara} WHERE id = {row}",
        protects=as_claras,
    ),
    *(
        _sql(f"a row of {table} is changed", f"UPDATE {table} SET note = 'changed' WHERE id = {{row}}")
        for table in ("visits", "remarks", "letters", "payments")
    ),
    _sql("the name is changed", "UPDATE people SET name = 'Anne' WHERE id = {anna}"),
    *(
        _sql(f"a row of {table} is deleted", f"DELETE FROM {table} WHERE id = {{row}}")
        for table in ("remarks", "letters", "payments", "complaints")
    ),
    _sql("a visit is deleted", "DELETE FROM remarks WHERE visit_id = {row}", "DELETE FROM visits WHERE id = {row}"),
    _sql(
        "the person is deleted",
        "DELETE FROM remarks WHERE visit_id IN (SELECT id FROM visits WHERE person_id = {anna})",
        "DELETE FROM visits WHERE person_id = {anna}",
        "DELETE FROM letters WHERE person_id = {anna}",
        "DELETE FROM payments WHERE person_id = {anna}",
        "DELETE FROM complaints WHERE person_id = {anna}",
        "DELETE FROM people WHERE id = {anna}",
    ),
)
