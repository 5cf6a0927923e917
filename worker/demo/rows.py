"""One named tuple per table of the demonstration, its fields in the order of the schema's columns.

Values are what both servers read as they stand: moments and dates are text, in UTC where the schema says no other.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple


class Region(NamedTuple):
    id: int
    code: str
    name: str


class User(NamedTuple):
    id: int
    login: str
    password_hash: str
    iin: str | None
    last_name: str
    first_name: str
    middle_name: str | None
    birth_date: str | None
    email: str | None
    phone_mobile: str | None
    phone_home: str | None
    phone_work: str | None
    address: str | None
    region_id: int | None
    status: str
    created_at: str
    last_login_at: str | None
    deleted_at: str | None
    processing_blocked_at: str | None


class RegistrationForm(NamedTuple):
    id: int
    user_id: int
    last_name: str
    first_name: str
    middle_name: str | None
    iin: str | None
    email: str | None
    phone_mobile: str | None
    phone_home: str | None
    phone_work: str | None
    birth_date: str | None
    raw_json: str
    ip: str
    submitted_at: str


class ScannedDocument(NamedTuple):
    id: int
    user_id: int
    kind: str
    basis: str
    file_path: str | None
    thumbnail_path: str | None
    original_name: str
    doc_number: str | None
    ocr_text: str | None
    digest: bytes | None
    uploaded_at: str


class FeedbackMessage(NamedTuple):
    id: int
    user_id: int | None
    name: str | None
    email: str | None
    phone: str | None
    body: str
    attachments: str | None
    created_at: str
    closed_at: str | None


class Complaint(NamedTuple):
    id: int
    user_id: int | None
    iin: str | None
    applicant: str
    text: str
    outcome: str | None
    created_at: str
    due_at: str
    closed_at: str | None


class DebtCase(NamedTuple):
    id: int
    user_id: int
    iin: str | None
    contract_no: str
    creditor: str
    amount: str
    currency: str
    outcome: str | None
    status: str
    notes: str | None
    court_case: str | None
    state_request_at: str | None
    opened_at: str
    closed_at: str | None


class CaseParty(NamedTuple):
    id: int
    case_id: int
    role: str
    full_name: str
    iin: str | None
    phone: str | None


class Payment(NamedTuple):
    id: int
    user_id: int | None
    case_id: int
    amount: str
    currency: str
    paid_at: str
    payer_name: str
    payer_iin: str | None
    iban: str
    purpose: str


class ContactAttempt(NamedTuple):
    id: int
    user_id: int
    case_id: int
    direction: str
    at: str
    answered: bool
    phone_dialled: str | None
    person: str | None
    note: str | None


class CallRecording(NamedTuple):
    id: int
    attempt_id: int
    file: str | None
    phone: str | None
    transcript: str
    duration: int
    recorded_at: str


class MessageOut(NamedTuple):
    id: int
    user_id: int
    channel: str
    address: str | None
    body: str
    provider: str
    delivered: bool
    sent_at: str


class Consent(NamedTuple):
    id: int
    user_id: int
    policy_version: str
    text_hash: str
    ip: str
    given_at: str


class MarketingSubscriber(NamedTuple):
    id: int
    email: str
    phone: str | None
    name: str
    subscribed_at: str
    unsubscribed_at: str | None


class AccessLogLine(NamedTuple):
    id: int
    user_id: int | None
    ip: str
    cookie_id: str
    user_agent: str
    url: str
    referer: str | None
    accessed_at: str


class Transfer(NamedTuple):
    id: int
    user_id: int
    recipient: str
    exchange_id: str
    payload: str
    sent_at: str


class AuditLogLine(NamedTuple):
    id: int
    table_name: str
    row_id: int
    at: str
    old: str
    new: str


# In an order in which foreign keys find their targets.
TABLES: dict[type[Any], str] = {
    Region: "regions",
    User: "users",
    RegistrationForm: "registration_forms",
    ScannedDocument: "scanned_documents",
    FeedbackMessage: "feedback_messages",
    Complaint: "complaints",
    DebtCase: "debt_cases",
    CaseParty: "case_parties",
    Payment: "payments",
    ContactAttempt: "contact_attempts",
    CallRecording: "call_recordings",
    MessageOut: "messages_out",
    Consent: "consents",
    MarketingSubscriber: "marketing_subscribers",
    AccessLogLine: "access_log",
    Transfer: "third_party_transfers",
    AuditLogLine: "audit_log",
}


class Heap:
    """Rows waiting to be loaded, and the last id given out per table."""

    def __init__(self) -> None:
        self._rows: dict[type[Any], list[tuple[Any, ...]]] = {kind: [] for kind in TABLES}
        self._last = dict.fromkeys(TABLES, 0)

    def new_id(self, kind: type[Any]) -> int:
        """The next id of the table."""
        self._last[kind] += 1
        return self._last[kind]

    def add(self, row: tuple[Any, ...]) -> None:
        """Put a row of one of TABLES on the heap."""
        self._rows[type(row)].append(row)

    def drain(self) -> Iterator[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]]:
        """Table, columns and rows, parents first; the heap is empty afterwards and the ids go on."""
        for kind, table in TABLES.items():
            rows, self._rows[kind] = self._rows[kind], []
            if rows:
                yield table, kind._fields, rows
