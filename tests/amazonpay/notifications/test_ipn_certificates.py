"""Which certificates may sign: valid dates, a strong RSA key, and name and chain when asked for."""

from contextlib import suppress
from datetime import timedelta
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from ipn_helpers import (
    KINDS,
    NOW,
    CountingFetcher,
    Deliveries,
    certificate_pem,
    make_certificate,
    notification,
    pem_of,
    receive,
    signed,
    signing_key,
)

from amazonpay.notifications import (
    BadSignature,
    CertificateRule,
    NotificationRules,
    TryLater,
    UntrustedCertificate,
)
from amazonpay.notifications.certificates import UnreadableCertificate, read_certificate

BODY = signed(notification())
both = pytest.mark.parametrize("kind", KINDS)


@cache
def ca_key():
    return ec.generate_private_key(ec.SECP256R1())


@cache
def root():
    return make_certificate(ca_key(), name="Root CA", is_ca=True)


@cache
def chained(name="sns.amazonaws.com"):
    return make_certificate(signing_key(), name=name, issuer=(root(), ca_key()))


def with_file(pem, kind="sync", **options):
    return receive(BODY, kind, fetcher=CountingFetcher(pem), **options)


def rules(**rule):
    return NotificationRules(certificate=CertificateRule(**rule))


@pytest.mark.parametrize(
    ("days", "accepted"),
    [
        pytest.param((-1, 1), True, id="valid"),
        pytest.param((0, 1), True, id="from this moment"),
        pytest.param((-1, 0), True, id="until this moment"),
        pytest.param((-10, -1), False, id="expired"),
        pytest.param((1, 10), False, id="not yet valid"),
    ],
)
@both
def test_dates_count_at_the_moment_of_the_delivery(days, accepted, kind):
    pem = pem_of(make_certificate(signing_key(), days=days))
    if accepted:
        assert with_file(pem, kind)
        return
    with pytest.raises(UntrustedCertificate, match="valid from 20") as refused:
        with_file(pem, kind)
    assert refused.value.http_status == 403


def test_a_certificate_expires_in_the_cache_too():
    times = [NOW, NOW + timedelta(hours=20)]
    pem = pem_of(make_certificate(signing_key(), days=(-1, 0)))
    deliveries = Deliveries("sync", CountingFetcher(pem), clock=lambda: times.pop(0))
    assert deliveries.receive(BODY)
    with pytest.raises(UntrustedCertificate):
        deliveries.receive(BODY)
    assert len(deliveries.fetcher.urls) == 1


@pytest.mark.parametrize(
    ("key_size", "accepted"), [(1024, False), (2047, False), (2048, True), (3072, True)]
)
def test_the_key_has_2048_bits_or_more(key_size, accepted):
    key = rsa.generate_private_key(public_exponent=65537, key_size=key_size)
    fetcher = CountingFetcher(pem_of(make_certificate(key)))
    body = signed(notification(), key)
    if accepted:
        assert receive(body, fetcher=fetcher)
        return
    with pytest.raises(UntrustedCertificate, match=f"{key_size} bits"):
        receive(body, fetcher=fetcher)


def test_the_key_must_be_the_one_that_signed():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(BadSignature):
        receive(signed(notification(), key))


UNREADABLE = {
    "empty": b"",
    "no PEM": b"<html>not found</html>",
    "cut short": certificate_pem()[:400],
    "DER": bytes.fromhex("30820001"),
    "a private key": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    "damaged": certificate_pem().replace(b"MIIC", b"MIID", 1),
    "eleven certificates": certificate_pem() * 11,
}


@pytest.mark.parametrize("pem", UNREADABLE.values(), ids=UNREADABLE.keys())
@both
def test_a_file_that_is_no_certificate_is_tried_again_later(pem, kind):
    with pytest.raises(TryLater) as refused:
        with_file(pem, kind)
    assert refused.value.http_status == 503


def test_a_key_that_is_no_rsa_key_cannot_verify():
    with pytest.raises(TryLater, match="no RSA key"):
        with_file(pem_of(make_certificate(ca_key())))


@given(at=st.integers(0, 1100), byte=st.integers(0, 255), cut=st.integers(0, 1100))
def test_damaged_files_are_unreadable_or_read_but_never_break(at, byte, cut):
    pem = bytearray(certificate_pem())
    pem[at % len(pem)] = byte
    with suppress(UnreadableCertificate):
        read_certificate(bytes(pem[: len(pem) - (cut % 3) * cut]))


def test_the_name_is_not_checked_unless_asked_for():
    pem = pem_of(make_certificate(signing_key(), name="other.example.test"))
    assert with_file(pem)
    with pytest.raises(UntrustedCertificate, match="names"):
        with_file(pem, rules=rules(names=frozenset({"sns.amazonaws.com"})))
    assert with_file(pem, rules=rules(names=frozenset({"a.test", "other.example.test"})))


def test_the_chain_is_not_checked_unless_roots_are_given():
    assert with_file(pem_of(make_certificate(signing_key())))
    assert with_file(certificate_pem())


def test_a_chain_to_a_given_root_is_accepted():
    assert with_file(pem_of(chained()), rules=rules(roots=(root(),)))


def test_a_chain_over_an_intermediate_is_accepted_from_the_file_or_from_the_settings():
    key = ec.generate_private_key(ec.SECP256R1())
    between = make_certificate(key, name="Between CA", issuer=(root(), ca_key()), is_ca=True)
    leaf = make_certificate(signing_key(), issuer=(between, key))
    assert with_file(pem_of(leaf, between), rules=rules(roots=(root(),)))
    assert with_file(pem_of(leaf), rules=rules(roots=(root(),), intermediates=(between,)))
    with pytest.raises(UntrustedCertificate, match="roots"):
        with_file(pem_of(leaf), rules=rules(roots=(root(),)))


@pytest.mark.parametrize(
    "pem",
    [
        pytest.param(pem_of(make_certificate(signing_key())), id="self-signed"),
        pytest.param(pem_of(make_certificate(signing_key()), root()), id="root glued on"),
        pytest.param(pem_of(chained("other.example.test")), id="another name"),
    ],
)
@both
def test_a_certificate_outside_the_chain_is_refused(pem, kind):
    with pytest.raises(UntrustedCertificate):
        with_file(pem, kind, rules=rules(roots=(root(),)))


def test_a_chain_of_another_root_is_refused():
    key = ec.generate_private_key(ec.SECP256R1())
    other = make_certificate(key, name="Root CA", is_ca=True)
    leaf = make_certificate(signing_key(), issuer=(other, key))
    with pytest.raises(UntrustedCertificate):
        with_file(pem_of(leaf, other), rules=rules(roots=(root(),)))
