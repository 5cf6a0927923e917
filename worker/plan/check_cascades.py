"""What the database itself would change when rows are deleted: cascades, and references that hold rows back."""

from config.catalogue import text
from worker.databases.facts import ForeignKey
from worker.plan.check_ground import Ground
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
                if fk.target == rule.table:
                    _reference(ground, rule, name, fk)


def _reference(ground: Ground, rule: Rule, child: str, fk: ForeignKey) -> None:
    same_stage = ground.rule(rule.stage.name, child)
    goes_too = same_stage is not None and same_stage.deletes_all and child != rule.table
    if goes_too:
        return
    what = {"table": rule.table, "child": child, "columns": ", ".join(fk.columns), "stage": rule.stage.name}
    unseen = UNSEEN.get((fk.on_delete or "").upper())
    if unseen is not None:
        ground.error(rule.path, text(unseen, **what, action=fk.on_delete))
    elif child != rule.table:
        ground.warning(rule.path, text("check_cascades.held_back", **what))
