"""What an IIN, a telephone and an e-mail address is, and recognising them in text. No input or output."""

from worker.identifiers.email import is_synthetic_email, normalise_email, synthetic_email
from worker.identifiers.iin import (
    check_digit,
    has_iin_shape,
    has_valid_checksum,
    is_bin,
    is_iin,
    is_synthetic_iin,
    normalise_iin,
    synthetic_iin,
)
from worker.identifiers.phone import is_synthetic_phone, normalise_phone, phones_in_field, synthetic_phone
from worker.identifiers.redaction import redact, redact_json
from worker.identifiers.text import Span, find

__all__ = [
    "Span",
    "check_digit",
    "find",
    "has_iin_shape",
    "has_valid_checksum",
    "is_bin",
    "is_iin",
    "is_synthetic_email",
    "is_synthetic_iin",
    "is_synthetic_phone",
    "normalise_email",
    "normalise_iin",
    "normalise_phone",
    "phones_in_field",
    "redact",
    "redact_json",
    "synthetic_email",
    "synthetic_iin",
    "synthetic_phone",
]
