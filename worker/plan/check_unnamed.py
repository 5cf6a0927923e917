"""Promise 11: what the policy does not mention stops the stages that touch its table, and only those."""

from config.catalogue import text
from config.names import split_table
from worker.plan.check_ground import Ground, quoted
from worker.plan.check_rules import Rule

UNMENTIONED_KINDS = ("view", "materialised view", "partition")


def check_unnamed(ground: Ground) -> None:
    """Columns, tables and triggers that nobody mentioned. Being a clock, a link or a block is no mention."""
    for rule in ground.rules:
        if not rule.deletes and (rule.rule.keep or rule.rule.treatments):
            _columns(ground, rule)
    _tables(ground)
    _triggers(ground)


def _columns(ground: Ground, at: Rule) -> None:
    if at.facts is None:
        return
    named = {*at.rule.keep, *(c for t in at.rule.treatments for c in t.columns)}
    forgotten = [c.name for c in at.facts.table.c if c.name not in named]
    if not forgotten:
        return
    sentence = text("check_unnamed.columns", n=len(forgotten), columns=quoted(forgotten), table=at.table)
    ground.stop([at.table], f"{at.path}.depersonalise", sentence)


def _tables(ground: Ground) -> None:
    touched = {table for tables in ground.touched.values() for table in tables}
    listed = touched | set(ground.policy.ignore)
    for name, facts in sorted(ground.schema.tables.items()):
        if name in listed or facts.kind in UNMENTIONED_KINDS:
            continue
        targets = {fk.target for fk in facts.foreign_keys}
        sources = {n for n, f in ground.schema.tables.items() if any(fk.target == name for fk in f.foreign_keys)}
        neighbours = (targets | sources) & touched
        if neighbours:
            sentence = text("check_unnamed.joined_table", table=name, others=quoted(sorted(neighbours)))
            ground.stop(neighbours, "ignore", sentence)
        elif split_table(name)[0] is None:  # other schemas are read only because the policy names some of their tables
            ground.stop([], "ignore", text("check_unnamed.table", table=name))


def _triggers(ground: Ground) -> None:
    touched = {table for tables in ground.touched.values() for table in tables}
    for table in sorted(touched):
        facts = ground.table(table)
        for name in facts.triggers if facts else ():
            if name not in ground.policy.triggers:
                ground.stop([table], "triggers", text("check_unnamed.trigger", table=table, trigger=name))
