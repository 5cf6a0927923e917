"""ip to network and strip query: what clause 3.9 collects by itself, without the person."""

from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_interface,
    ip_network,
)
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from worker.databases.sqlite_functions import COLONS_OF_FULL_V6, UNREADABLE, network_of, without_query
from worker.strategies.base import Coarsening
from worker.strategies.kinds import kind_of
from worker.strategies.sql import as_text, count_of, is_mariadb, is_postgresql, only_characters, position, split_part

_V4_BITS, _V6_BITS = 24, 48
_ADDRESS = IPv4Address | IPv6Address | IPv4Interface | IPv6Interface
_NETWORK = IPv4Network | IPv6Network


class IpToNetwork(Coarsening):
    """The /24 of an IPv4 and the /48 of an IPv6 address.

    An inet column keeps the network with its mask. A text column keeps the network's first address without a
    mask (never longer than before): 10.1.2.3 → 10.1.2.0, 2001:db8:1:2::3 → 2001:db8:1::. Text that is no
    single address (a list, a port, a word) becomes 0.0.0.0. A "::" cuts an IPv6 network even shorter.
    """

    name = "ip to network"
    summary = text("strategy_does.ip_to_network")
    types = frozenset({"text", "inet"})

    def longest(self, argument: str | None, column_name: str = "") -> int | None:
        """See Strategy. Only the word for an unreadable address can be longer than what stood there."""
        return len(UNREADABLE)

    def coarsen(self, value: Any, argument: str | None) -> Any:
        """See Coarsening."""
        if isinstance(value, _ADDRESS | _NETWORK):
            return _network(value)
        return network_of(str(value))

    def coarse(self, column: sa.ColumnElement[Any], argument: str | None, dialect: str) -> sa.ColumnElement[Any]:
        """See Coarsening."""
        if kind_of(column.type) == "inet" and is_postgresql(dialect):
            bits = sa.case((sa.func.family(column) == 4, _V4_BITS), else_=_V6_BITS)
            kept = sa.func.least(sa.func.masklen(column), bits)
            return sa.cast(sa.func.network(sa.func.set_masklen(column, kept)), column.type)
        text = as_text(column)
        if not is_postgresql(dialect) and not is_mariadb(dialect):
            return sa.func.merzim_ip_to_network(text, type_=sa.Text)
        return sa.case(
            (column.is_(None), sa.null()),
            (_is_v4(text, dialect), _joined(text, ".", 3, dialect) + ".0"),
            (_is_v6(text, dialect), _v6_network(text, dialect)),
            else_=UNREADABLE,
        )


def _network(value: _ADDRESS | _NETWORK) -> IPv4Interface | IPv6Interface | _NETWORK:
    network = ip_network(str(value), strict=False)
    bits = _V4_BITS if network.version == 4 else _V6_BITS
    wide = network if network.prefixlen <= bits else network.supernet(new_prefix=bits)
    return wide if isinstance(value, _NETWORK) else ip_interface(str(wide))


def _joined(text: sa.ColumnElement[str], separator: str, count: int, dialect: str) -> sa.ColumnElement[str]:
    joined = split_part(text, separator, 1, dialect)
    for number in range(2, count + 1):
        joined = joined + separator + split_part(text, separator, number, dialect)
    return joined


def _is_v4(text: sa.ColumnElement[str], dialect: str) -> sa.ColumnElement[bool]:
    lengths = [sa.func.length(split_part(text, ".", number, dialect)).between(1, 3) for number in (1, 2, 3, 4)]
    shape = sa.and_(only_characters(text, "0-9.", dialect), count_of(text, ".") == 3)
    return sa.case((shape, sa.and_(*lengths)), else_=sa.false())


def _is_v6(text: sa.ColumnElement[str], dialect: str) -> sa.ColumnElement[bool]:
    groups = [split_part(text, ":", number, dialect) for number in (1, 2, 3)]
    fits = [sa.and_(sa.func.length(group) <= 4, only_characters(group, "0-9a-fA-F", dialect)) for group in groups]
    written = sa.or_(position(text, "::", dialect) > 0, count_of(text, ":") >= COLONS_OF_FULL_V6)
    shape = sa.and_(only_characters(text, "0-9a-fA-F:.", dialect), written)
    return sa.case((shape, sa.and_(*fits)), else_=sa.false())


def _v6_network(text: sa.ColumnElement[str], dialect: str) -> sa.ColumnElement[str]:
    first, second, third = (split_part(text, ":", number, dialect) for number in (1, 2, 3))
    return sa.case(
        (first == "", "::"),
        (second == "", first + "::"),
        (third == "", first + ":" + second + "::"),
        else_=first + ":" + second + ":" + third + "::",
    )


class StripQuery(Coarsening):
    """A URL without its query, its fragment and the user:password@ before the host.

    The path stays as it is: use `nothing` where paths themselves name people.
    """

    name = "strip query"
    summary = text("strategy_does.strip_query")
    types = frozenset({"text"})

    def coarsen(self, value: Any, argument: str | None) -> str:
        """See Coarsening."""
        return without_query(str(value))

    def coarse(self, column: sa.ColumnElement[Any], argument: str | None, dialect: str) -> sa.ColumnElement[Any]:
        """See Coarsening."""
        text = as_text(column)
        if is_postgresql(dialect):
            url = sa.func.regexp_replace(text, "[?#].*$", "", type_=sa.Text)
            return sa.func.regexp_replace(url, "^((?:[^/]|/(?!/))*//)[^/]*@", r"\1", type_=sa.Text)
        if is_mariadb(dialect):
            url = sa.func.regexp_replace(text, "(?s)[?#].*$", "", type_=sa.Text)
            slashes = position(url, "//", dialect)
            rest = sa.func.regexp_replace(sa.func.substr(url, slashes + 2), r"\A[^/]*@", "", type_=sa.Text)
            return sa.case((slashes > 0, sa.func.substr(url, 1, slashes + 1, type_=sa.Text) + rest), else_=url)
        return sa.func.merzim_strip_query(text, type_=sa.Text)
