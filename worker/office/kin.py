"""Rows that are one person, for many people at once."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from worker.plan.key_lists import bare, key_in
from worker.plan.keys import Key
from worker.plan.scene import Scene

AT_ONCE = 500


def portions(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    """The keys in portions that one statement takes."""
    for start in range(0, len(keys), AT_ONCE):
        yield keys[start : start + AT_ONCE]


def with_twins(connection: sa.Connection, scene: Scene, keys: Sequence[Key]) -> dict[Key, tuple[Key, ...]]:
    """For each of these people all rows of the same person, their own among them, in key order."""
    found: dict[Key, set[Key]] = {key: {key} for key in keys}
    same = scene.policy.subject.same_person
    if same is not None:
        one, other = scene.links.alias(scene.subject), scene.links.alias(scene.subject)
        left, right = scene.key(scene.subject, one), scene.key(scene.subject, other)
        tests = [one.c[same] == other.c[same]]
        if isinstance(one.c[same].type, sa.String):  # an empty text joins nobody
            tests.append(one.c[same] != "")
        for portion in portions(keys):
            query = sa.select(*left, *right).where(key_in(left, bare(portion)), *tests)
            for row in connection.execute(query):
                found[tuple(row[: len(left)])].add(tuple(row[len(left) :]))
    return {key: tuple(sorted(twins)) for key, twins in found.items()}


def owners(connection: sa.Connection, scene: Scene, table: str, keys: Sequence[Key]) -> dict[Key, set[Key]]:
    """Whom rows of a table lead to, over any link; rows that lead to nobody are not in it."""
    found: dict[Key, set[Key]] = {}
    for path in scene.links.to_people(table):
        if not path.steps:
            continue
        row, person = scene.links.source(path), scene.links.alias(scene.subject)
        joined = scene.links.chain(path, row, person)
        columns = scene.key(table, row)
        for portion in portions(keys):
            query = sa.select(*columns, *scene.key(scene.subject, person)).select_from(joined)
            for pair in connection.execute(query.where(key_in(columns, bare(portion)))):
                found.setdefault(tuple(pair[: len(columns)]), set()).add(tuple(pair[len(columns) :]))
    return found
