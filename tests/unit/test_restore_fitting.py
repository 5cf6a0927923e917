"""Which types only became wider since a copy was made."""

import pytest

from worker.pipeline.restore.fitting import is_widened


@pytest.mark.parametrize(
    ("archived", "now"),
    [
        ("integer", "bigint"),
        ("smallint", "numeric"),
        ("INT", "BIGINT"),
        ("character varying(50)", "character varying(200)"),
        ("VARCHAR(50)", "TEXT"),
        ("text", "character varying"),
        ("character(3)", "character(5)"),
        ("numeric(10,2)", "numeric(12,2)"),
        ("NUMERIC(10, 2)", "NUMERIC(12, 4)"),
        ("numeric(10,2)", "numeric"),
        ("timestamp(0) without time zone", "timestamp without time zone"),
        ("time(0) without time zone", "time(3) without time zone"),
        ("bit varying(3)", "bit varying"),
        ("mood", "mood"),
        ("interval day to second(2)", "interval day to second(2)"),
    ],
)
def test_wider(archived: str, now: str) -> None:
    assert is_widened(archived, now)


@pytest.mark.parametrize(
    ("archived", "now"),
    [
        ("bigint", "integer"),
        ("numeric", "bigint"),
        ("integer", "numeric(5,2)"),
        ("integer", "text"),
        ("text", "character varying(9)"),
        ("character varying(9)", "character varying(8)"),
        ("character varying(9)", "character(9)"),
        ("character(3)", "character"),
        ("numeric", "numeric(10,2)"),
        ("numeric(10,2)", "numeric(11,4)"),
        ("numeric(10,2)", "numeric(12,1)"),
        ("timestamp without time zone", "timestamp with time zone"),
        ("timestamp without time zone", "timestamp(0) without time zone"),
        ("date", "timestamp without time zone"),
        ("real", "double precision"),
        ("mood", "humour"),
        ("integer[]", "bigint[]"),
        ("", "TEXT"),
    ],
)
def test_another(archived: str, now: str) -> None:
    assert not is_widened(archived, now)
