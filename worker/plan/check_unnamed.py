"""Promise 11: what the policy does not mention stops the stages that touch its table, and only those."""

from worker.plan.check_ground import Ground, quoted
from worker.plan.check_rules import Rule

UNMENTIONED_KINDS = ("view", "materialised view")


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
    subject = "column" if len(forgotten) == 1 else "columns"
    verb = "is" if len(forgotten) == 1 else "are"
    sentence = (
        f"{subject} {quoted(forgotten)} of `{at.table}` {verb} not mentioned; "
        "write under `keep` what may stay, and under a strategy what may not"
    )
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
        what = f"table `{name}` stands in no stage and is not ignored"
        advice = "give it a stage, or write it under `ignore` with the reason"
        if neighbours:
            joined = f"and a foreign key joins it to {quoted(sorted(neighbours))}"
            ground.stop(neighbours, "ignore", f"{what}, {joined}; {advice}")
        elif "." not in name:  # other schemas are read only because the policy names some of their tables
            ground.stop([], "ignore", f"{what}; {advice}")


def _triggers(ground: Ground) -> None:
    touched = {table for tables in ground.touched.values() for table in tables}
    for table in sorted(touched):
        facts = ground.table(table)
        for name in facts.triggers if facts else ():
            if name not in ground.policy.triggers:
                sentence = (
                    f"table `{table}` has the trigger `{name}`, which `triggers` does not mention; "
                    "name it with the tables that it writes to"
                )
                ground.stop([table], "triggers", sentence)
