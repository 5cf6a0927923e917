"""What a person leaves on the site: form, scans, consent, messages, complaints, changes of the profile."""

from datetime import datetime, timedelta

from worker.demo import digits, texts
from worker.demo.people import Person, World
from worker.demo.rows import (
    AuditLogLine,
    Complaint,
    Consent,
    FeedbackMessage,
    RegistrationForm,
    ScannedDocument,
)
from worker.demo.stories import Story

POLICY_TEXTS = {"2019-03": "4f" * 32, "2022-11": "a8" * 32}  # version: SHA-256 of the text that was agreed to
DOCUMENTS = ("identity card", "contract", "power of attorney")


def register(world: World, made: Person) -> None:
    """Form, scans and consent of the registration; who is silent was imported and has but a consent."""
    ip = address(world)
    if not made.eventless and (made.seen == "form" or world.chance(0.95)):
        _form(world, made, ip)
    for kind in DOCUMENTS:
        if world.chance(0.3):
            _scan(world, made, kind)
    version = "2019-03" if made.first.year < 2022 else "2022-11"
    world.heap.add(Consent(
        id=world.heap.new_id(Consent), user_id=made.id, policy_version=version,
        text_hash=POLICY_TEXTS[version], ip=ip, given_at=str(made.first),
    ))  # fmt: skip
    if world.chance(0.25):
        _profile_change(world, made)


def write(world: World, made: Person) -> None:
    """Messages and complaints of a person whose activity has dates."""
    if made.eventless:
        return
    if made.seen == "feedback" or world.chance(0.08):
        moment = made.last if made.seen == "feedback" else world.between(made.first, made.last)
        _feedback(world, made, moment)
    if made.story is Story.COMPLAINING or world.chance(0.03):
        _complain(world, made)


def strange_feedback(world: World) -> None:
    """A message from somebody who has no account (clauses 1.2 and 1.8)."""
    rng = world.rng
    moment = world.between(world.now - timedelta(days=3000), world.now)
    phone = digits.spelt(rng, digits.mobile(rng))
    world.heap.add(FeedbackMessage(
        id=world.heap.new_id(FeedbackMessage), user_id=None, name="Гость", phone=phone,
        email=f"guest{rng.randrange(10**9)}@example.com",
        body=texts.feedback(rng, "Гость", world.outsider_iin(), phone), attachments=None,
        created_at=str(moment), closed_at=_closed(world, moment, 0.9),
    ))  # fmt: skip


def address(world: World) -> str:
    """An IP address from the ranges kept for documentation."""
    rng = world.rng
    if world.chance(0.1):
        return f"2001:db8:{rng.randrange(1, 65536):x}::{rng.randrange(1, 65536):x}"
    return f"{rng.choice(('192.0.2', '198.51.100', '203.0.113'))}.{rng.randrange(1, 255)}"


def _form(world: World, made: Person, ip: str) -> None:
    rng = world.rng
    world.heap.add(RegistrationForm(
        id=world.heap.new_id(RegistrationForm), user_id=made.id, last_name=made.last_name,
        first_name=made.first_name, middle_name=made.middle_name, iin=made.iin, email=made.email,
        phone_mobile=digits.spelt(rng, made.mobile), phone_home=made.home, phone_work=made.work,
        birth_date=str(made.born), raw_json=texts.raw_form(made, ip), ip=ip, submitted_at=str(made.first),
    ))  # fmt: skip


def _scan(world: World, made: Person, kind: str) -> None:
    number = world.heap.new_id(ScannedDocument)
    document = f"{world.rng.randrange(10**9):09d}"
    text = f"ҚАЗАҚСТАН РЕСПУБЛИКАСЫ\n{made.full_name.upper()}\nЖСН {made.iin or '-'}\n№ {document}"
    path, thumbnail, digest = world.disk.scan(number, made.first.year, text)
    world.heap.add(ScannedDocument(
        id=number, user_id=made.id, kind=kind, basis="contract" if kind == "contract" else "registration",
        file_path=path, thumbnail_path=thumbnail, original_name=f"{made.last_name} {kind}.pdf",
        doc_number=document, ocr_text=text, digest=digest, uploaded_at=str(made.first),
    ))  # fmt: skip


def _profile_change(world: World, made: Person) -> None:
    old = {
        "id": made.id, "login": made.login, "iin": made.iin, "last_name": made.last_name, "email": made.email,
        "phone_mobile": digits.spelt(world.rng, digits.mobile(world.rng)), "address": None,
    }  # fmt: skip
    world.heap.add(AuditLogLine(
        id=world.heap.new_id(AuditLogLine), table_name="users", row_id=made.id,
        at=str(world.between(made.first, made.last)), old=texts.as_json(old),
        new=texts.as_json(old | {"phone_mobile": made.mobile}),
    ))  # fmt: skip


def _feedback(world: World, made: Person, moment: datetime) -> None:
    phone = digits.spelt(world.rng, made.mobile)
    photo = [{"name": f"{made.last_name}.jpg", "size": world.rng.randrange(10**6)}]
    world.heap.add(FeedbackMessage(
        id=world.heap.new_id(FeedbackMessage), user_id=made.id, name=made.full_name, email=made.email,
        phone=phone, body=texts.feedback(world.rng, made.first_name, made.iin, phone),
        attachments=world.maybe(0.2, texts.as_json(photo)), created_at=str(moment),
        closed_at=_closed(world, moment, 0.95),
    ))  # fmt: skip


def _complain(world: World, made: Person) -> None:
    moment = world.between(made.first, made.last)
    closed = None if made.story is Story.COMPLAINING else _closed(world, moment, 1.0)
    by_iin = made.iin is not None and world.chance(0.4)  # on paper: nobody looked the account up
    iin = digits.full_width(made.iin) if made.iin and not by_iin and world.chance(0.1) else made.iin
    world.heap.add(Complaint(
        id=world.heap.new_id(Complaint), user_id=None if by_iin else made.id, iin=iin,
        applicant=made.full_name,
        text=texts.complaint(made.full_name, digits.spelt(world.rng, digits.mobile(world.rng))),
        outcome=closed and world.rng.choice(("satisfied", "refused", "explained")), created_at=str(moment),
        due_at=str((moment + timedelta(days=42)).date()), closed_at=closed,
    ))  # fmt: skip


def _closed(world: World, opened: datetime, probability: float) -> str | None:
    closed = min(opened + timedelta(seconds=world.rng.randrange(3600, 86400 * 40)), world.now)
    return world.maybe(probability, str(closed))
