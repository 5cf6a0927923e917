"""The people of fates.csv, part two: who is one person, who is held, and what cannot be decided."""

import json

from tests.acceptance.filler import (
    HERE,
    LONG_AGO,
    ROWS,
    Row,
    attempt,
    audit,
    case,
    complaint,
    consent,
    feedback,
    form,
    message,
    of,
    party,
    payment,
    recording,
    scan,
    subscriber,
    transfer,
    user,
    visit,
)


def one_person_twice() -> None:
    """Two accounts with one IIN are one person (case 1): the newest activity of either delays both, as do holds."""
    user(20, "twin", "971112352888", LONG_AGO)
    user(21, "othertwin", "971112352888", "2020-02-29 06:00:00")
    form(201, "twin", LONG_AGO)
    form(211, "othertwin", LONG_AGO)
    case(201, "twin", LONG_AGO)
    complaint(201, "twin", "2011-01-01 06:00:00", "2012-01-01 06:00:00", user_id=None)
    user(22, "gonehalf", "680606412738", LONG_AGO)
    user(23, "herehalf", "680606412738", HERE)
    form(221, "gonehalf", LONG_AGO)
    consent(221, "gonehalf", LONG_AGO)
    user(24, "freehalf", "681008447841", LONG_AGO)
    user(25, "heldhalf", "681008447841", LONG_AGO)
    form(241, "freehalf", LONG_AGO)
    case(251, "heldhalf", None)
    user(66, "numberless", None, LONG_AGO, email=None)
    user(67, "numberlesstoo", None, HERE, email=None)


def shared_contacts() -> None:
    """A shared e-mail or telephone is nobody's identity: it may delay, never trigger, and the other keeps it."""
    user(26, "husband", "580514354280", LONG_AGO, email="family@mail.kz", phone_home="8 727 263 00 01")
    user(27, "wife", "860113374511", HERE, email="family@mail.kz", phone_home="8 727 263 00 01")
    form(261, "husband", LONG_AGO, phone_home="8 727 263 00 01")
    message(261, "husband", LONG_AGO)
    subscriber(271, "wife", LONG_AGO)
    user(28, "subscribed", "600627447562", LONG_AGO)
    subscriber(281, "subscribed", HERE)


def payer_and_debtor() -> None:
    """A payment belongs to its debtor and to its payer, whoever of them stays longer."""
    user(30, "debtorgone", "860216369466", LONG_AGO)
    user(31, "payerhere", "630203309058", HERE)
    case(301, "debtorgone", "2014-05-05 06:00:00")
    payment(301, "debtorgone", 301, "2014-05-01", payer="payerhere")
    user(32, "debtorhere", "970321399372", HERE)
    user(33, "payergone", "520917352660", LONG_AGO)
    case(321, "debtorhere", "2014-05-05 06:00:00")
    party(321, "debtorhere", 321)
    attempt(321, "debtorhere", 321, "2013-03-03 06:00:00")
    payment(321, "debtorhere", 321, "2014-05-01", payer="payergone")
    user(34, "debtorpast", "520218467060", LONG_AGO)
    user(35, "payerpast", "910417339627", LONG_AGO)
    case(341, "debtorpast", "2014-05-05 06:00:00")
    payment(341, "debtorpast", 341, "2014-05-01", payer="payerpast")
    payment(
        342,
        "debtorpast",
        341,
        "2014-05-02",
        user_id=None,
        payer_name="Бөтен",
        payer_iin="780717335894",
        purpose="ЖСН 780717335894",
    )
    attempt(341, "debtorpast", 341, "2013-03-03 06:00:00")
    attempt(342, "debtorhere", 341, "2013-03-03 06:00:00")
    user(36, "debtor18", "760809435341", LONG_AGO)
    user(37, "payer18", "810403341671", LONG_AGO)
    case(361, "debtor18", "2014-05-05 06:00:00")
    payment(361, "debtor18", 361, "2018-06-06", payer="payer18")


def undecidable() -> None:
    """No date, or one that cannot be true: quarantine, never a guess (case 7)."""
    user(40, "silent", "660418337929", None)
    scan(401, "silent", "registration", LONG_AGO)
    message(401, "silent", LONG_AGO)
    user(41, "nologin", "760506408406", None)
    visit(411, "nologin", "2012-05-05 12:00:00")
    user(42, "yearone", "701005406636", "0001-01-01 00:00:00")
    form(421, "yearone", LONG_AGO)
    user(43, "epoch", "810704434552", "1970-01-01 00:00:00")
    message(431, "epoch", LONG_AGO)
    user(44, "endoftime", "860312477207", "9999-12-31 00:00:00")
    form(441, "endoftime", LONG_AGO)
    user(45, "infinite", "910615343959", "infinity", only="postgresql")
    user(46, "future", "710717345889", "2031-01-01 06:00:00")
    form(461, "future", LONG_AGO)
    user(47, "dotted", "901108364689", "28.02.2015", only="sqlite")
    user(48, "absurdbuthere", "890326409908", "1970-01-01 00:00:00")
    case(481, "absurdbuthere", HERE)
    user(51, "before91", "601222493255", "1990-12-31 06:00:00")
    user(52, "from91", "801214435805", "1991-01-01 06:00:00")
    user(50, "rowsabsurd", "500407399948", LONG_AGO)
    message(501, "rowsabsurd", "1970-01-01 00:00:00")
    message(502, "rowsabsurd", "9999-12-31 00:00:00")
    message(503, "rowsabsurd", "2031-01-01 06:00:00")
    transfer(501, "rowsabsurd", "0001-01-01 00:00:00")
    feedback(501, "rowsabsurd", LONG_AGO, None)


