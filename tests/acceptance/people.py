"""The people of fates.csv, part one: terms. Who stopped when, and which row's own term ends when.

Every row of fates.csv stands here or in people_special.py, and the numbers of a person's rows begin with the person's.
The local days matter: Asia/Almaty was UTC+6 until 2024-03-01, so 18:00 UTC begins the next day, and is UTC+5 since.
"""

from tests.acceptance.filler import (
    HERE,
    LONG_AGO,
    attempt,
    audit,
    case,
    complaint,
    consent,
    feedback,
    form,
    message,
    party,
    payment,
    recording,
    scan,
    subscriber,
    transfer,
    user,
    visit,
)


def on_a_leap_day() -> None:
    """Stopped on 29 February 2020: kept until 1 March 2023. A row in each of the sixteen tables, none of them newer."""
    user(1, "leap", "650505478459", "2020-02-29 06:00:00")
    form(11, "leap", "2015-04-01 06:00:00")
    scan(11, "leap", "registration", "2015-04-01 06:00:00")
    scan(12, "leap", "contract", "2015-04-01 06:00:00")
    feedback(11, "leap", "2018-01-10 06:00:00", "2018-02-02 06:00:00")
    complaint(11, "leap", "2018-01-10 06:00:00", "2018-02-02 06:00:00")
    case(11, "leap", "2017-08-08 06:00:00")
    party(11, "leap", 11)
    payment(11, "leap", 11, "2017-07-07")
    attempt(11, "leap", 11, "2016-03-03 06:00:00")
    recording(11, "leap", 11, "2016-03-03 06:00:00")
    message(11, "leap", "2018-03-03 06:00:00")
    consent(11, "leap", "2015-04-01 06:00:00")
    subscriber(11, "leap", "2018-03-03 06:00:00")
    visit(11, "leap", "2018-03-03 12:00:00")
    transfer(11, "leap", "2015-05-05 06:00:00")
    audit(901, "leap", "2018-03-03 06:00:00")
    audit(902, "leap", "2018-03-03 06:00:00", table_name="regions", old='{"name": "A"}', new='{"name": "B"}')


def at_the_edge_of_a_day() -> None:
    """Seconds around local midnights, stored in UTC; and other days near the end of February."""
    user(2, "eve", "590204365798", "2020-02-28 17:59:59")  # 28 February, 23:59:59
    form(21, "eve", "2015-04-01 06:00:00")
    message(21, "eve", "2015-04-01 06:00:00")
    user(3, "midnight", "850527336367", "2020-02-28 18:00:00")  # 29 February, 00:00
    form(31, "midnight", "2015-04-01 06:00:00")
    user(4, "lastsecond", "830913428280", "2020-03-01 17:59:59")  # 1 March, 23:59:59
    user(5, "second", "560508342647", "2020-03-01 18:00:00")  # 2 March, 00:00
    form(51, "second", "2015-04-01 06:00:00")
    user(70, "march21", "670407447457", "2021-03-02 06:00:00")
    form(701, "march21", "2015-04-01 06:00:00")
    user(71, "february21", "901213399266", "2021-02-28 06:00:00")
    user(72, "first21", "711114329128", "2021-03-01 06:00:00")


def rows_of_three_years() -> None:
    """Stopped long ago, so that each row goes by its own event and the three years after it."""
    user(10, "rows3", "650810389723", LONG_AGO)
    subscriber(101, "rows3", LONG_AGO)
    visit(101, "rows3", "2012-05-05 12:00:00")
    case(101, "rows3", "2012-04-04 06:00:00")
    for key, noon, exchange in (
        (101, "2020-02-28 06:00:00", "2020-02-28 17:59:59"),
        (102, "2020-02-29 06:00:00", "2020-02-28 18:00:00"),
        (103, "2020-03-01 06:00:00", "2020-03-01 17:59:59"),
        (104, "2020-03-02 06:00:00", "2020-03-01 18:00:00"),
    ):
        message(key, "rows3", noon)
        complaint(key, "rows3", "2012-01-01 06:00:00", noon)
        feedback(key, "rows3", "2012-01-01 06:00:00", noon)
        attempt(key, "rows3", 101, "2012-03-03 06:00:00")
        recording(key, "rows3", key, exchange)


