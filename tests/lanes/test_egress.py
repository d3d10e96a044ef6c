"""Where a request may go: none of the addresses that lead inside, by whatever spelling."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_address

import httpx
import pytest

from lanes import LOCAL, EgressPolicy, EgressRefused, check_address, check_url

POLICY = EgressPolicy(own_suffixes=("a.run.app", "internal.example"))

INSIDE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.254",
    "127.0.0.1",
    "127.1.2.3",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::169.254.169.254",
    "::ffff:0:127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:192.168.1.1",
    "::ffff:100.64.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::10.0.0.1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "2002:a00:1::",
    "2620:4f:8000::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "4000::1",
    "1000::1",
]

OUTSIDE = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "126.255.255.255",
    "128.0.0.1",
    "168.63.129.15",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "192.167.255.255",
    "192.169.0.1",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2600:1900::1",
    "2a00:1450::1",
    "3ffe::1",
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_that_leads_inside_is_refused(address: str) -> None:
    with pytest.raises(EgressRefused, match="is not a public address"):
        check_address(ip_address(address), POLICY)
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(EgressRefused):
        check_url(httpx.URL(f"https://{host}/hook"), POLICY)


def test_the_table_is_at_least_the_published_one() -> None:
    assert len(INSIDE) >= 62


@pytest.mark.parametrize("address", OUTSIDE)
def test_a_public_address_is_let_through(address: str) -> None:
    check_address(ip_address(address), POLICY)
    host = f"[{address}]" if ":" in address else address
    check_url(httpx.URL(f"https://{host}/hook"), POLICY)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://user@example.com/", "user name or password"),
        ("https://user:secret@example.com/", "user name or password"),
        ("https://:secret@example.com/", "user name or password"),
        ("https://example.com:22/", "port 22 is not allowed: use one of 80, 443, 8443"),
        ("http://example.com:6379/", "port 6379"),
        ("ftp://example.com/", "scheme is ftp"),
        ("file:///etc/passwd", "scheme is file"),
        ("gopher://example.com/", "scheme is gopher"),
        ("/relative", "scheme is missing"),
        ("https://2130706433/", "not an address in its usual form"),
        ("https://127.1/", "not an address in its usual form"),
        ("https://0x7f.0.0.1/", "not an address in its usual form"),
        ("https://0x7f000001/", "not an address in its usual form"),
        ("https://1.1.1.0x1/", "not an address in its usual form"),
        ("https://example.com./", "not a host name in its usual form"),
        ("https://127.0.0.1./", "not a host name in its usual form"),
        ("https://a..example.com/", "not a host name in its usual form"),
        ("https://exa%6dple.com/", "not a host name in its usual form"),
        (f"https://{'a' * 64}.com/", "not a host name in its usual form"),
        ("https://a.run.app/", "host of ours"),
        ("https://service-abc.a.run.app/", "host of ours"),
        ("https://SERVICE.A.RUN.APP/", "host of ours"),
        ("https://internal.example/", "host of ours"),
    ],
)
def test_a_url_that_no_address_makes_right_is_refused(url: str, why: str) -> None:
    with pytest.raises(EgressRefused, match=why):
        check_url(httpx.URL(url), POLICY)


def test_no_spelling_of_an_octal_address_gets_as_far_as_a_request() -> None:
    for host in ("0177.0.0.1", "127.0.0.01", "999.1.1.1"):
        with pytest.raises((httpx.InvalidURL, EgressRefused)):
            check_url(httpx.URL(f"https://{host}/"), POLICY)


def test_a_zone_of_this_machine_is_refused() -> None:
    with pytest.raises((httpx.InvalidURL, EgressRefused)):
        check_url(httpx.URL("https://[fe80::1%25eth0]/"), POLICY)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook?a=1",
        "http://example.com:8443/",
        "https://bücher.example/",
        "https://under_score.example/",
        "https://notinternal.example/",
        "https://run.app/",
    ],
)
def test_an_ordinary_url_passes(url: str) -> None:
    check_url(httpx.URL(url), POLICY)


def test_development_may_reach_its_own_machine_and_nothing_else_inside() -> None:
    check_url(httpx.URL("http://127.0.0.1:8123/"), LOCAL)
    check_address(ip_address("::1"), LOCAL)
    with pytest.raises(EgressRefused):
        check_url(httpx.URL("http://169.254.169.254/"), LOCAL)
    with pytest.raises(EgressRefused):
        check_address(ip_address("10.0.0.1"), EgressPolicy(allowed=(IPv4Network("10.1.0.0/16"),)))
