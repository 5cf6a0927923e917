"""The SQL of the strategies on real databases: it writes what Python recognises, anew for every row."""

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from tests.mariadb_server import ON_BOTH, empty_mariadb
from worker.databases.mariadb import MariaDB
from worker.databases.sqlite_functions import SQLITE_FUNCTIONS
from worker.identifiers import is_synthetic_email, is_synthetic_iin, is_synthetic_phone
from worker.identifiers.iin import synthetic_iin
from worker.strategies import BoundStrategy, all_strategies, resolve

SERVER = os.environ.get("MERZIM_TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
ROWS = 500


def lend_functions(driver: Any, record: object) -> None:
    for name, function in SQLITE_FUNCTIONS.items():
        driver.create_function(name, 1, function, deterministic=True)


@pytest.fixture(scope="module", params=["sqlite", "postgresql", *ON_BOTH])
def engine(request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    if request.param == "sqlite":
        embedded = sa.create_engine("sqlite://")
        sa.event.listen(embedded, "connect", lend_functions)
        yield embedded
        return
    if request.param in ON_BOTH:
        url = sa.make_url(empty_mariadb(request.param))
        yield MariaDB(url, str(url.database)).engine
        return
    server = sa.create_engine(SERVER, isolation_level="AUTOCOMMIT")
    name = f"merzim_strategies_{uuid.uuid4().hex[:12]}"
    with server.connect() as conn:
        conn.execute(sa.text(f"CREATE DATABASE {name}"))
    engine = sa.create_engine(server.url.set(database=name))
    yield engine
    engine.dispose()
    with server.connect() as conn:
        conn.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture
def conn(engine: sa.Engine) -> Iterator[sa.Connection]:
    with engine.connect() as connection:
        yield connection
        connection.rollback()


def filled(conn: sa.Connection, type_: Any, values: list[Any], column_name: str = "value") -> sa.Column[Any]:
    """The column of a new temporary table that holds the values in order of id."""
    name = f"t_{uuid.uuid4().hex}"
    table = sa.Table(
        name,
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(column_name, type_),
        prefixes=["TEMPORARY"],
    )
    table.create(conn)
    conn.execute(table.insert(), [{"id": place, column_name: value} for place, value in enumerate(values)])
    return table.c[column_name]


def stored(conn: sa.Connection, column: sa.Column[Any]) -> list[Any]:
    return list(conn.scalars(sa.select(column).order_by(column.table.c.id)))


def apply(conn: sa.Connection, bound: BoundStrategy, column: sa.Column[Any]) -> list[Any]:
    expression = bound.expression(column, conn.dialect.name)
    conn.execute(sa.update(column.table).values({column.name: expression}))
    return stored(conn, column)


def done(conn: sa.Connection, bound: BoundStrategy, column: sa.Column[Any]) -> list[bool]:
    looks_done = bound.looks_done(column, conn.dialect.name)
    answers = conn.scalars(sa.select(looks_done).order_by(column.table.c.id)).all()
    assert None not in answers
    return [bool(answer) for answer in answers]


RANDOM = [
    ("synthetic iin", sa.String(12), "600101390109", is_synthetic_iin),
    ("synthetic iin", sa.BigInteger, 600101390109, lambda number: is_synthetic_iin(str(number))),
    ("synthetic phone", sa.String(12), "+77011234567", is_synthetic_phone),
    ("synthetic phone", sa.BigInteger, 77011234567, lambda number: is_synthetic_phone(str(number))),
    ("synthetic email", sa.String(33), "ivan@mail.ru", is_synthetic_email),
]


@pytest.mark.parametrize(("spelling", "type_", "original", "recognise"), RANDOM)
def test_random_values_are_drawn_for_every_row(
    conn: sa.Connection, spelling: str, type_: Any, original: Any, recognise: Any
) -> None:
    """The same original in every row: an expression evaluated once, or from the value, would repeat."""
    bound = resolve(spelling)
    column = filled(conn, type_, [original] * ROWS + [None])
    assert done(conn, bound, column) == [False] * ROWS + [True]
    *values, for_null = apply(conn, bound, column)
    assert for_null is None
    assert all(recognise(value) for value in values)
    assert len(set(values)) == ROWS
    assert done(conn, bound, column) == [True] * (ROWS + 1)
    assert set(apply(conn, bound, column)).isdisjoint(values)


def test_no_iin_is_drawn_twice_among_many(conn: sa.Connection) -> None:
    """Two people with one number would be taken for one. MariaDB's RAND() alone gave it to several of so many."""
    many = 20_000
    values = apply(conn, resolve("synthetic iin"), filled(conn, sa.String(12), ["810101300011"] * many))
    assert len(set(values)) == many


@pytest.mark.parametrize(("spelling", "type_", "original", "recognise"), RANDOM)
def test_values_made_in_python_look_done_in_the_database(
    conn: sa.Connection, spelling: str, type_: Any, original: Any, recognise: Any
) -> None:
    bound = resolve(spelling)
    column = filled(conn, type_, bound.make([original] * ROWS, Random(1)))
    assert done(conn, bound, column) == [True] * ROWS


@pytest.mark.parametrize(("spelling", "type_", "original", "recognise"), RANDOM)
def test_random_values_also_for_chosen_keys_and_aliases(
    conn: sa.Connection, spelling: str, type_: Any, original: Any, recognise: Any
) -> None:
    column = filled(conn, type_, [original] * 10)
    bound, dialect, table = resolve(spelling), conn.dialect.name, column.table
    alias = table.alias("other")
    drawn = conn.scalars(sa.select(bound.expression(alias.c.value, dialect)).select_from(alias)).all()
    assert len(set(drawn)) == 10
    statement = sa.update(table).where(table.c.id.in_(list(range(5)))).values(value=bound.expression(column, dialect))
    assert conn.execute(statement).rowcount == 5
    assert done(conn, bound, column) == [True] * 5 + [False] * 5


OURS = synthetic_iin(Random(1))
NOT_OURS = {
    "synthetic iin": [
        "600101390109",
        "601301390108",
        "6013019901091",
        "60130199010",
        "x",
        "",
        "601399 90109",
        f"{OURS} ",
        f"{OURS}\n",
        f" {OURS}",
        f"{OURS[:11]}٠",
    ],
    "synthetic phone": [
        "+77011234567",
        "87031234567",
        "+770312345678",
        "++77031234567",
        "x77031234567",
        "7031234567",
        "",
    ],
    "synthetic email": [
        "ivan@anon.invalid",
        "0123456789abcdef0123@mail.ru",
        "0123456789ABCDEF0123@anon.invalid",
        "0123456789abcdef0123@ANON.invalid",
        "0123456789abcdef0123@anon.invalid ",
        "0123456789abcdef0123@anon.invalid\n",
        "g123456789abcdef0123@anon.invalid",
        "\n123456789abcdef0123@anon.invalid",
        "0123456789abcdef012@anon.invalid",
        "0123456789abcdef01234@anon.invalid",
        "é123456789abcdef0123@anon.invalid",
        "",
    ],
    "invented name": ["Мақтымқұлов", "", "Ганс Христианович"],
    "region": ["г. Алматы, ул. Абая, 10", "Абая 10"],
}


@pytest.mark.parametrize("spelling", NOT_OURS)
def test_what_only_resembles_is_not_done(conn: sa.Connection, spelling: str) -> None:
    bound = resolve(spelling)
    column = filled(conn, sa.Text, NOT_OURS[spelling])
    assert done(conn, bound, column) == [False] * len(NOT_OURS[spelling])
    assert not any(bound.is_done(value) for value in NOT_OURS[spelling])


def test_a_right_check_digit_is_never_done(conn: sa.Connection) -> None:
    bound = resolve("synthetic iin")
    values = [f"99999990{n:04d}" for n in range(1000)]
    column = filled(conn, sa.Text, values)
    assert done(conn, bound, column) == [is_synthetic_iin(value) for value in values]
    assert 0 < sum(done(conn, bound, column)) < 1000


IPS = [
    "10.1.2.3", "255.255.255.255", "10.1.2.0", "2001:DB8:1:2::3", "2001:db8::1", "2001:db8:1::", "::1", "::",
    "1::8", "1:2:3:4:5:6:7:8", "::ffff:10.1.2.3", "1:2:3:4:5:6:1.2.3.4", "10.1.2.3, 10.1.2.4", "10.1.2.3:80",
    "12:30:45", "87011234567::", "1.2.3", "1..2.3", "1234.1.1.1", "a.b.c.d", "unknown", "",
    "\"quoted\"::", "\\::", "fe80::1%eth0", None,
]  # fmt: skip
URLS = [
    "https://u:p@x.kz/a/b?iin=1#f", "//u@x.kz", "/a/b#?x", "/a@b/c?d", "?iin=1", "#f", "", "http://a@b@c/d@e",
    "a//b//c@d", "x:///a@b", "http://x.kz", "mailto:a@b.kz", "line\nbreak?x\ny", "http://u@x.kz\n/?y", None,
]  # fmt: skip
DAYS = [date(1960, 2, 29), date(1960, 1, 1), date(1, 1, 1), date(9999, 12, 31), None]
MOMENTS = [datetime(2024, 2, 29, 23, 59, 59, 999999), datetime(2024, 1, 1), datetime(1, 1, 1, 1), None]
COARSE: list[tuple[str, Any, list[Any]]] = [
    ("ip to network", sa.Text, IPS),
    ("ip to network", sa.String(45), IPS),
    ("strip query", sa.Text, URLS),
    ("to year", sa.Date, DAYS),
    ("to month", sa.Date, DAYS),
    ("to year", sa.DateTime, MOMENTS),
    ("to month", sa.DateTime, MOMENTS),
    ("band 1000", sa.Integer, [0, 1, 999, 1000, -1, -1000, -1001, 2**31 - 1, None]),
    ("band 7", sa.BigInteger, [10**15 + 3, -(10**15), 6, 7, None]),
    (
        "band 1000",
        sa.Numeric(14, 2),
        [Decimal("12345.67"), Decimal("-0.01"), Decimal(0), Decimal("999999999.99"), None],
    ),
    ("band 10", sa.Float, [12.5, -0.5, 0.0, 1e9, None]),
]


@pytest.mark.parametrize(("spelling", "type_", "values"), COARSE)
def test_a_coarse_value_is_the_same_in_sql_and_python(
    conn: sa.Connection, spelling: str, type_: Any, values: list[Any]
) -> None:
    bound = resolve(spelling)
    column = filled(conn, type_, values)
    expected = bound.make(values, Random())
    assert done(conn, bound, column) == [
        value is None or value == coarse for value, coarse in zip(values, expected, strict=True)
    ]
    assert apply(conn, bound, column) == expected
    assert done(conn, bound, column) == [True] * len(values)
    assert apply(conn, bound, column) == expected


def test_aware_times_are_cut_in_utc(conn: sa.Connection) -> None:
    if conn.dialect.name == "postgresql":
        conn.execute(sa.text("SET LOCAL TimeZone = 'UTC'"))
    values = [datetime(2023, 12, 31, 23, 59, tzinfo=UTC), None]
    column = filled(conn, sa.DateTime(timezone=True), values)
    year = apply(conn, resolve("to year"), column)[0]
    assert year.replace(tzinfo=UTC) == datetime(2023, 1, 1, tzinfo=UTC)
    assert done(conn, resolve("to year"), column) == [True, True]


def test_postgresql_addresses_keep_their_network(conn: sa.Connection) -> None:
    if conn.dialect.name == "mysql":
        return  # its INET6 keeps no mask, and is no type that a strategy of ours takes
    if conn.dialect.name == "sqlite":
        column = filled(conn, postgresql.INET().with_variant(sa.Text, "sqlite"), ["10.1.2.3"])
        assert stored(conn, column) == ["10.1.2.3"]  # SQLite has no such type: nothing more to say
        return
    bound = resolve("ip to network")
    values = ["10.1.2.3", "10.1.2.3/32", "10.0.0.0/8", "2001:db8:1:2::3", "2001:db8:1:2::/64", None]
    for type_ in (postgresql.INET, postgresql.CIDR):
        fitting = ["10.1.2.0/24" if type_ is postgresql.CIDR and value == "10.1.2.3" else value for value in values]
        column = filled(conn, type_, fitting)
        before = stored(conn, column)
        after = apply(conn, bound, column)
        assert [value and str(value) for value in after] == [
            "10.1.2.0/24", "10.1.2.0/24", "10.0.0.0/8", "2001:db8:1::/48", "2001:db8:1::/48", None
        ]  # fmt: skip
        assert all(bound.is_done(value) for value in after)
        assert [str(value) for value in bound.make(before, Random())] == [str(value) for value in after]
        assert done(conn, bound, column) == [True] * 6


CONSTANTS: list[tuple[str, Any, list[Any], Any]] = [
    ('constant ""', sa.Text, ["secret", "", None], ""),
    ('constant "it\'s \\"x\\" % :y"', sa.String(20), ["secret", None], 'it\'s "x" % :y'),
    ('constant "0"', sa.Integer, [5, 0, None], 0),
    ('constant "1.50"', sa.Numeric(10, 2), [Decimal("9.99"), None], Decimal("1.50")),
    ('constant "false"', sa.Boolean, [True, False, None], False),
    ('constant "1900-01-01"', sa.Date, [date(2000, 2, 2), None], date(1900, 1, 1)),
    ('constant "1900-01-01 00:00"', sa.DateTime, [datetime(2000, 2, 2, 3), None], datetime(1900, 1, 1)),
    ('constant "00000000-0000-0000-0000-000000000000"', sa.Uuid, [uuid.uuid4(), None], uuid.UUID(int=0)),
    ('constant "x"', sa.LargeBinary, [b"secret", None], b"x"),
    ('constant "{}"', sa.JSON, [{"a": 1}, None], {}),
    ('constant "{}"', sa.JSON().with_variant(postgresql.JSONB, "postgresql"), [{"a": 1}, None], {}),
]


@pytest.mark.parametrize(("spelling", "type_", "values", "constant"), CONSTANTS)
def test_constants_of_every_type(
    conn: sa.Connection, spelling: str, type_: Any, values: list[Any], constant: Any
) -> None:
    bound = resolve(spelling)
    column = filled(conn, type_, values)
    assert done(conn, bound, column) == [value == constant for value in values]
    after = apply(conn, bound, column)
    assert after == [constant] * len(values)
    assert done(conn, bound, column) == [True] * len(values)
    assert all(bound.is_done(value) for value in after)


def test_constants_of_postgresql_types(conn: sa.Connection) -> None:
    if conn.dialect.name != "postgresql":
        assert resolve('constant "{}"').unfit(sa.ARRAY(sa.Text)) is None
        return
    mood = postgresql.ENUM("calm", "none", name=f"mood_{uuid.uuid4().hex[:8]}")
    mood.create(conn)
    for spelling, type_, value, text in (
        ('constant "{}"', postgresql.ARRAY(sa.Text), ["a"], "{}"),
        ('constant "0.0.0.0"', postgresql.INET, "10.1.2.3", "0.0.0.0"),
        ('constant "none"', mood, "calm", "none"),
        ('constant "00:00:00"', sa.Time, datetime(2000, 1, 1, 5).time(), "00:00:00"),
    ):
        bound = resolve(spelling)
        column = filled(conn, type_, [value, None])
        assert done(conn, bound, column) == [False, False]
        apply(conn, bound, column)
        assert list(conn.scalars(sa.select(sa.cast(column, sa.Text)))) in ([text] * 2, [f"{text}/32"] * 2)
        assert done(conn, bound, column) == [True, True]


def test_nothing_empties_every_type(conn: sa.Connection) -> None:
    bound = resolve("nothing")
    for type_, value in ((sa.Text, "x"), (sa.JSON, {"a": 1}), (sa.Integer, 1), (sa.LargeBinary, b"x")):
        column = filled(conn, type_, [value])
        assert done(conn, bound, column) == [False]
        assert apply(conn, bound, column) == [None]
        assert done(conn, bound, column) == [True]


@pytest.mark.parametrize(
    ("spelling", "column_name"),
    [
        ("invented name", "last_name"),
        ("invented name", "first_name"),
        ("invented name", "middle_name"),
        ("invented name", "payer_name"),
        ("region", "address"),
        ('region "жоқ"', "address"),
        ("redact", "notes"),
    ],
)
def test_values_of_python_look_done_in_the_database(conn: sa.Connection, spelling: str, column_name: str) -> None:
    bound = resolve(spelling)
    originals = ["г. Алматы, ул. Абая, 10", "ВКО, Риддер", "a@b.kz", None] * 50
    column = filled(conn, sa.Text, bound.make(originals, Random(1), column_name=column_name), column_name)
    assert done(conn, bound, column) == [True] * len(originals)
    assert all(bound.is_done(value) for value in stored(conn, column))


def test_padded_and_folded_texts_are_read_plainly(conn: sa.Connection) -> None:
    bound = resolve("synthetic phone")
    column = filled(conn, sa.CHAR(20), bound.make(["x"] * 5, Random(1)))
    assert done(conn, bound, column) == [True] * 5


def test_a_date_that_sqlite_cannot_read_does_not_stay(conn: sa.Connection) -> None:
    if conn.dialect.name != "sqlite":
        assert resolve("to year").unfit(sa.Text()) is not None  # there a date column holds dates only
        return
    column = filled(conn, sa.Date, [None])
    conn.execute(sa.text(f"UPDATE {column.table.name} SET value = '15.06.1995'"))
    assert done(conn, resolve("to year"), column) == [False]
    assert apply(conn, resolve("to year"), column) == [None]


def test_every_strategy_made_in_the_database_is_tried_here() -> None:
    tried = {
        "nothing",
        *(row[0] for row in RANDOM),
        *(row[0] for row in COARSE),
        *(row[0] for row in CONSTANTS),
    }
    names = {resolve(spelling).strategy.name for spelling in tried}
    assert names == {strategy.name for strategy in all_strategies() if strategy.made_in == "database"}
