"""What the database itself would change when rows are deleted: cascades, and references that hold rows back."""

from worker.databases.facts import ForeignKey
from worker.plan.check_ground import Ground
from worker.plan.check_rules import Rule

UNSEEN = {"CASCADE": "delete", "SET NULL": "empty", "SET DEFAULT": "reset"}


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
    columns = ", ".join(fk.columns)
    action = UNSEEN.get((fk.on_delete or "").upper())
    if action is not None:
        sentence = (
            f"deleting rows of `{rule.table}` would {action} what is kept in `{child}` unseen: its foreign key "
            f"({columns}) says ON DELETE {fk.on_delete}; delete `{child}` in stage `{rule.stage.name}` too, without "
            "a condition, or make the key NO ACTION"
        )
        ground.error(rule.path, sentence)
    elif child != rule.table:
        sentence = (
            f"rows of `{rule.table}` stay as long as rows of `{child}` refer to them ({columns}), and stage "
            f"`{rule.stage.name}` does not delete all of those"
        )
        ground.warning(rule.path, sentence)
