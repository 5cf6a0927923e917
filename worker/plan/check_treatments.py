"""Strategies against the live columns: known, with a right argument, and something that the column can take."""

from collections.abc import Iterator

import sqlalchemy as sa

from config.catalogue import text
from worker.plan.check_constraints import refusing_check
from worker.plan.check_ground import Ground, quoted
from worker.plan.check_rules import Treated
from worker.plan.treatments import FOLLOWS
from worker.strategies.base import Coarsening
from worker.strategies.kinds import kind_of
from worker.strategies.registry import BoundStrategy, UnknownStrategy, resolve

MOST_DIGITS = {sa.SmallInteger: 4, sa.BigInteger: 18, sa.Integer: 9}


def check_treatments(ground: Ground) -> None:
    """Unknown strategies and wrong arguments; then what each live column cannot take."""
    _spellings(ground)
    for treated in ground.treated:
        if treated.followed is not None:
            _follows(ground, treated)
        bound = effective(ground, treated)
        if bound is not None:
            for test in (_generated, _unfit, _too_long, _too_big, _empties, _collides, _reference, _constraint):
                if sentence := test(ground, treated, bound):
                    ground.error(treated.path, sentence)
            _may_collide(ground, treated, bound)


def effective(ground: Ground, treated: Treated) -> BoundStrategy | None:
    """The strategy whose values the column gets: its own, or that of the column it follows."""
    if treated.followed is None:
        return treated.bound
    followed = ground.replaced_by(treated.followed)
    return followed.bound if followed is not None and followed.followed is None else None


def strategies_beside(ground: Ground, treated: Treated) -> dict[str, BoundStrategy]:
    """The strategies of all columns of the rule, by column."""
    return {t.name: b for t in ground.treated if t.at == treated.at and (b := effective(ground, t)) is not None}


def _spellings(ground: Ground) -> None:
    for at in ground.rules:
        for treatment in at.rule.treatments:
            path = f"{at.path}.depersonalise.{treatment.spelling}"
            try:
                sentence = resolve(treatment.spelling).problem()
            except UnknownStrategy as error:
                sentence = str(error)
            if sentence:
                ground.error(path, sentence)


def _follows(ground: Ground, treated: Treated) -> None:
    for sentence in _wrong_follows(ground, treated):
        ground.error(treated.path, sentence)
        return


def _wrong_follows(ground: Ground, treated: Treated) -> Iterator[str]:
    followed = treated.followed
    assert followed is not None
    target = ground.column(followed.table, followed.column)
    if target is None:
        yield text("check_treatments.follows_nothing", spelling=treated.bound.spelling)
        return
    replaced = ground.replaced_by(followed)
    if replaced is None:
        if not _is_spelled(ground, followed.table, followed.column):
            yield text("check_treatments.not_replaced", followed=followed, column=treated.name)
        return
    if replaced.followed is not None:
        further = replaced.followed
        yield text("check_treatments.follows_itself", followed=followed, follows=FOLLOWS, further=further)
    if treated.at.table == followed.table or not ground.links.paths(treated.at.table, followed.table):
        yield text("check_treatments.no_way", table=treated.at.table, followed=followed.table)
    kind, followed_kind = kind_of(treated.column.type), kind_of(target.type)
    if followed_kind != kind:
        kinds = {"kind": kind, "followed_kind": followed_kind}
        yield text("check_treatments.other_kind", column=treated.name, followed=followed, **kinds)


def _is_spelled(ground: Ground, table: str, column: str) -> bool:
    """Whether some rule names the column, though with a strategy that cannot be used: that is said already."""
    return any(column in t.columns for r in ground.rules if r.table == table for t in r.rule.treatments)


def _generated(ground: Ground, treated: Treated, bound: BoundStrategy) -> str | None:
    if treated.name not in treated.facts.generated:
        return None
    return text("check_treatments.generated", column=treated.name)


def _unfit(ground: Ground, treated: Treated, bound: BoundStrategy) -> str | None:
    if isinstance(treated.column.type, sa.types.NullType) and ground.schema.dialect != "sqlite":
        if bound.strategy.writes_null:
            return None
        kind = treated.facts.types.get(treated.name, "")
        return text("foreign.unknown_type", strategy=bound.spelling, column=treated.name, type=kind)
    reason, type_ = bound.unfit(treated.column.type), treated.column.type
    return text("check_treatments.unfit", column=treated.name, type=type_, reason=reason) if reason else None


def _too_long(ground: Ground, treated: Treated, bound: BoundStrategy) -> str | None:
    room = treated.column.type.length if isinstance(treated.column.type, sa.String) else None
    longest = bound.longest(treated.name)
    if room is None or longest is None or longest <= room:
        return None
    values = {"spelling": bound.spelling, "longest": str(longest), "column": treated.name, "room": str(room)}
    return text("check_treatments.too_long", **values)


def _too_big(ground: Ground, treated: Treated, bound: BoundStrategy) -> str | None:
    longest = bound.longest(treated.name)
    if ground.schema.dialect == "sqlite" or longest is None or not bound.strategy.unique:
        return None
    room = next((n for kind, n in MOST_DIGITS.items() if isinstance(treated.column.type, kind)), None)
    if room is None or longest <= room:
        return None
    values = {"spelling": bound.spelling, "longest": str(longest), "type": treated.column.type}
    return text("check_treatments.too_big", **values)


def _empties(ground: Ground, treated: Treated, bound: BoundStrategy) -> str | None:
    if not bound.strategy.writes_null or treated.column.nullable:
        return None
    return text("check_treatments.not_null", column=treated.name, spelling=bound.spelling)


def _collides(ground: Ground, treated: Treated, bound: BoundStrategy) -> str | None:
    if bound.strategy.unique or (treated.name,) not in treated.facts.uniques:
        return None
    return text("check_treatments.unique", column=treated.name, spelling=bound.spelling)


def _may_collide(ground: Ground, treated: Treated, bound: BoundStrategy) -> None:
    for columns in treated.facts.uniques:
        if len(columns) > 1 and treated.name in columns and not bound.strategy.unique:
            sentence = text("check_treatments.unique_together", columns=quoted(columns), spelling=bound.spelling)
            ground.warning(treated.path, sentence)


def _reference(ground: Ground, treated: Treated, bound: BoundStrategy) -> str | None:
    """Declared references: their columns may be kept, emptied or follow; what they refer to may not change."""
    allowed = treated.followed is not None or bound.strategy.writes_null
    if not allowed and any(treated.name in fk.columns for fk in treated.facts.foreign_keys):
        return text("check_treatments.foreign_key", column=treated.name)
    if treated.name in treated.facts.key:
        return None  # `check_keys` says what is wrong with that
    for name, facts in ground.schema.tables.items():
        if any(fk.target == treated.at.table and treated.name in fk.target_columns for fk in facts.foreign_keys):
            return text("check_treatments.referred_to", table=name, column=treated.name)
    return None


def _constraint(ground: Ground, treated: Treated, bound: BoundStrategy) -> str | None:
    if isinstance(bound.strategy, Coarsening):
        return None  # what it writes depends on what stood there
    check = refusing_check(treated, bound, ground.schema.dialect, strategies_beside(ground, treated))
    return text("check_treatments.constraint", check=check, spelling=bound.spelling) if check else None
