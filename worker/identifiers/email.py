"""E-mail addresses: one spelling for comparing, and addresses that reach nobody (RFC 2606, RFC 6761)."""

import re
from random import Random

from worker.identifiers.folding import fold, latin

SYNTHETIC_DOMAIN = "anon.invalid"
SYNTHETIC_HEX_DIGITS = 20
_SYNTHETIC = re.compile(rf"[0-9a-f]{{{SYNTHETIC_HEX_DIGITS}}}@{re.escape(SYNTHETIC_DOMAIN)}")
_LOCAL = r"""(?:(?<![\w.+%'!#$*^`{}~-])[\w.+%'!#$*^`{}~-]+|"[^"\n]{1,64}")"""
_LABEL = r"[^\W_](?:[\w-]*[^\W_])?"
PATTERN = re.compile(
    rf"{_LOCAL} ?(?:@|%40) ?{_LABEL}(?:\.{_LABEL})*\.(?:xn--[a-z0-9-]{{2,}}|[^\W\d_]{{2,}})", re.IGNORECASE
)


def normalise_email(value: str) -> str | None:
    """Lower case, hidden characters gone, full-width and look-alike letters as Latin; None: no address."""
    text = re.sub(r"\s", "", fold(value).text).removeprefix("mailto:").replace("%40", "@").lower()
    as_latin = latin(text)
    text = as_latin if as_latin.isascii() else text
    return text if PATTERN.fullmatch(text) else None


def synthetic_email(random: Random) -> str:
    """A random address in a domain that can never exist."""
    return f"{random.getrandbits(4 * SYNTHETIC_HEX_DIGITS):0{SYNTHETIC_HEX_DIGITS}x}@{SYNTHETIC_DOMAIN}"


def is_synthetic_email(address: str) -> bool:
    """True for exactly what `synthetic_email` can give."""
    return _SYNTHETIC.fullmatch(address) is not None
