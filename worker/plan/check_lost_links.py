"""Links that a stage would cut while rows still need them (DESIGN, "Links")."""

from config.catalogue import text
from config.policy import Link, Policy, Stage
from worker.plan.check_ground import Ground
from worker.plan.check_links import unit_of
from worker.plan.check_rules import Rule, Treated


def check_lost_links(ground: Ground) -> None:
    """An undeclared link's target is replaced or deleted, or its source is replaced, before its last use."""
    links = [link for link in ground.policy.links if not link.delays_only]
    for link in links:
        for rule in ground.rules:
            if rule.table == link.target.table:
                _target(ground, link, rule)
    for treated in ground.treated:
        if treated.followed is None and (found := _needed_by(ground, treated)):
            column = f"{treated.at.table}.{treated.name}"
            ground.warning(treated.path, text("check_lost_links.needed", stage=found, column=column))


def _target(ground: Ground, link: Link, rule: Rule) -> None:
    treated = next((t for t in ground.treated if t.at == rule and t.name == link.target.column), None)
    same_stage = ground.rule(rule.stage.name, link.source.table)
    if not (rule.deletes or treated) or (same_stage and same_stage.deletes_all):
        return
    followed = any(
        (t.at.table, t.name, t.followed) == (link.source.table, link.source.column, link.target) for t in ground.treated
    )
    if followed or _waits(ground, link, rule.stage) or not _both_live(ground, link):
        return
    sentence = text(
        "check_lost_links.deleted" if rule.deletes else "check_lost_links.replaced",
        stage=rule.stage.name,
        source=link.source,
        target=link.target,
        table=link.source.table,
        column=link.source.column,
    )
    ground.error(treated.path if treated else rule.path, sentence)


def _both_live(ground: Ground, link: Link) -> bool:
    return all(ground.column(r.table, r.column) is not None for r in (link.source, link.target))


def _waits(ground: Ground, link: Link, stage: Stage) -> bool:
    """Whether the stage waits for every other stage that treats the rows which the link starts from."""
    users = {r.stage.name for r in ground.rules if r.table == link.source.table and r.stage.name != stage.name}
    return bool(users) and users <= _awaited(ground.policy, stage.name)


def _awaited(policy: Policy, stage: str) -> set[str]:
    """The stages that a stage waits for, directly or through others."""
    found: set[str] = set()
    open_ends = [stage]
    while open_ends:
        current = policy.stages.get(open_ends.pop())
        new = set(current.origin.done) - found if current else set()
        found |= new
        open_ends += new
    return found


def _needed_by(ground: Ground, treated: Treated) -> str | None:
    """Another stage that finds rows over the column."""
    for rule in ground.rules:
        if rule.stage.name == treated.at.stage.name or rule.stage.name in _awaiting(ground, treated):
            continue
        for path in ground.links.finding(rule.table, unit_of(ground, rule.stage)):
            if any(s.source == treated.at.table and treated.name in s.source_columns for s in path.steps):
                return rule.stage.name
    return None


def _awaiting(ground: Ground, treated: Treated) -> set[str]:
    """Stages that are over before the column is replaced."""
    return _awaited(ground.policy, treated.at.stage.name)
