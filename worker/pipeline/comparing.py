"""Two policies side by side: what one of them keeps for a shorter time, destroys, or no longer holds.

Asked twice: before a run, against the policy of the last one (clause 6.5: a shortened term must not hit rows silently);
and during a run, against the policy that is configured by then.
"""

from collections.abc import Iterator

from config.catalogue import text
from config.policy import Policy, Stage


def shorter(old: Policy, new: Policy) -> list[str]:
    """In what `new` goes further than `old`, as phrases; empty if whatever `new` does, `old` did too."""
    found = []
    if new.floor.term.is_under(old.floor.term):
        found.append(text("shorter.floor", new=str(new.floor.term), old=str(old.floor.term)))
    for name, stage in new.stages.items():
        before = old.stages.get(name)
        found += [text("shorter.stage", stage=name)] if before is None else _stage(before, stage)
    found += [text("shorter.hold", hold=name) for name in old.holds if old.holds[name] != new.holds.get(name)]
    if (old.clock, old.subject, old.links) != (new.clock, new.subject, new.links):
        found.append(text("shorter.people"))
    if _dates(old) != _dates(new):
        found.append(text("shorter.dates"))
    return found


def _stage(old: Stage, new: Stage) -> Iterator[str]:
    if new.term.is_under(old.term):
        yield text("shorter.term", stage=new.name, new=str(new.term), old=str(old.term))
    if new.origin != old.origin:
        yield text("shorter.origin", stage=new.name)
    if old.archive is not None and (new.archive is None or new.archive.term.is_under(old.archive.term)):
        yield text("shorter.copy", stage=new.name)
    for table, rule in new.tables.items():
        if rule != old.tables.get(table):
            yield text("shorter.rule", stage=new.name, table=table)


def _dates(policy: Policy) -> tuple[object, ...]:
    """What decides how a column is read as a moment."""
    return policy.timezone, policy.sane_from, policy.stored_default, policy.stored_in
