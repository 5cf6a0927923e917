"""A person's debt: case, people around it, payments, calls, recordings; it rests on law and contract (6.3)."""

from datetime import datetime, timedelta

from worker.demo import digits, texts, words
from worker.demo.people import Person, World
from worker.demo.rows import CallRecording, CaseParty, ContactAttempt, DebtCase, Payment
from worker.demo.stories import Story

ALWAYS = frozenset({Story.INDEBTED, Story.ASKED_FOR, Story.IN_COURT})
ROLES = ("guarantor", "relative", "representative")


def owe(world: World, made: Person) -> None:
    """The person's cases with everything that hangs on them; none for those whose activity has no date."""
    if made.eventless:
        return
    if made.story in ALWAYS or made.seen == "call" or world.chance(0.4):
        _case(world, made)
        if world.chance(0.1):
            _case(world, made)


def _case(world: World, made: Person) -> None:
    rng = world.rng
    number = world.heap.new_id(DebtCase)
    opened = world.between(made.first, made.last)
    closed = None if _is_open(world, made) else world.between(opened, made.last)
    asked = world.now - timedelta(days=rng.randrange(1, 90))
    world.heap.add(DebtCase(
        id=number, user_id=made.id, iin=made.iin, contract_no=f"{opened:%Y}-{number:07d}/К",
        creditor=rng.choice(words.CREDITORS),
        amount=f"{rng.randrange(5_000, 5_000_000)}.{rng.randrange(100):02d}",
        currency="KZT" if world.chance(0.97) else "USD",
        outcome=rng.choice(("paid", "settled", "returned", "written off")) if closed else None,
        status="closed" if closed else "open", notes=texts.note(world),
        court_case=f"{opened:%Y}-{rng.randrange(10_000)}-2" if made.story is Story.IN_COURT else None,
        state_request_at=str(asked) if made.story is Story.ASKED_FOR else None,
        opened_at=str(opened), closed_at=str(closed) if closed else None,
    ))  # fmt: skip
    if world.chance(0.25):
        _party(world, number)
    for _ in range(rng.randrange(4)):
        _payment(world, made, number, world.between(opened, closed or made.last))
    _contacts(world, made, number, opened, closed or world.now)


def _is_open(world: World, made: Person) -> bool:
    return made.story is Story.INDEBTED or (made.story is Story.ACTIVE and world.chance(0.5))


def _party(world: World, case: int) -> None:
    rng = world.rng
    known = rng.choice(world.recent) if world.chance(0.3) else None  # a guarantor may be a user too
    name = known.full_name if known else f"{rng.choice(words.MEN)} {rng.choice(words.SURNAMES)}"
    world.heap.add(CaseParty(
        id=world.heap.new_id(CaseParty), case_id=case, role=rng.choice(ROLES), full_name=name,
        iin=known.iin if known else world.maybe(0.6, world.outsider_iin()),
        phone=digits.spelt(rng, known.mobile if known else digits.mobile(rng)),
    ))  # fmt: skip


def _payment(world: World, made: Person, case: int, moment: datetime) -> None:
    rng = world.rng
    payer = rng.choice(world.recent) if world.chance(0.03) else made  # another's debt: the row is of both
    paid_at = "1970-01-01" if world.chance(0.0005) else str(moment.date())
    world.heap.add(Payment(
        id=world.heap.new_id(Payment), user_id=world.maybe(0.95, made.id), case_id=case,
        amount=f"{rng.randrange(500, 300_000)}.00", currency="KZT", paid_at=paid_at,
        payer_name=payer.full_name, payer_iin=payer.iin, iban=digits.iban(rng),
        purpose=texts.purpose(world, payer.iin),
    ))  # fmt: skip


def _contacts(world: World, made: Person, case: int, opened: datetime, until: datetime) -> None:
    if made.seen == "call":
        _contact(world, made, case, "in", made.last)
    for _ in range(world.rng.randrange(4)):
        if world.chance(0.2):
            _contact(world, made, case, "in", world.between(opened, min(until, made.last)))
        else:
            _contact(world, made, case, "out", world.between(opened, until))  # ours may be later than theirs


def _contact(world: World, made: Person, case: int, direction: str, moment: datetime) -> None:
    rng = world.rng
    number = world.heap.new_id(ContactAttempt)
    national = (made.home or made.mobile) if world.chance(0.2) else made.mobile
    answered = direction == "in" or world.chance(0.5)
    world.heap.add(ContactAttempt(
        id=number, user_id=made.id, case_id=case, direction=direction, at=str(moment), answered=answered,
        phone_dialled=digits.spelt(rng, national), person=made.full_name if answered else None,
        note=texts.call_note(world),
    ))  # fmt: skip
    if answered and world.chance(0.6):
        _recording(world, made, number, national, moment)


def _recording(world: World, made: Person, attempt: int, national: str, moment: datetime) -> None:
    number = world.heap.new_id(CallRecording)
    words_said = texts.transcript(made, national)
    world.heap.add(CallRecording(
        id=number, attempt_id=attempt, file=world.disk.recording(number, moment.year, words_said),
        phone=f"+7{national}", transcript=words_said, duration=world.rng.randrange(5, 900),
        recorded_at=str(moment),
    ))  # fmt: skip
