"""Invented people: who they are, how to reach them, and when they were last active."""

import random
from collections import deque
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeVar

from worker.demo import digits, words
from worker.demo.disk import Disk
from worker.demo.rows import Heap, User
from worker.demo.stories import EVENTLESS, Story, last_activity, story_of, undecidable_login

T = TypeVar("T")
SEEN_BY = ("form", "visit", "feedback", "call")  # the last activity of those whom no login shows
OUTSIDERS_FROM = 10_000_000  # numbers of people who have no account: their IINs meet no user's


@dataclass(slots=True)
class Person:
    """An invented person behind one account; `first` and `last` are naive UTC moments of their own activity."""

    id: int
    number: int  # two accounts of one person share it, and so the IIN
    story: Story
    female: bool
    minor: bool
    born: date
    iin: str | None
    last_name: str
    first_name: str
    middle_name: str | None
    login: str
    email: str | None
    mobile: str
    home: str | None
    work: str | None
    region_id: int | None
    first: datetime
    last: datetime
    seen: str = "login"  # which of SEEN_BY was the last activity

    @property
    def full_name(self) -> str:
        """Surname, name and patronymic, as in an application."""
        return " ".join(part for part in (self.last_name, self.first_name, self.middle_name) if part)

    @property
    def eventless(self) -> bool:
        """Whether nothing this person did has a usable date."""
        return self.story in EVENTLESS


@dataclass
class World:
    """What all inventing shares: chance, the moment it is (naive UTC), the rows so far and the last people met."""

    rng: random.Random
    now: datetime
    disk: Disk
    start: float
    heap: Heap = field(default_factory=Heap)
    recent: deque[Person] = field(default_factory=lambda: deque(maxlen=64))

    def chance(self, probability: float) -> bool:
        """True so often."""
        return self.rng.random() < probability

    def maybe(self, probability: float, value: T) -> T | None:
        """The value so often, else None."""
        return value if self.rng.random() < probability else None

    def between(self, first: datetime, last: datetime) -> datetime:
        """A moment between two, in whole seconds; the second where they are the wrong way round."""
        seconds = int((last - first).total_seconds())
        return first + timedelta(seconds=int(self.rng.random() * seconds)) if seconds > 0 else last

    def outsider_iin(self) -> str:
        """The IIN of somebody who has no account."""
        number = OUTSIDERS_FROM + self.rng.randrange(OUTSIDERS_FROM)
        born = digits.birth_of(number, False, self.now.date())
        return digits.iin_of(number, born, self.chance(0.5), False)


def person(world: World, number: int) -> Person:
    """Invent the number-th account and put its row on the heap."""
    rng = world.rng
    story = story_of(number, world.start)
    last = last_activity(story, rng, world.now)
    identity = rng.choice(world.recent) if world.recent and world.chance(0.012) else None
    made = _again(world, identity, number) if identity else _anew(world, number)
    made.story, made.last = story, last
    made.seen = "login" if world.chance(0.75) else rng.choice(SEEN_BY)
    made.first = last if made.seen == "form" else last - timedelta(seconds=rng.randrange(86400, 86400 * 1400))
    if world.recent and world.chance(0.02):  # a couple: one address, one telephone at home
        partner = rng.choice(world.recent)
        made.email, made.home = partner.email, partner.home
    world.heap.add(_user(world, made))
    world.recent.append(made)
    return made


def _anew(world: World, number: int) -> Person:
    rng = world.rng
    female, minor = world.chance(0.5), world.chance(0.005)
    born = digits.birth_of(number, minor, world.now.date())
    login = f"user{number}"
    iin = digits.iin_of(number, born, female, minor)
    last_name, first_name, middle_name = _names(world, female)
    return Person(
        id=number, number=number, story=Story.ACTIVE, female=female, minor=minor, born=born,
        iin=None if world.chance(0.02) else digits.spoilt(rng, iin) if world.chance(0.015) else iin,
        last_name=last_name, first_name=first_name, middle_name=middle_name, login=login,
        email=_email(world, login), mobile=digits.mobile(rng), home=world.maybe(0.4, digits.landline(rng)),
        work=world.maybe(0.3, digits.landline(rng)),
        region_id=world.maybe(0.97, rng.randrange(1, len(words.REGIONS) + 1)), first=world.now,
        last=world.now,
    )  # fmt: skip


def _again(world: World, known: Person, number: int) -> Person:
    """A second account of somebody who has one: the same IIN and names, a login and often an address of its own."""
    login = f"user{number}"
    return Person(
        id=number, number=known.number, story=known.story, female=known.female, minor=known.minor,
        born=known.born, iin=known.iin, last_name=known.last_name, first_name=known.first_name,
        middle_name=known.middle_name, login=login,
        email=known.email if world.chance(0.4) else _email(world, login), mobile=known.mobile,
        home=known.home, work=None, region_id=known.region_id, first=known.first, last=known.last,
    )  # fmt: skip


def _names(world: World, female: bool) -> tuple[str, str, str | None]:
    rng = world.rng
    surname = rng.choice(words.SURNAMES)
    if female and surname.endswith(words.SURNAMES_WITH_FEMALE_FORM):
        surname += "а"
    if world.chance(0.01):
        surname = surname.translate(words.LOOK_ALIKES)
    name = rng.choice(words.WOMEN if female else words.MEN)
    patronymic = rng.choice(words.FATHERS) + rng.choice(words.PATRONYMICS)[female]
    return surname, name, world.maybe(0.85, patronymic)


def _email(world: World, login: str) -> str | None:
    address = f"{login}@{world.rng.choice(words.MAIL_HOSTS)}"
    return world.maybe(0.93, address.upper() if world.chance(0.02) else address)


def _user(world: World, made: Person) -> User:
    rng = world.rng
    return User(
        id=made.id, login=made.login, password_hash=f"$argon2id$v=19$m=65536${rng.getrandbits(160):040x}",
        iin=made.iin, last_name=made.last_name, first_name=made.first_name, middle_name=made.middle_name,
        birth_date=world.maybe(0.97, str(made.born)), email=made.email,
        phone_mobile=digits.spelt(rng, made.mobile), phone_home=made.home and digits.spelt(rng, made.home),
        phone_work=made.work and digits.spelt(rng, made.work),
        address=world.maybe(0.8, f"{rng.choice(words.STREETS)}, {rng.randrange(1, 200)}-{rng.randrange(1, 120)}"),
        region_id=made.region_id,
        status="closed" if made.story is Story.GONE and world.chance(0.3) else "active",
        created_at=str(made.first), last_login_at=_text(_login(world, made)),
        deleted_at=_text(made.last if made.story is Story.GONE and world.chance(0.1) else None),
        processing_blocked_at=_text(made.last if made.story is Story.BLOCKED else None),
    )  # fmt: skip


def _login(world: World, made: Person) -> datetime | None:
    if made.eventless:
        return undecidable_login(made.story, world.rng, world.now)
    return made.last if made.seen == "login" else world.maybe(0.6, world.between(made.first, made.last))


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else str(moment)
