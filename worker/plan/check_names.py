"""Every table and column that the policy names: that it is there, and is something that can be changed."""

from collections.abc import Iterable

from config.catalogue import text
from config.policy import ColumnRef, Event, Policy
from config.problems import nearest
from worker.plan.check_ground import Ground, is_unread, meant, quoted
from worker.plan.check_rules import Rule


def check_names(ground: Ground) -> None:
    """Missing tables and columns, each with the nearest right word; tables whose rows cannot be changed safely."""
    policy = ground.policy
    _subject(ground)
    for kind, places in policy.identifiers.items():
        for i, together in enumerate(places):
            for j, reference in enumerate(together):
                path = f"identifiers.{kind}[{i}]" + (f"[{j}]" if len(together) > 1 else "")
                _reference(ground, path, reference)
    for i, link in enumerate(policy.links):
        _reference(ground, f"links[{i}].from", link.source)
        _reference(ground, f"links[{i}].to", link.target)
    for i, event in enumerate(policy.clock):
        _reference(ground, event_path(f"clock[{i}]", event), event.column)
    for name in policy.stored_in:
        _reference(ground, f"stored in.{name}", ColumnRef.parse(name))
    for name, hold in policy.holds.items():
        _table(ground, f"holds.{name}.exists", hold.exists)
    for table in policy.ignore:
        if table in ground.schema.tables or nearest(table, ground.schema.tables) is not None:
            _table(ground, f"ignore.{table}", table)
        else:  # what is not there needs no ignoring: no harm
            ground.warning(f"ignore.{table}", text("check_names.ignored", table=table))
    for name, trigger in policy.triggers.items():
        for table in trigger.writes:
            _table(ground, f"triggers.{name}.writes", table)
    for stage in policy.stages.values():
        for event in stage.origin.events:
            _reference(ground, f"stages.{stage.name}.from", event.column)
    for rule in ground.rules:
        _rule(ground, rule)
    for name in sorted(tables_named(policy)):
        facts = ground.table(name)
        if facts is not None and facts.hides_rows:
            ground.error(_first_place(ground, name), text("foreign.hides_rows", table=name))
        if facts is not None and facts.hides_triggers:
            ground.error(_first_place(ground, name), text("foreign.hides_triggers", table=name))
        if facts is not None and facts.engine:
            ground.error(_first_place(ground, name), text("foreign.no_rollback", table=name, engine=facts.engine))


def _first_place(ground: Ground, table: str) -> str:
    """Where a table that the policy relies on is best spoken of."""
    if table == ground.policy.subject.table:
        return "subject.table"
    return next((rule.path for rule in ground.rules if rule.table == table), "")


def event_path(path: str, event: Event) -> str:
    """Where the column of an event stands: an event with a condition is written `{event: column, where: ...}`."""
    return path if event.where is None else f"{path}.event"


def tables_named(policy: Policy) -> set[str]:
    """Every table that the policy names, so that the schemas they carry are read too."""
    identifiers = [r for places in policy.identifiers.values() for together in places for r in together]
    links = [reference for link in policy.links for reference in (link.source, link.target)]
    events = [e.column for e in (*policy.clock, *(e for s in policy.stages.values() for e in s.origin.events))]
    names = {policy.subject.table, *(reference.table for reference in (*identifiers, *links, *events))}
    names |= {table for stage in policy.stages.values() for table in stage.tables}
    names |= {hold.exists for hold in policy.holds.values()} | set(policy.ignore)
    names |= {table for trigger in policy.triggers.values() for table in trigger.writes}
    return {name for name in names if not is_unread(name)}


def _subject(ground: Ground) -> None:
    subject = ground.policy.subject
    _table(ground, "subject.table", subject.table)
    for i, name in enumerate(subject.key):
        path = f"subject.key[{i}]" if len(subject.key) > 1 else "subject.key"
        _columns(ground, path, subject.table, [name])
    if subject.same_person is not None:
        _columns(ground, "subject.same person", subject.table, [subject.same_person])
    if subject.blocked is not None:
        _columns(ground, "subject.blocked", subject.table, [subject.blocked])


def _rule(ground: Ground, at: Rule) -> None:
    _table(ground, at.path, at.table)
    if at.facts is None:
        return
    _changeable(ground, at)
    inside = f"{at.path}.depersonalise"
    for i, name in enumerate(at.rule.keep):
        _columns(ground, f"{inside}.keep[{i}]", at.table, [name])
    for treatment in at.rule.treatments:
        for i, name in enumerate(treatment.columns):
            _columns(ground, f"{inside}.{treatment.spelling}[{i}]", at.table, [name])
    if at.rule.files is not None:
        _columns(ground, f"{at.path}.files.columns", at.table, at.rule.files.columns)


def _changeable(ground: Ground, at: Rule) -> None:
    assert at.facts is not None
    if at.facts.kind == "partition":
        ground.error(at.path, text("foreign.partition", table=at.table))
    elif not at.facts.changeable:
        kind = text(f"table_kind.{at.facts.kind.replace(' ', '_')}")
        ground.error(at.path, text("check_names.no_ordinary_table", table=at.table, kind=kind))
    if at.facts.heirs:
        ground.error(at.path, text("foreign.heirs", table=at.table, heirs=quoted(at.facts.heirs)))
    if at.facts.copies:
        ground.warning(at.path, text("foreign.copies", table=at.table, views=quoted(at.facts.copies)))
    if at.facts.rules:
        ground.error(at.path, text("check_names.rewrite_rule", table=at.table, rules=quoted(at.facts.rules)))


def _reference(ground: Ground, path: str, reference: ColumnRef) -> None:
    _table(ground, path, reference.table)
    _columns(ground, path, reference.table, [reference.column])


def _table(ground: Ground, path: str, name: str) -> None:
    if not is_unread(name) and ground.table(name) is None:
        advice = meant(name, ground.schema.tables)
        ground.error(path, text("check_names.no_table", table=name, advice=advice))


def _columns(ground: Ground, path: str, table: str, columns: Iterable[str]) -> None:
    facts = ground.table(table)
    for name in columns:
        if facts is not None and not is_unread(name) and name not in facts.table.c:
            advice = meant(name, [c.name for c in facts.table.c])
            ground.error(path, text("check_names.no_column", table=table, column=name, advice=advice))
