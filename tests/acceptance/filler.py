"""Rows of the operator's database, written with only what their fate depends on; the rest is filled in here.

What is filled in belongs to that one person only and contains its number, so that a value found after the night says
whose it is. Moments are text in UTC, as the schema says; 'access_log.accessed_at' is local.
"""

import json
from dataclasses import dataclass
from typing import Any

Value = str | int | bool | bytes | None

LONG_AGO = "2012-05-05 06:00:00"
HERE = "2022-06-15 06:00:00"  # three years later is after every `now` of fates.csv


@dataclass(frozen=True)
class Row:
    """One row of the operator's database. `only` is the one database that can store it, if only one can."""

    table: str
    person: str
    values: dict[str, Value]
    only: str | None = None

    @property
    def key(self) -> int:
        """The primary key, `id` in every table."""
        return int(self.values["id"] or 0)


ROWS: list[Row] = []
USERS: dict[str, dict[str, Any]] = {}


def add(table: str, person: str, values: dict[str, Value], changes: dict[str, Value], only: str | None = None) -> None:
    """Keep a row, with what the case changes about it."""
    ROWS.append(Row(table, person, {**values, **changes}, only))


def of(person: str, column: str) -> Any:
    """A column of the person's users row; None for a stranger."""
    return USERS.get(person, {}).get(column)


def user(
    key: int, person: str, iin: str | None, last_login_at: str | None, only: str | None = None, **changes: Value
) -> None:
    """A user with three telephones, each spelt in another way."""
    values: dict[str, Value] = {
        "id": key,
        "login": f"{key}.{person}",
        "password_hash": f"pbkdf2${person}",
        "iin": iin,
        "last_name": f"Тегі-{person}",
        "first_name": f"Аты-{person}",
        "middle_name": f"Әкесі-{person}",
        "birth_date": "1985-05-17",
        "email": f"{key}.{person}@mail.kz",
        "phone_mobile": f"+7 (701) 555-00-{key:02d}",
        "phone_home": f"8 727 261 00 {key:02d}",
        "phone_work": f"872726200{key:02d}",
        "address": f"Абай 7-{person}",
        "region_id": 901,
        "status": "active",
        "created_at": "2010-01-01 06:00:00",
        "last_login_at": last_login_at,
        "deleted_at": None,
        "processing_blocked_at": None,
    }
    USERS[person] = {**values, **changes}
    add("users", person, values, changes, only)


def form(key: int, person: str, submitted_at: str, **changes: Value) -> None:
    """A registration form: the person's data as typed, and once more inside its JSON."""
    nested = {"applicant": {"iin": of(person, "iin"), "contacts": [{"email": of(person, "email")}]}}
    add(
        "registration_forms",
        person,
        {
            "id": key,
            "user_id": of(person, "id"),
            "last_name": of(person, "last_name"),
            "first_name": of(person, "first_name"),
            "middle_name": None,
            "iin": of(person, "iin"),
            "email": of(person, "email"),
            "phone_mobile": of(person, "phone_mobile"),
            "phone_home": None,
            "phone_work": None,
            "birth_date": "1985-05-17",
            "raw_json": json.dumps(nested),
            "ip": "203.0.113.77",
            "submitted_at": submitted_at,
        },
        changes,
    )


def scan(key: int, person: str, basis: str, uploaded_at: str, **changes: Value) -> None:
    """A scanned document with its file and thumbnail on disk; the file's name holds the IIN, as applications do."""
    add(
        "scanned_documents",
        person,
        {
            "id": key,
            "user_id": of(person, "id"),
            "kind": "identity card",
            "basis": basis,
            "file_path": f"{key}/{of(person, 'iin')}.pdf",
            "thumbnail_path": f"{key}/small.png",
            "original_name": f"жеке куәлік {of(person, 'iin')}.pdf",
            "doc_number": f"0{key:08d}",
            "ocr_text": f"ЖСН {of(person, 'iin')}",
            "digest": bytes([key % 256]) * 32,
            "uploaded_at": uploaded_at,
        },
        changes,
    )


def feedback(key: int, person: str, created_at: str, closed_at: str | None, **changes: Value) -> None:
    """A message of the feedback form, by a user or by a stranger."""
    add(
        "feedback_messages",
        person,
        {
            "id": key,
            "user_id": of(person, "id"),
            "name": f"Аты-{person}",
            "email": of(person, "email") or f"{key}.{person}@mail.kz",
            "phone": of(person, "phone_mobile") or f"+7 (702) 777-{key // 100:02d}-{key % 100:02d}",
            "body": f"Хабарласыңыз: {person}",
            "attachments": json.dumps([{"name": f"{person}.pdf"}]),
            "created_at": created_at,
            "closed_at": closed_at,
        },
        changes,
    )


def complaint(key: int, person: str, created_at: str, closed_at: str | None, **changes: Value) -> None:
    """A complaint by a user, by somebody known by IIN only, or by a stranger."""
    add(
        "complaints",
        person,
        {
            "id": key,
            "user_id": of(person, "id"),
            "iin": of(person, "iin"),
            "applicant": f"Тегі-{person}",
            "text": f"Шағым: {person}",
            "outcome": None if closed_at is None else "explained",
            "created_at": created_at,
            "due_at": created_at[:10],
            "closed_at": closed_at,
        },
        changes,
    )


def case(key: int, person: str, closed_at: str | None, **changes: Value) -> None:
    """A debt case; without a closing date it is open."""
    add(
        "debt_cases",
        person,
        {
            "id": key,
            "user_id": of(person, "id"),
            "iin": of(person, "iin"),
            "contract_no": f"KZ-{key}/2011",
            "creditor": "Банк",
            "amount": "123456.78",
            "currency": "KZT",
            "outcome": None if closed_at is None else "paid",
            "status": "open" if closed_at is None else "closed",
            "notes": f"ЖСН {of(person, 'iin')}, тел. {of(person, 'phone_mobile')}",
            "court_case": None,
            "state_request_at": None,
            "opened_at": "2011-03-17 08:30:00",
            "closed_at": closed_at,
        },
        changes,
    )