def rows_of_five_years() -> None:
    """Rows that other law keeps longer: contract documents, transfers, cases."""
    user(11, "rows5", "690111483292", LONG_AGO)
    case(111, "rows5", "2016-02-29 06:00:00")
    party(111, "rows5", 111)
    attempt(111, "rows5", 111, "2012-03-03 06:00:00")
    payment(111, "rows5", 111, "2016-02-29")
    for key, noon in (
        (111, "2016-02-29 06:00:00"),
        (112, "2018-02-28 06:00:00"),
        (113, "2018-03-01 06:00:00"),
        (114, "2018-03-02 06:00:00"),
    ):
        scan(key, "rows5", "contract", noon)
        transfer(key, "rows5", noon)
    consent(111, "rows5", LONG_AGO)
    user(12, "cases", "620715470628", LONG_AGO)
    for key, noon in (
        (121, "2018-02-28 06:00:00"),
        (122, "2018-03-01 06:00:00"),
        (123, "2018-03-02 06:00:00"),
    ):
        case(key, "cases", noon)
        party(key, "cases", key)
        attempt(key, "cases", key, "2013-03-03 06:00:00")


def tax_years() -> None:
    """Payments count from the end of their year: 31 December 2017 and 1 January 2018 are a year apart."""
    user(13, "taxed17", "780309442548", LONG_AGO)
    case(131, "taxed17", "2016-06-06 06:00:00")
    payment(131, "taxed17", 131, "2017-12-31")
    payment(132, "taxed17", 131, "2017-01-01")
    user(14, "taxed18", "520203445949", LONG_AGO)
    case(141, "taxed18", "2016-06-06 06:00:00")
    payment(141, "taxed18", 141, "2018-01-01")


def what_counts_as_activity() -> None:
    """Their call counts and ours does not; a visit counts; a letter of ours does not; a new message does."""
    user(73, "caller", "830922456176", LONG_AGO)
    case(731, "caller", LONG_AGO)
    attempt(731, "caller", 731, HERE, direction="in")
    user(74, "called", "591108367636", LONG_AGO)
    case(741, "called", LONG_AGO)
    attempt(741, "called", 741, HERE)
    user(75, "mailed", "621122445263", LONG_AGO)
    message(751, "mailed", HERE)
    user(76, "writer", "610615491506", LONG_AGO)
    feedback(761, "writer", HERE, HERE)
    user(77, "visitor", "620605337493", LONG_AGO)
    visit(771, "visitor", "2020-02-29 12:00:00")
    user(78, "formal", "671021320011", LONG_AGO)
    form(781, "formal", "2020-02-29 06:00:00")
    user(79, "plaintiff", "710311404206", LONG_AGO)
    complaint(791, "plaintiff", "2020-02-29 06:00:00", "2020-02-29 07:00:00", user_id=None)


def strangers() -> None:
    """Rows that lead to nobody go by their own term. The access log is stored in local time."""
    for key, noon, local in (
        (801, "2020-02-28 06:00:00", "2020-02-28 23:59:59"),
        (802, "2020-02-29 06:00:00", "2020-02-29 00:00:00"),
        (803, "2020-03-01 06:00:00", "2020-03-01 23:59:59"),
        (804, "2020-03-02 06:00:00", "2020-03-02 00:00:00"),
    ):
        feedback(key, "stranger", noon, noon)
        subscriber(key, "stranger", noon)
        visit(key, "stranger", local, url=f"https://kkpi.kz/?phone=87078880{key}", referer=None)
        complaint(key, "stranger", "2012-01-01 06:00:00", noon)
    feedback(805, "stranger", LONG_AGO, None)
    complaint(805, "stranger", "2012-01-01 06:00:00", "2020-02-29 06:00:00", iin="520624346801")
    audit(805, "stranger", LONG_AGO, row_id=99999)


def everybody() -> None:
    """All of part one."""
    on_a_leap_day()
    at_the_edge_of_a_day()
    rows_of_three_years()
    rows_of_five_years()
    tax_years()
    what_counts_as_activity()
    strangers()
