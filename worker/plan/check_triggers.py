"""Triggers that the policy names: they exist, and what they write during our own changes is treated after them."""

from config.catalogue import text
from worker.plan.check_ground import Ground, is_unread, meant


def check_triggers(ground: Ground) -> None:
    """Names that no live trigger bears; written tables that no rule of the same stage comes after."""
    tables: dict[str, list[str]] = {}
    for name, facts in ground.schema.tables.items():
        for live in facts.triggers:
            tables.setdefault(live, []).append(name)
    for name, trigger in ground.policy.triggers.items():
        if name not in tables:
            sentence = text("check_triggers.none", trigger=name, advice=meant(name, tables))
            ground.error(f"triggers.{name}", sentence)
        for table in tables.get(name, ()):
            for written in trigger.writes:
                if written != table and written not in ground.policy.ignore and ground.table(written) is not None:
                    _treated_after(ground, name, table, written)


def _treated_after(ground: Ground, trigger: str, table: str, written: str) -> None:
    if is_unread(written):
        return
    for stage, touched in ground.touched.items():
        if table not in touched:
            continue
        rule = ground.rule(stage, written)
        # A table that is only carried along has no rule in this stage to come after: any later place is after it.
        comes_after = rule is not None and (
            table in rule.rule.after or (bool(rule.rule.after) and ground.rule(stage, table) is None)
        )
        if not comes_after:
            sentence = text("check_triggers.after", stage=stage, table=table, trigger=trigger, written=written)
            ground.error(f"stages.{stage}.tables.{table}", sentence)
