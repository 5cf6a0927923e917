"""What the database itself would change when rows are deleted: cascades, and references that hold rows back."""

from config.catalogue import text
from worker.databases.facts import ForeignKey
from worker.plan.check_ground import Ground, quoted
from worker.plan.check_rules import Rule

UNSEEN = {
    "CASCADE": "check_cascades.delete",
    "SET NULL": "check_cascades.empty",
    "SET DEFAULT": "check_cascades.reset",
}


def check_cascades(ground: Ground) -> None:
    """A foreign key's action may not reach rows that its stage does not delete itself."""
    for rule in ground.rules:
        if not rule.deletes:
            continue
        for name, facts in sorted(ground.schema.tables.items()):
            for fk in facts.foreign_keys:
                if fk.target == rule.table and name == rule.table:
                    _own(ground, rule, fk)
                elif fk.target == rule.table:
                    _reference(ground, rule, name, fk)
    for stage in ground.policy.stages:
        _circle(ground, [rule for rule in ground.rules if rule.stage.name == stage and rule.deletes])


def _own(ground: Ground, rule: Rule, fk: ForeignKey) -> None:
    """A reference within the table: rows go together, or stay."""
    columns = ", ".join(fk.columns)
    if ground.schema.dialect == "sqlite" and fk.on_delete == "CASCADE":
        ground.error(rule.path, text("foreign.cascade_within", table=rule.table, columns=columns))
    else:
        ground.warning(rule.path, text("foreign.kin", table=rule.table, columns=columns))


def _reference(ground: Ground, rule: Rule, child: str, fk: ForeignKey) -> None:
    same_stage = ground.rule(rule.stage.name, child)
    if same_stage is not None and (same_stage.deletes_all or _released(ground, same_stage, fk)):
        return
    what = {"table": rule.table, "child": child, "columns": ", ".join(fk.columns), "stage": rule.stage.name}
    unseen = UNSEEN.get((fk.on_delete or "").upper())
    if unseen is not None:
        ground.error(rule.path, text(unseen, **what, action=fk.on_delete))
    else:
        ground.warning(rule.path, text("check_cascades.held_back", **what))


def _released(ground: Ground, child: Rule, fk: ForeignKey) -> bool:
    """Whether the stage empties the reference in the rows that it acts on, before it deletes what they refer to."""
    if child.rule.where is not None or child.rule.after:
        return False
    emptied = {t.name for t in ground.treated if t.at == child and t.bound.strategy.writes_null}
    return not emptied.isdisjoint(fk.columns)


def _circle(ground: Ground, deleting: list[Rule]) -> None:
    """Tables of which no order of deleting is right. That a key is DEFERRABLE does not help: each row is looked at."""
    left = {rule.table: rule for rule in deleting if rule.facts is not None}
    while True:
        needed = {fk.target for r in left.values() if r.facts for fk in r.facts.foreign_keys if fk.target != r.table}
        free = [table for table in left if table not in needed]
        if not free:
            break
        for table in free:
            del left[table]
    within = {t: r for t, r in left.items() if r.facts and any(fk.target in left for fk in r.facts.foreign_keys)}
    if within:
        ground.error(next(iter(within.values())).path, text("foreign.circle", tables=quoted(within)))
