"""Free text as staff, people and machines write it: others' telephones and IINs, and numbers that look like one."""

import json
import random
from typing import Any

from worker.demo import digits
from worker.demo.people import Person, World


def note(world: World) -> str | None:
    """A clerk's note in a case: mostly about third persons, who never agreed to anything (clause 2.4)."""
    rng = world.rng
    phone = digits.spelt(rng, digits.mobile(rng))
    return rng.choice((
        None,
        f"Просит рассрочку. Тел. сестры {phone}, звонить после 18:00.",
        f"Ағасының нөмірі {phone}, ЖСН {world.outsider_iin()}.",
        f"Созаёмщик ИИН {world.outsider_iin()}, работает в ТОО, БИН 240140999905.",
        f"Обещал оплатить до 25-го, писать на brat{rng.randrange(10_000)}@example.com",
        f"Чек № 202401011230, списано со счёта {digits.iban(rng)}.",
        f"ИИН {digits.full_width(world.outsider_iin())} (так в анкете), тел. соседки {phone}.",
        "Клиентке дан наш номер +7(727)310-49-21 и info@kkpi.kz.",
        "Не отвечает.",
    ))  # fmt: skip


def call_note(world: World) -> str | None:
    """What a caller wrote down after a call."""
    rng = world.rng
    return rng.choice((
        None,
        "Не дозвонились",
        f"Трубку взяла мать, просила звонить на {digits.spelt(rng, digits.mobile(rng))}",
        "Әріптесі жауап берді, кейін хабарласады",
    ))  # fmt: skip


def transcript(made: Person, national: str) -> str:
    """A transcript of a call: names, a birth date and the number that was called."""
    return (
        f"— {made.first_name}, здравствуйте, звоню по договору. Назовите дату рождения.\n"
        f"— {made.born:%d.%m.%Y}. Номер восемь {national}, мой.\n— Рахмет, сау болыңыз."
    )


def feedback(rng: random.Random, name: str, iin: str | None, phone: str) -> str:
    """A message from the site's feedback form."""
    return rng.choice((
        f"Здравствуйте! Меня зовут {name}, ИИН {iin or 'не помню'}. Перезвоните на {phone}.",
        f"Сәлеметсіз бе, менің ЖСН {iin or 'жоқ'}, қарызым төленді, тексеріңізші. {name}",
        "Когда работает офис?",
        f"Удалите мои данные. {phone}",
    ))  # fmt: skip


def complaint(name: str, phone: str) -> str:
    """A complaint (clause 6.2)."""
    return f"Я, {name}, требую прекратить звонки моим родственникам на {phone}. Жауабын жазбаша күтемін."


def purpose(world: World, iin: str | None) -> str:
    """The purpose of a payment as the payer's bank passes it on."""
    return world.rng.choice((
        "Погашение задолженности",
        f"Погашение по исполнительному листу, ИИН {iin or 'нет'}",
        f"Қарызды төлеу, тел {digits.spelt(world.rng, digits.mobile(world.rng))}",
        "Перевод 202312311459 без НДС",
    ))  # fmt: skip


def raw_form(made: Person, ip: str) -> str:
    """A submitted form as the site kept it: nested, an IIN as a number, JSON inside a string."""
    return as_json({
        "form": {
            "surname": made.last_name, "name": made.first_name, "birth": f"{made.born:%d.%m.%Y}",
            "iin": int(made.iin) if made.iin else None,  # leading zeros are lost, as in real forms
            "phones": [{"kind": "mobile", "number": int("7" + made.mobile)}, made.home, made.work],
        },
        "client": as_json({"ip": ip, "email": made.email}),
    })  # fmt: skip


def as_json(value: Any) -> str:
    """JSON with the letters as they are."""
    return json.dumps(value, ensure_ascii=False)
