"""On MySQL each assignment of an UPDATE sees what those before it have changed."""

import sqlalchemy as sa

from worker.plan.assigning import in_turn

TABLE = sa.Table("t", sa.MetaData(), *(sa.Column(name, sa.Integer) for name in "abcd"))
OTHER = sa.Table("o", sa.MetaData(), sa.Column("a", sa.Integer), sa.Column("b", sa.Integer))


def test_whatever_reads_a_column_comes_before_what_changes_it() -> None:
    by_way = sa.select(OTHER.c.a).where(OTHER.c.b == TABLE.c.c).scalar_subquery()
    values = {"c": TABLE.c.c + 1, "d": None, "b": by_way, "a": TABLE.c.b}
    order = in_turn(TABLE, values)
    names = [name for name, _ in order]
    assert sorted(names) == sorted(values)
    assert dict(order) == values
    assert names.index("a") < names.index("b") < names.index("c")


def test_columns_that_read_each_other_come_last() -> None:
    order = in_turn(TABLE, {"a": TABLE.c.b, "b": TABLE.c.a, "d": 1, "c": TABLE.c.d})
    assert [name for name, _ in order] == ["c", "d", "a", "b"]


def test_a_column_of_the_same_name_elsewhere_is_another() -> None:
    assert [name for name, _ in in_turn(TABLE, {"b": OTHER.c.a, "a": OTHER.c.b})] == ["b", "a"]
