"""What SQLite cannot say in one expression of bearable depth. It runs in our process, so its connections call us: and
with these few lines, not with all that replaces values, every verb may begin."""

import re
from collections.abc import Callable

UNREADABLE = "0.0.0.0"  # noqa: S104 - a value to write into a column, nothing is bound to it
COLONS_OF_FULL_V6 = 6  # with an IPv4 tail; seven without


def network_of(text: str) -> str:
    """The first address of the /24 or /48 that an address is in, by its text."""
    if re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}", text):
        return text.rpartition(".")[0] + ".0"
    if re.fullmatch(r"[0-9a-fA-F:.]*", text) and ("::" in text or text.count(":") >= COLONS_OF_FULL_V6):
        groups = text.split(":")[:3]
        if all(re.fullmatch(r"[0-9a-fA-F]{0,4}", group) for group in groups):
            kept = groups[: groups.index("")] if "" in groups else groups
            return ":".join(kept) + "::"
    return UNREADABLE


def without_query(written: str) -> str:
    """A URL without query, fragment and user:password@."""
    url = re.split(r"[?#]", written, maxsplit=1)[0]
    before, slashes, rest = url.partition("//")
    if not slashes:
        return url
    authority, slash, path = rest.partition("/")
    return before + slashes + authority.rpartition("@")[2] + slash + path


SQLITE_FUNCTIONS: dict[str, Callable[[str | None], str | None]] = {
    "merzim_ip_to_network": lambda text: None if text is None else network_of(text),
    "merzim_strip_query": lambda text: None if text is None else without_query(text),
}
