"""Says where a request to a user-supplied URL may go; pure, it resolves no name and opens no connection.

It is asked three times: about the URL, about each address that its name resolves to, and about the address
that is connected to. Only the last one decides; the others make refusals early and clear.

The table follows the IANA special-purpose address registries (RFC 6890 and its successors) and adds what a
cloud answers on; `ipaddress.is_global` lets a third of it through.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx

from lanes.errors import EgressRefused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_DENIED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's wire server
        "169.254.0.0/16",  # link-local, metadata servers
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_DENIED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressPolicy:
    """What is allowed beyond, and denied besides, what the address table says."""

    ports: frozenset[int] | None = frozenset({80, 443, 8443})
    """None allows every port: for development alone."""
    own_suffixes: tuple[str, ...] = ()
    """Hosts of ours, and whatever ends in them (`a.run.app`): public addresses that lead inside."""
    allowed: tuple[Network, ...] = ()
    """Networks allowed in spite of the table: for development alone."""


LOCAL = EgressPolicy(ports=None, allowed=(IPv4Network("127.0.0.0/8"), IPv6Network("::1/128")))
"""For development and tests: this machine may be reached, too."""


def check_url(url: httpx.URL, policy: EgressPolicy) -> None:
    """Raises EgressRefused for a URL that no address can make right."""
    if url.scheme not in ("http", "https"):
        raise EgressRefused(f"its scheme is {url.scheme or 'missing'}: only http and https are allowed")
    if url.userinfo:
        raise EgressRefused("it carries a user name or password: put credentials elsewhere")
    port = url.port or {"http": 80, "https": 443}[url.scheme]
    if policy.ports is not None and port not in policy.ports:
        allowed = ", ".join(map(str, sorted(policy.ports)))
        raise EgressRefused(f"port {port} is not allowed: use one of {allowed}")
    host = url.raw_host.decode("ascii")
    if ":" in host or _NUMBER.fullmatch(host.rpartition(".")[2]):
        check_address(parse_address(host), policy)
    else:
        _check_name(host, policy)


def check_address(address: Address, policy: EgressPolicy) -> None:
    """Raises EgressRefused for an address that is not a public one."""
    if any(address in network for network in policy.allowed):
        return
    if not _is_public(address):
        raise EgressRefused(f"{address} is not a public address")


def parse_address(text: str) -> Address:
    """An address in its one canonical form: no octal, no hexadecimal, no short IPv4, no IPv6 zone.

    Raises EgressRefused: what two parsers read differently may be checked as one address and reached as
    another.
    """
    try:
        address = ip_address(text)
    except ValueError:
        raise EgressRefused(f"{text[:60]} is not an address in its usual form") from None
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise EgressRefused(f"{text[:60]} names a network interface of this machine")
    return address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return address in _GLOBAL_V6 and not any(address in network for network in _DENIED_V6)
        address = address.ipv4_mapped
    return not any(address in network for network in _DENIED_V4)


def _check_name(host: str, policy: EgressPolicy) -> None:
    if len(host) > 253 or not all(map(_LABEL.fullmatch, host.split("."))):
        raise EgressRefused(f"{host[:60]!r} is not a host name in its usual form")
    for suffix in policy.own_suffixes:
        if host == suffix or host.endswith(f".{suffix}"):
            raise EgressRefused(f"{host} is a host of ours")
