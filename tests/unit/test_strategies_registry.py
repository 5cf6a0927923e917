"""The registry: every spelling of a policy, every wrong one, and what strategies declare."""

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from worker.strategies import ALL_KINDS, StrategyError, UnknownStrategy, all_strategies, kind_of, resolve


@pytest.mark.parametrize(
    ("spelling", "name", "argument"),
    [
        ("nothing", "nothing", None),
        ('constant ""', "constant", '""'),
        ('constant "a  b"', "constant", '"a  b"'),
        ("synthetic iin", "synthetic iin", None),
        ("follows users.iin", "follows", "users.iin"),
        ("follows public.users.iin", "follows", "public.users.iin"),
        ("band 1000", "band", "1000"),
        ("region", "region", None),
        ('region "белгісіз"', "region", '"белгісіз"'),
        ("ip to network", "ip to network", None),
    ],
)
def test_spellings(spelling: str, name: str, argument: str | None) -> None:
    bound = resolve(spelling)
    assert (bound.strategy.name, bound.argument, bound.spelling) == (name, argument, spelling)
    assert bound.problem() is None


@pytest.mark.parametrize(
    ("spelling", "nearest"),
    [
        ("nothin", "nothing"),
        ("sintetic iin", "synthetic iin"),
        ("constnt 5", "constant"),
        ("strip querry", "strip query"),
    ],
)
def test_an_unknown_strategy_names_the_nearest(spelling: str, nearest: str) -> None:
    with pytest.raises(UnknownStrategy, match=f"did you mean '{nearest}'"):
        resolve(spelling)


def test_an_unknown_strategy_without_a_near_one_lists_all() -> None:
    with pytest.raises(UnknownStrategy, match="there are: nothing, constant"):
        resolve("")


@pytest.mark.parametrize(
    "spelling",
    [
        "nothing 5",
        "constant",
        "constant x",
        "constant 5",
        "band",
        "band 0",
        "band 1.5",
        "follows",
        "follows x",
        "region x",
    ],
)
def test_a_wrong_argument_is_a_sentence(spelling: str) -> None:
    sentence = resolve(spelling).problem()
    assert sentence is not None
    assert sentence.endswith(".")


def test_the_promised_strategies_are_there() -> None:
    assert [strategy.name for strategy in all_strategies()] == [
        "nothing",
        "constant",
        "synthetic iin",
        "synthetic phone",
        "synthetic email",
        "invented name",
        "to year",
        "to month",
        "ip to network",
        "strip query",
        "band",
        "region",
        "redact",
        "follows",
    ]


@pytest.mark.parametrize("strategy", all_strategies(), ids=lambda strategy: strategy.name)
def test_every_strategy_declares_itself(strategy: object) -> None:
    for attribute in (
        "name",
        "summary",
        "types",
        "made_in",
        "irreversible",
        "unique",
        "writes_null",
        "proves_done",
    ):
        assert getattr(strategy, attribute) is not None
    assert getattr(strategy, "types") <= ALL_KINDS  # noqa: B009 - the parameter is typed as an object for pytest
    assert type(strategy).__doc__


def test_other_databases_are_refused_with_a_sentence() -> None:
    column = sa.Column("x", sa.Text)
    for spelling in (
        "synthetic iin",
        "synthetic email",
        "to year",
        "strip query",
        "band 10",
        "region",
        "invented name",
    ):
        with pytest.raises(StrategyError, match="not for 'oracle'"):
            resolve(spelling).looks_done(column, "oracle")


def test_values_are_refused_where_they_are_not_made() -> None:
    with pytest.raises(StrategyError, match="not made in the database"):
        resolve("redact").expression(sa.Column("x", sa.Text), "sqlite")
    with pytest.raises(StrategyError, match=r"the strategy of users\.iin"):
        resolve("follows users.iin").looks_done(sa.Column("x", sa.Text), "sqlite")


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        (sa.String(5), "text"),
        (postgresql.CITEXT(), "text"),
        (sa.CHAR(12), "text"),
        (sa.Enum("a", "b", name="e"), "other"),
        (sa.BigInteger(), "integer"),
        (sa.Numeric(12, 2), "number"),
        (postgresql.DOUBLE_PRECISION(), "number"),
        (sa.Boolean(), "boolean"),
        (sa.Date(), "date"),
        (sa.TIMESTAMP(timezone=True), "timestamp"),
        (sa.Uuid(), "uuid"),
        (postgresql.UUID(), "uuid"),
        (postgresql.JSONB(), "json"),
        (sa.JSON(), "json"),
        (postgresql.INET(), "inet"),
        (postgresql.CIDR(), "inet"),
        (postgresql.BYTEA(), "bytes"),
        (sa.BLOB(), "bytes"),
        (postgresql.ARRAY(sa.Text), "array"),
        (sa.Time(), "other"),
        (sa.Interval(), "other"),
        (postgresql.TSVECTOR(), "other"),
        (sa.types.NullType(), "other"),
        (postgresql.DOMAIN("iin", sa.CHAR(12)), "text"),
    ],
)
def test_kinds(type_: sa.types.TypeEngine[object], kind: str) -> None:
    assert kind_of(type_) == kind


@pytest.mark.parametrize(
    ("spelling", "type_", "fits"),
    [
        ("to year", sa.Date(), True),
        ("to year", sa.Text(), False),
        ('constant ""', sa.Text(), True),
        ('constant ""', sa.Integer(), False),
        ('constant "0"', sa.Integer(), True),
        ('constant "{}"', sa.JSON(), True),
        ('constant "x"', sa.JSON(), False),
        ('constant "true"', sa.Boolean(), True),
        ('constant "yes"', sa.Boolean(), False),
        ('constant "1900-01-01"', sa.Date(), True),
        ('constant "1,5"', sa.Numeric(), False),
    ],
)
def test_a_column_that_cannot_take_the_values_gets_a_sentence(
    spelling: str, type_: sa.types.TypeEngine[object], fits: bool
) -> None:
    sentence = resolve(spelling).unfit(type_)
    assert (sentence is None) is fits