def held() -> None:
    """Reasons not to touch (case 5). The first has a row in each of the sixteen tables."""
    user(57, "indebted", "660214436423", LONG_AGO)
    form(571, "indebted", LONG_AGO)
    scan(571, "indebted", "registration", LONG_AGO, file_path="shared/two-rows.pdf")
    feedback(571, "indebted", LONG_AGO, LONG_AGO)
    complaint(571, "indebted", LONG_AGO, LONG_AGO)
    case(571, "indebted", None)
    case(572, "indebted", LONG_AGO)
    party(571, "indebted", 571)
    party(572, "indebted", 572)
    payment(571, "indebted", 572, "2012-03-03")
    attempt(571, "indebted", 571, LONG_AGO)
    recording(571, "indebted", 571, LONG_AGO)
    message(571, "indebted", LONG_AGO)
    consent(571, "indebted", LONG_AGO)
    subscriber(571, "indebted", LONG_AGO)
    visit(571, "indebted", "2012-05-05 12:00:00")
    transfer(571, "indebted", LONG_AGO)
    audit(571, "indebted", LONG_AGO)
    user(58, "complaining", "850108399667", LONG_AGO)
    complaint(581, "complaining", "2012-01-01 06:00:00", None, user_id=None)
    message(581, "complaining", LONG_AGO)
    user(59, "incourt", "710926486244", LONG_AGO)
    case(591, "incourt", LONG_AGO, court_case="7527-12-00-2/1")
    user(60, "askedfor", "780104397405", LONG_AGO)
    case(601, "askedfor", LONG_AGO, state_request_at="2012-12-12 06:00:00")
    user(61, "blocked", "570819499630", LONG_AGO, processing_blocked_at="2013-01-01 06:00:00")
    message(611, "blocked", LONG_AGO)
    user(62, "heldbyhand", "580113385687", LONG_AGO)
    message(621, "heldbyhand", LONG_AGO)
    user(63, "rowheld", "500513313947", LONG_AGO)
    message(631, "rowheld", LONG_AGO)
    message(632, "rowheld", LONG_AGO)


def states_of_a_row() -> None:
    """Soft-deleted rows, minors, and rows that have nothing left to treat."""
    user(55, "softgone", "840814350988", LONG_AGO, deleted_at=LONG_AGO, status="closed")
    user(56, "softhere", "740426465546", HERE, deleted_at="2022-06-20 06:00:00", status="closed")
    user(64, "minor", "100909543217", "2020-02-29 06:00:00", birth_date="2010-09-09")
    form(641, "minor", LONG_AGO, birth_date="2010-09-09")
    user(65, "emptied", "560205483960", LONG_AGO)
    case(651, "emptied", LONG_AGO)
    attempt(651, "emptied", 651, LONG_AGO, phone_dialled=None, person=None, note=None)
    recording(651, "emptied", 651, LONG_AGO, file=None, phone=None, transcript=None)
    message(651, "emptied", LONG_AGO, address=None, body=None, provider=None)
    for only, network in (("postgresql", "203.0.113.0/24"), ("sqlite", "203.0.113.0")):
        visit(
            651,
            "emptied",
            "2012-05-05 12:00:00",
            only=only,
            ip=network,
            cookie_id=None,
            user_agent=None,
            url="https://kkpi.kz/",
            referer=None,
        )
    transfer(651, "emptied", LONG_AGO, exchange_id=None, payload=None)
    audit(651, "emptied", LONG_AGO, old=None, new=None)


def personal_data_everywhere() -> None:
    """Nested JSON, free text, third persons' numbers, what only looks like an IIN, and files (cases 3, 4, 8, 10)."""
    user(68, "textual", "770724410960", LONG_AGO, middle_name=None, address=None)
    deep = {"a": [{"b": {"iin": 770724410960}}], "raw": json.dumps({"inner": json.dumps({"iin": "770724410960"})})}
    form(681, "textual", LONG_AGO, raw_json=json.dumps(deep))
    scan(681, "textual", "registration", LONG_AGO)
    scan(682, "textual", "registration", LONG_AGO, file_path="shared/two-rows.pdf", thumbnail_path=None)
    feedback(681, "textual", LONG_AGO, LONG_AGO, body="Менің ЖСН 770724410960, 68.TEXTUAL@MAIL.KZ")
    case(
        681,
        "textual",
        LONG_AGO,
        notes="Келісім №2024-01; ЖСН ７７０７２４４１０９６０; 68.textual@mail.kz; "
        "әпкесі 8 (705) 333-22-11; БСН 240140999905; IBAN KZ75125KZT0000000681; 202401011230",
    )
    attempt(681, "textual", 681, LONG_AGO, note="Көршісі 8 (705) 333-22-12", person="Көршісі")
    recording(681, "textual", 681, LONG_AGO)
    payment(681, "textual", 681, "2012-05-05", purpose="Төлем 770724410960 үшін, тел +7(701)555-00-68")
    message(681, "textual", LONG_AGO, channel="sms", address=of("textual", "phone_mobile"))
    transfer(681, "textual", LONG_AGO, payload=json.dumps([deep, ["68.textual@mail.kz"]]))
    audit(681, "textual", LONG_AGO)


def everybody() -> None:
    """All of part two, and the region they live in."""
    ROWS.append(Row("regions", "nobody", {"id": 901, "code": "T-901", "name": "Сынақ облысы"}))
    one_person_twice()
    shared_contacts()
    payer_and_debtor()
    undecidable()
    held()
    states_of_a_row()
    personal_data_everywhere()
