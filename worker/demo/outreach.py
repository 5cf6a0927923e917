"""What the operator does towards people, and what its servers write down of them."""

import uuid
from datetime import datetime, timedelta

from worker.demo import digits, texts, words
from worker.demo.people import Person, World
from worker.demo.records import address
from worker.demo.rows import AccessLogLine, MarketingSubscriber, MessageOut, Transfer
from worker.demo.stories import local_text

PAGES = ("/", "/kk/login", "/ru/cabinet", "/ru/pay", "/kk/contacts")


def reach(world: World, made: Person) -> None:
    """Our messages, newsletter, transfers to others, and the visits the server saw."""
    for _ in range(world.rng.randrange(3)):
        _message(world, made)
    if made.email and made.email.startswith(made.login) and world.chance(0.2):
        _subscribe(world, made.email, made.full_name, digits.spelt(world.rng, made.mobile), made.first)
    if world.chance(0.3):
        _transfer(world, made)
    _visits(world, made)


def strange_visit(world: World) -> None:
    """A visit of somebody who was not logged in (clauses 1.2 and 3.9)."""
    moment = world.between(world.now - timedelta(days=2500), world.now)
    _visit(world, None, moment, f"?phone=%2B7{digits.mobile(world.rng)}" if world.chance(0.1) else "")


def strange_subscriber(world: World) -> None:
    """Somebody who gave nothing but an address for the newsletter."""
    number = world.heap.new_id(MarketingSubscriber)
    moment = world.between(world.now - timedelta(days=2500), world.now)
    world.heap.add(MarketingSubscriber(
        id=number, email=f"reader{number}@example.com", phone=None, name="", subscribed_at=str(moment),
        unsubscribed_at=None,
    ))  # fmt: skip


def _message(world: World, made: Person) -> None:
    rng = world.rng
    channel = rng.choice(("sms", "sms", "whatsapp", "email"))
    to = made.email if channel == "email" else f"+7{made.mobile}"
    moment = world.between(made.first, world.now if world.chance(0.1) else made.last)  # later than theirs
    world.heap.add(MessageOut(
        id=world.heap.new_id(MessageOut), user_id=made.id, channel=channel, address=to,
        body=f"Құрметті {made.first_name}! Қарызыңыз туралы: {rng.randrange(1000, 900_000)} тг. +7(747)505-21-51",
        provider=texts.as_json({"id": rng.getrandbits(48), "to": [to], "status": {"code": 0, "text": "accepted"}}),
        delivered=world.chance(0.9), sent_at=str(moment),
    ))  # fmt: skip


def _subscribe(world: World, email: str, name: str, phone: str, moment: datetime) -> None:
    left = str(world.between(moment, world.now)) if world.chance(0.3) else None
    world.heap.add(MarketingSubscriber(
        id=world.heap.new_id(MarketingSubscriber), email=email, phone=phone, name=name,
        subscribed_at=str(moment), unsubscribed_at=left,
    ))  # fmt: skip


def _transfer(world: World, made: Person) -> None:
    rng = world.rng
    payload = {"subject": {"iin": made.iin, "fio": made.full_name}, "contacts": [made.mobile, made.email]}
    world.heap.add(Transfer(
        id=world.heap.new_id(Transfer), user_id=made.id, recipient=rng.choice(words.RECIPIENTS),
        exchange_id=str(uuid.UUID(int=rng.getrandbits(128), version=4)), payload=texts.as_json(payload),
        sent_at=str(world.between(made.first, made.last)),
    ))  # fmt: skip


def _visits(world: World, made: Person) -> None:
    if made.eventless:
        return
    if made.seen == "visit":
        _visit(world, made, made.last, "")
    if world.chance(0.6):
        query = f"?iin={made.iin}" if made.iin and world.chance(0.1) else ""
        _visit(world, made, world.between(made.first, made.last), query)


def _visit(world: World, made: Person | None, moment: datetime, query: str) -> None:
    rng = world.rng
    world.heap.add(AccessLogLine(
        id=world.heap.new_id(AccessLogLine), user_id=made.id if made else None, ip=address(world),
        cookie_id=f"{rng.getrandbits(128):032x}", user_agent=rng.choice(words.BROWSERS),
        url=rng.choice(PAGES) + query,
        referer=world.maybe(0.3, f"https://search.example.com/?q=kkpi+{rng.choice(words.SURNAMES)}"),
        accessed_at=local_text(moment),
    ))  # fmt: skip
