"""Keys: each table that is touched has one, the ledger can write it down, and it is not personal (promise 9)."""

import re

from config.catalogue import text
from worker.ledger.errors import UnsupportedKey
from worker.ledger.keys import KeyCodec
from worker.plan.check_ground import Ground, quoted

# Words of a column's name that make it an identifier, in the languages of Kazakhstan.
PERSONAL_WORDS = {"iin", "иин", "жсн", "email", "phone", "tel", "msisdn", "телефон"}


def check_keys(ground: Ground) -> None:
    """Missing, unwritable and personal keys; the subject's key."""
    for table, path in tables_with_keys(ground).items():
        facts = ground.table(table)
        if facts is None or not facts.changeable:
            continue
        if not facts.key:
            ground.error(path, text("check_keys.none", table=table))
            continue
        _personal(ground, table, facts.key, path)
        for column in facts.key:
            try:
                KeyCodec.of([facts.table.c[column]])
            except UnsupportedKey:
                kind = facts.types.get(column, str(facts.table.c[column].type)) or "(none)"
                ground.error(path, text("check_keys.unwritable", table=table, column=column, type=kind))
    _subject_key(ground)


def tables_with_keys(ground: Ground) -> dict[str, str]:
    """Every table whose keys are written down: the subject, the units of stages, the tables of rules."""
    found = {ground.policy.subject.table: "subject.key"}
    for stage in ground.policy.stages.values():
        if stage.origin.events:
            found.setdefault(stage.origin.events[0].column.table, f"stages.{stage.name}.from")
    for rule in ground.rules:
        found.setdefault(rule.table, rule.path)
    return found


def _subject_key(ground: Ground) -> None:
    subject = ground.policy.subject
    facts, columns = ground.table(subject.table), [ground.column(subject.table, name) for name in subject.key]
    if facts is None or not all(c is not None for c in columns) or not facts.key:
        return
    same = sorted(facts.key) == sorted(subject.key)
    unique = any(sorted(u) == sorted(subject.key) for u in facts.uniques)
    if not same and not (unique and not any(c.nullable for c in columns if c is not None)):
        values = {"column": quoted(subject.key), "table": subject.table, "key": quoted(facts.key)}
        ground.error("subject.key", text("check_keys.no_subject_key", **values))
    elif not same:
        _personal(ground, subject.table, subject.key, "subject.key")


def _personal(ground: Ground, table: str, key: tuple[str, ...], path: str) -> None:
    identifiers = {r for places in ground.policy.identifiers.values() for together in places for r in together}
    listed = {r.column for r in identifiers if r.table == table}
    treated = {t.name for t in ground.treated if t.at.table == table}
    for column in key:
        if column in listed:
            ground.error(path, text("check_keys.listed", table=table, column=column))
        elif column in treated:
            ground.error(path, text("check_keys.treated", table=table, column=column))
        elif is_named_like_an_identifier(column):
            ground.error(path, text("check_keys.named", table=table, column=column))


def is_named_like_an_identifier(column: str) -> bool:
    """Whether a word of the name says IIN, e-mail or telephone. `phone_id` is a number for a phone, not a phone."""
    spaced = re.sub(r"(?<=[a-zа-яёәғқңөұүһі])(?=[A-ZА-ЯЁӘҒҚҢӨҰҮҺІ])", "_", column)
    words = [w.rstrip("0123456789") for w in re.split(r"[\W_]+", spaced.lower().replace("e_mail", "email"))]
    return words[-1] != "id" and not PERSONAL_WORDS.isdisjoint(words)
