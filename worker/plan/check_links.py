"""Ways: whatever a stage, a clock or a hold is about must lead to the people (or rows) that it is about."""

from config.catalogue import text
from config.policy import Stage
from worker.plan.check_ground import Ground, quoted
from worker.plan.check_names import event_path
from worker.plan.check_rules import Rule
from worker.plan.scene import by_person


def check_links(ground: Ground) -> None:
    """Tables that lead nowhere. Silence about them would leave rows untouched, or a hold without effect."""
    if ground.table(ground.policy.subject.table) is None:
        return
    for i, event in enumerate(ground.policy.clock):
        _to_people(ground, event_path(f"clock[{i}]", event), event.column.table, "check_links.clock")
    for name in ground.policy.holds:
        _hold(ground, name)
    for stage in ground.policy.stages.values():
        _origin(ground, stage)
    for rule in ground.rules:
        _rule(ground, rule)


def unit_of(ground: Ground, stage: Stage) -> str:
    """The table whose rows become due in a stage."""
    return ground.policy.subject.table if by_person(stage.origin) else stage.origin.events[0].column.table


def _leads(ground: Ground, table: str, target: str) -> bool:
    return bool(ground.links.paths(table, target))


def _to_people(ground: Ground, path: str, table: str, key: str, stage: str = "") -> None:
    subject = ground.policy.subject.table
    if ground.table(table) is not None and not _leads(ground, table, subject):
        ground.error(path, text(key, table=table, subject=subject, stage=stage))


def _hold(ground: Ground, name: str) -> None:
    hold = ground.policy.holds[name]
    # A row is held by a row that it leads to only where a condition tells the one from the others.
    by_row = hold.where is not None and any(_leads(ground, rule.table, hold.exists) for rule in ground.rules)
    if not by_row:
        _to_people(ground, f"holds.{name}.exists", hold.exists, "check_links.hold")


def _origin(ground: Ground, stage: Stage) -> None:
    path, origin = f"stages.{stage.name}.from", stage.origin
    unit = unit_of(ground, stage)
    if origin.events and origin.done:
        ground.error(path, text("check_links.people_and_rows", column=origin.events[0].column))
    if origin.events and origin.subject:
        _to_people(ground, path, unit, "check_links.origin")
    for event in origin.events[1:]:
        table = event.column.table
        both = ground.table(table) is not None and ground.table(unit) is not None
        if both and not _leads(ground, table, unit) and not _leads(ground, unit, table):
            ground.error(path, text("check_links.not_joined", table=table, unit=unit))
    for name in origin.done:
        other = ground.policy.stages.get(name)
        if other is not None:
            _to_people(ground, path, unit_of(ground, other), "check_links.done", name)


def _rule(ground: Ground, rule: Rule) -> None:
    unit = unit_of(ground, rule.stage)
    if (
        rule.facts is None
        or not rule.facts.changeable
        or ground.table(unit) is None
        or ground.links.finding(rule.table, unit)
    ):
        return
    others = sorted(t for t in ground.schema.tables if t != rule.table and ground.links.finding(rule.table, t))
    leads = text("check_links.leads_to", tables=quoted(others)) if others else text("check_links.leads_nowhere")
    key = "check_links.rule_delays" if _leads(ground, rule.table, unit) else "check_links.rule"
    ground.error(rule.path, text(key, table=rule.table, unit=unit, leads=leads))
