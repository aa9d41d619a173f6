"""Signing certificates: read once, judged anew for every notification.

By default a certificate is trusted because it came over verified TLS from a pinned host, as in
AWS's own libraries. Its name and its chain to given roots can be checked on top.
Source: ipn §4, point 5.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from amazonpay.notifications.errors import UntrustedCertificate

SNS_NAMES: Final = frozenset({"sns.amazonaws.com"})
"""The name in the certificates of the public SNS regions."""

_KEY_BITS: Final = range(2048, 8193)
"""Below, a key can be broken; above, a single check would cost more than a notification may."""

_MOST_CERTIFICATES: Final = 10


class UnreadableCertificate(Exception):
    """The bytes hold no certificate in PEM that can be used to verify a signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningCertificate:
    """A certificate with what decides about it; `issuers` are the others in the same file."""

    leaf: x509.Certificate
    issuers: tuple[x509.Certificate, ...]
    public_key: rsa.RSAPublicKey
    valid_from: datetime
    valid_until: datetime
    names: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRule:
    """What a certificate must be beyond valid dates and an RSA key of 2048 bits or more.

    `names`: one of them must be in the certificate (None: any name). `roots`: it must chain to
    one of them, over `intermediates` if needed, and carry one of `names`, or of SNS_NAMES when
    none are given (no roots: the chain is not checked).
    """

    names: frozenset[str] | None = None
    roots: tuple[x509.Certificate, ...] = ()
    intermediates: tuple[x509.Certificate, ...] = ()


def read_certificate(pem: bytes) -> SigningCertificate:
    """The first certificate of a PEM file. Raises UnreadableCertificate, also for other keys."""
    try:
        chain = x509.load_pem_x509_certificates(pem)
        if len(chain) > _MOST_CERTIFICATES:
            raise UnreadableCertificate("the file holds too many certificates")
        leaf = chain[0]
        key = leaf.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise UnreadableCertificate("the certificate's key is no RSA key")
        return SigningCertificate(
            leaf=leaf,
            issuers=tuple(chain[1:]),
            public_key=key,
            valid_from=leaf.not_valid_before_utc,
            valid_until=leaf.not_valid_after_utc,
            names=frozenset(_names(leaf)),
        )
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as problem:
        raise UnreadableCertificate("the file is no certificate in PEM") from problem


def check_certificate(
    certificate: SigningCertificate, *, rule: CertificateRule, now: datetime
) -> None:
    """Raises UntrustedCertificate unless the certificate may sign notifications at `now`."""
    if not certificate.valid_from <= now <= certificate.valid_until:
        raise UntrustedCertificate(
            f"the certificate is valid from {certificate.valid_from:%Y-%m-%d} to "
            f"{certificate.valid_until:%Y-%m-%d}, not now. Check this machine's clock"
        )
    if certificate.public_key.key_size not in _KEY_BITS:
        raise UntrustedCertificate(
            f"the certificate's RSA key has {certificate.public_key.key_size} bits, accepted are "
            f"{_KEY_BITS.start} to {_KEY_BITS.stop - 1}"
        )
    if rule.names is not None and not rule.names & certificate.names:
        raise UntrustedCertificate("the certificate carries none of the accepted names")
    if rule.roots:
        _check_chain(certificate, rule, now)


def _check_chain(certificate: SigningCertificate, rule: CertificateRule, now: datetime) -> None:
    policy = PolicyBuilder().store(Store(list(rule.roots))).time(now)
    between = [*certificate.issuers, *rule.intermediates]
    for name in sorted((rule.names or SNS_NAMES) & certificate.names):
        try:
            policy.build_server_verifier(x509.DNSName(name)).verify(certificate.leaf, between)
        except (VerificationError, ValueError):
            continue
        return
    raise UntrustedCertificate("the certificate does not chain to the accepted roots")


def _names(leaf: x509.Certificate) -> Iterable[str]:
    for attribute in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        yield str(attribute.value)
    try:
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return
    yield from extension.value.get_values_for_type(x509.DNSName)
