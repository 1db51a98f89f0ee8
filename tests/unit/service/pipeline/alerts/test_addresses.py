"""Messages go to the internet, and into inner networks only where the operator allows it."""

import smtplib
import socket
import urllib.request
from ipaddress import ip_network

import pytest

from service.errors import BadRequest
from service.pipeline.alerts.addresses import (
    AllowedAddresses,
    ForbiddenAddress,
    check_url,
    only_allowed,
)
from tests.alerts.rain_band import receiver

INNER = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "2002:7f00:1::",
    "2002:a00:1::1", "64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::c0a8:101", "2001:db8::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "localhost", "", "example.org",
]  # fmt: skip
"""Also as IPv6 addresses that stand for IPv4 addresses or lead to them, and what is no address."""


@pytest.mark.parametrize("address", INNER)
def test_an_inner_address_is_refused(address: str) -> None:
    with pytest.raises(ForbiddenAddress):
        AllowedAddresses().check(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1",
                                     "64:ff9b::1.1.1.1"])  # fmt: skip
def test_an_address_of_the_internet_is_allowed(address: str) -> None:
    AllowedAddresses().check(address)


def test_the_operator_allows_an_inner_network_and_no_other() -> None:
    allowed = AllowedAddresses([ip_network("192.168.1.0/24"), ip_network("fd12::/64")])
    for address in ("192.168.1.7", "::ffff:192.168.1.7", "fd12::7"):
        allowed.check(address)
    for address in ("192.168.2.7", "127.0.0.1", "fd13::7"):
        with pytest.raises(ForbiddenAddress):
            allowed.check(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "file:///etc/passwd", "example.org", "http://", "http:///x", "",
        "http://user:secret@example.org/", "http://user@example.org/", "http://example.org/#x",
        "http://example.org:22/", "http://example.org:x/", "http://example.org:99999/",
        "http://exam ple.org/", "http://example.org\\@evil.org/", "http://ex\u00e4mple.org/",
        "http://[::1", "http://example.org/\n",
    ],
)  # fmt: skip
def test_a_url_that_is_none_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(BadRequest, match="URL of the channel"):
        check_url(url)


def test_a_url_of_the_web_is_taken() -> None:
    for url in ("https://example.org/rain?x=1", "http://[2606:4700::1]:8123/", "http://1.1.1.1"):
        check_url(url)


def test_a_guarded_thread_connects_only_where_it_may_whatever_connects() -> None:
    """As `requests` and `smtplib` do, which `apprise` and `pywebpush` use."""
    with receiver() as here:
        with only_allowed(AllowedAddresses()):
            with pytest.raises(OSError, match="inner network"):
                urllib.request.urlopen(here.url, b"{}")
            with pytest.raises(ForbiddenAddress):
                smtplib.SMTP("localhost", 25, timeout=5)
            with pytest.raises(ForbiddenAddress), socket.socket(socket.AF_UNIX) as unix:
                unix.connect("/run/none")
            with pytest.raises(ForbiddenAddress), socket.socket(type=socket.SOCK_DGRAM) as udp:
                udp.sendto(b"x", ("127.0.0.1", 9))
        assert here.arrived == []
        with only_allowed(AllowedAddresses([ip_network("127.0.0.0/8")])):
            urllib.request.urlopen(here.url, b"{}").close()
        urllib.request.urlopen(here.url, b"{}").close()
        assert len(here.arrived) == 2, "other threads and times are not guarded"