def party(key: int, person: str, case_id: int, **changes: Value) -> None:
    """A third person in the case of `person`: a guarantor with a telephone of their own."""
    add(
        "case_parties",
        person,
        {
            "id": key,
            "case_id": case_id,
            "role": "guarantor",
            "full_name": f"Кепіл-{key}",
            "iin": None,
            "phone": f"+7 (705) 888-{key // 100:02d}-{key % 100:02d}",
        },
        changes,
    )


def payment(key: int, person: str, case_id: int, paid_at: str, payer: str | None = None, **changes: Value) -> None:
    """A payment booked to `person`, paid by `payer` (the same person unless said otherwise)."""
    by = payer or person
    add(
        "payments",
        person,
        {
            "id": key,
            "user_id": of(person, "id"),
            "case_id": case_id,
            "amount": "1234.56",
            "currency": "KZT",
            "paid_at": paid_at,
            "payer_name": f"Тегі-{by}",
            "payer_iin": of(by, "iin"),
            "iban": f"KZ75125KZT{key:010d}",
            "purpose": f"Қарызды өтеу, ЖСН {of(by, 'iin')}",
        },
        changes,
    )


def attempt(key: int, person: str, case_id: int, at: str, /, **changes: Value) -> None:
    """A call of ours (direction `out`), unless the case says `in`."""
    add(
        "contact_attempts",
        person,
        {
            "id": key,
            "user_id": of(person, "id"),
            "case_id": case_id,
            "direction": "out",
            "at": at,
            "answered": True,
            "phone_dialled": f"870155500{of(person, 'id'):02d}",
            "person": f"Тегі-{person}",
            "note": f"{person} сөйлесті",
        },
        changes,
    )


def recording(key: int, person: str, attempt_id: int, recorded_at: str, **changes: Value) -> None:
    """A recorded call, with its file on disk."""
    add(
        "call_recordings",
        person,
        {
            "id": key,
            "attempt_id": attempt_id,
            "file": f"{key}/{of(person, 'iin')}.wav",
            "phone": f"+770155500{of(person, 'id'):02d}",
            "transcript": f"Сәлем, {of(person, 'first_name')}",
            "duration": 61,
            "recorded_at": recorded_at,
        },
        changes,
    )


def message(key: int, person: str, sent_at: str, **changes: Value) -> None:
    """A letter of ours."""
    answer = {"to": [{"address": of(person, "email")}], "raw": json.dumps({"iin": of(person, "iin")})}
    add(
        "messages_out",
        person,
        {
            "id": key,
            "user_id": of(person, "id"),
            "channel": "email",
            "address": of(person, "email"),
            "body": f"Құрметті {of(person, 'first_name')}",
            "provider": json.dumps(answer),
            "delivered": True,
            "sent_at": sent_at,
        },
        changes,
    )


def consent(key: int, person: str, given_at: str, **changes: Value) -> None:
    """A consent given."""
    add(
        "consents",
        person,
        {
            "id": key,
            "user_id": of(person, "id"),
            "policy_version": "1",
            "text_hash": "ab" * 32,
            "ip": "203.0.113.78",
            "given_at": given_at,
        },
        changes,
    )


def subscriber(key: int, person: str, subscribed_at: str, **changes: Value) -> None:
    """A marketing subscription: its e-mail is the only way to a person."""
    add(
        "marketing_subscribers",
        person,
        {
            "id": key,
            "email": of(person, "email") or f"{key}.{person}@mail.kz",
            "phone": of(person, "phone_mobile") or f"+7 (707) 999-{key // 100:02d}-{key % 100:02d}",
            "name": f"Аты-{person}",
            "subscribed_at": subscribed_at,
            "unsubscribed_at": None,
        },
        changes,
    )


def visit(key: int, person: str, accessed_at: str, only: str | None = None, **changes: Value) -> None:
    """A line of the access log, in local time."""
    add(
        "access_log",
        person,
        {
            "id": key,
            "user_id": of(person, "id"),
            "ip": "203.0.113.79",
            "cookie_id": f"c-{person}",
            "user_agent": "Mozilla/5.0",
            "url": f"https://kkpi.kz/cabinet?iin={of(person, 'iin')}",
            "referer": f"https://kkpi.kz/?email={of(person, 'email')}",
            "accessed_at": accessed_at,
        },
        changes,
        only,
    )


def transfer(key: int, person: str, sent_at: str, **changes: Value) -> None:
    """What we told a third party."""
    payload = {"debtors": [{"iin": of(person, "iin"), "phones": [of(person, "phone_mobile")]}]}
    add(
        "third_party_transfers",
        person,
        {
            "id": key,
            "user_id": of(person, "id"),
            "recipient": "Кредиттік бюро",
            "exchange_id": f"0b8f6c1e-0000-4000-8000-{key:012d}",
            "payload": json.dumps(payload),
            "sent_at": sent_at,
        },
        changes,
    )


def audit(key: int, person: str, at: str, **changes: Value) -> None:
    """What a change of the person's row left behind: old and new as JSON."""
    add(
        "audit_log",
        person,
        {
            "id": key,
            "table_name": "users",
            "row_id": of(person, "id"),
            "at": at,
            "old": json.dumps({"iin": of(person, "iin"), "email": of(person, "email")}),
            "new": json.dumps({"iin": of(person, "iin"), "phone_mobile": of(person, "phone_mobile")}),
        },
        changes,
    )
