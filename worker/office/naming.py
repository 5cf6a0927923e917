"""Whom a request is about: keys by table, of people every row of theirs; found by key, or by what somebody gave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from config.catalogue import text
from config.policy import Policy
from config.problems import did_you_mean
from worker.office.holding import existing_key
from worker.office.kin import owners, with_twins
from worker.office.searching import Place, Wanted, find_places
from worker.pipeline.planning import scene_of
from worker.pipeline.tools import Refused, Tools
from worker.plan.keys import Key
from worker.plan.scene import Scene


@dataclass(frozen=True)
class Named:
    """The rows that a request is about, and what has to be said of them, as sentences."""

    subjects: Mapping[str, Sequence[Key]]
    notes: Sequence[str] = ()


def scene_for_naming(connection: sa.Connection, tools: Tools, policy: Policy) -> Scene:
    """Everything that leads to people and holds identifiers, at this moment."""
    stages = [table for stage in policy.stages.values() for table in stage.tables]
    columns = [c.table for kind in policy.identifiers.values() for together in kind for c in together]
    schema = tools.database.schema(connection, [policy.subject.table, *stages, *columns])
    return scene_of(policy, schema, tools.ledger, datetime.now(UTC))


def written(key: Key) -> str:
    """A key as people write it; the parts of a composite one with commas."""
    return ",".join(map(str, key))


def label(place: Place, scene: Scene) -> str:
    """How a place is chosen: a person by a key, a row by its table and key."""
    return written(place.keys[0]) if place.table == scene.subject else f"{place.table}:{written(place.keys[0])}"


def named_by_keys(connection: sa.Connection, scene: Scene, table: str | None, keys: Sequence[str]) -> Named:
    """The people with these keys, or the rows of a table. Raises Refused for a table or key that is not there."""
    name = table or scene.subject
    facts = scene.schema.tables.get(name)
    if facts is None:
        raise Refused(text("refuses.no_table", table=name, advice=did_you_mean(name, scene.schema.tables)))
    found = list(dict.fromkeys(existing_key(connection, facts, key) for key in keys))
    if name == scene.subject:
        return together(scene, [Place(name, twins, ()) for twins in with_twins(connection, scene, found).values()])
    leading = owners(connection, scene, name, found)
    return together(scene, [Place(name, (k,), (), tuple(sorted(leading.get(k, ())))) for k in found])


def places_of(connection: sa.Connection, scene: Scene, wanted: Wanted) -> list[Place]:
    """Everybody whom an identifier may mean. Raises Refused when it is nobody's."""
    (places,) = find_places(connection, scene, [wanted])
    if not places:
        raise Refused(text("naming.nobody_doubtful" if wanted.doubtful_iin else "naming.nobody"))
    return places


def choose(scene: Scene, places: Sequence[Place], labels: Sequence[str]) -> list[Place]:
    """Those of the places that the labels name. Raises Refused for a label that names none."""
    by_label = {label(place, scene): place for place in places}
    by_label |= {written(key): place for place in places if place.table == scene.subject for key in place.keys}
    unknown = [given for given in labels if given not in by_label]
    if unknown:
        raise Refused(text("naming.no_such_choice", given=", ".join(unknown), known=", ".join(by_label)))
    return list(dict.fromkeys(by_label[given] for given in labels))


def together(scene: Scene, places: Sequence[Place]) -> Named:
    """One request about all of these, with what is to be said of them."""
    subjects: dict[str, dict[Key, None]] = {}
    notes: dict[str, None] = {}
    for place in places:
        subjects.setdefault(place.table, {}).update(dict.fromkeys(place.keys))
        if len(place.keys) > 1:
            notes[text("naming.twins", n=len(place.keys), keys="; ".join(map(written, place.keys)))] = None
        if place.leads_to:
            people = "; ".join(map(written, place.leads_to))
            notes[text("naming.leads_to", row=label(place, scene), people=people)] = None
    return Named({table: list(keys) for table, keys in subjects.items()}, list(notes))
