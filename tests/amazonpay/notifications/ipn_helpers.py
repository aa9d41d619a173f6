"""Shared by the tests of notifications: signed envelopes, fetchers that count, both receivers."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from amazonpay.notifications import AsyncNotificationReceiver, NotificationReceiver

KINDS = ("sync", "async")
NOW = datetime(2026, 4, 1, 0, 5, tzinfo=UTC)
MERCHANT_ID = "A2EXAMPLEJP0001"
TOPIC_ARN = "arn:aws:sns:eu-west-1:000000000000:A2EXAMPLEJP0001-TESTAPP"
HOST = "sns.eu-west-1.amazonaws.com"
CERT_URL = f"https://{HOST}/SimpleNotificationService-{'0' * 32}.pem"
PERMISSION_ID = "C03-1442027-5744374"
CHARGE_ID = "S03-5890444-1926095-C064126"
SIGNED = (
    *("Message", "MessageId", "Subject", "SubscribeURL"),
    *("Timestamp", "Token", "TopicArn", "Type"),
)


@cache
def vectors() -> dict[str, Any]:
    """The published notification vectors."""
    file = Path(__file__).parents[1] / "vectors" / "ipn-vectors.json"
    return json.loads(file.read_text("utf-8"))


@cache
def signing_key() -> rsa.RSAPrivateKey:
    """The throwaway key of the vectors."""
    key = load_pem_private_key(vectors()["privateKeyPkcs8Pem"].encode(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def certificate_pem() -> bytes:
    """The throwaway certificate of the vectors."""
    return vectors()["certificatePem"].encode()


def message(**changes: Any) -> dict[str, Any]:
    """A message about a charge as Amazon Pay sends it; None leaves a key out."""
    members = {
        "MerchantID": MERCHANT_ID,
        "ChargePermissionId": PERMISSION_ID,
        "ObjectType": "CHARGE",
        "ObjectId": CHARGE_ID,
        "NotificationType": "STATE_CHANGE",
        "NotificationId": "aaaaaaaa-0000-4000-8000-000000000001",
        "NotificationVersion": "V2",
    } | changes
    return {name: value for name, value in members.items() if value is not None}


def notification(inner: Any = None, **changes: Any) -> dict[str, Any]:
    """An envelope around a message, not signed yet; None leaves a key out."""
    members = {
        "Type": "Notification",
        "MessageId": "00000000-0000-4000-8000-000000000001",
        "TopicArn": TOPIC_ARN,
        "Message": inner if isinstance(inner, str) else json.dumps(inner or message()),
        "Timestamp": "2026-04-01T00:00:01.000Z",
        "SignatureVersion": "1",
        "SigningCertURL": CERT_URL,
        "UnsubscribeURL": f"https://{HOST}/?Action=Unsubscribe",
    } | changes
    return {name: value for name, value in members.items() if value is not None}


def subscription(**changes: Any) -> dict[str, Any]:
    """An envelope that asks to confirm a subscription, not signed yet."""
    topic_arn, token = changes.get("TopicArn", TOPIC_ARN), changes.get("Token", "0123abcd")
    url = f"https://{HOST}/?Action=ConfirmSubscription&TopicArn={topic_arn}&Token={token}"
    usual = {"Type": "SubscriptionConfirmation", "Token": token, "SubscribeURL": url}
    return notification(
        "You have chosen to subscribe.", **usual | {"UnsubscribeURL": None} | changes
    )


def signed(envelope: dict[str, Any], key: rsa.RSAPrivateKey | None = None) -> bytes:
    """The body of a delivery: the envelope with its signature, written independently of ours."""
    text = "".join(f"{name}\n{envelope[name]}\n" for name in SIGNED if name in envelope)
    algorithm = hashes.SHA1() if envelope["SignatureVersion"] == "1" else hashes.SHA256()
    signature = (key or signing_key()).sign(text.encode(), padding.PKCS1v15(), algorithm)
    return json.dumps(envelope | {"Signature": base64.b64encode(signature).decode()}).encode()


class CountingFetcher:
    """Answers every URL with one file, and keeps the URLs it was asked for."""

    def __init__(self, pem: bytes | Exception | None = None) -> None:
        self.pem = certificate_pem() if pem is None else pem
        self.urls: list[str] = []

    def fetch(self, url: Any) -> bytes:
        self.urls.append(str(url))
        if isinstance(self.pem, Exception):
            raise self.pem
        return self.pem


class NoFetcher:
    """Fails the test as soon as anything would be fetched."""

    def fetch(self, url: Any) -> bytes:
        raise AssertionError(f"a connection to {url}")


class InLoop:
    """A synchronous fetcher as an asynchronous one."""

    def __init__(self, fetcher: Any) -> None:
        self.fetcher = fetcher

    async def fetch(self, url: Any) -> bytes:
        await asyncio.sleep(0)
        return self.fetcher.fetch(url)


class Deliveries:
    """One receiver, synchronous or asynchronous, called the same way."""

    def __init__(self, kind: str, fetcher: Any = None, **options: Any) -> None:
        self.fetcher = CountingFetcher() if fetcher is None else fetcher
        options = {
            "merchant_id": MERCHANT_ID,
            "environment": "sandbox",
            "topic_arns": [TOPIC_ARN],
            "clock": lambda: NOW,
        } | options
        if kind == "sync":
            self.receiver: Any = NotificationReceiver(fetcher=self.fetcher, **options)
        else:
            self.receiver = AsyncNotificationReceiver(fetcher=InLoop(self.fetcher), **options)

    def receive(self, body: bytes) -> Any:
        """What the body means. Raises what the receiver raises."""
        result = self.receiver.receive(body)
        return asyncio.run(result) if asyncio.iscoroutine(result) else result


def receive(body: bytes, kind: str = "sync", **options: Any) -> Any:
    """What a fresh receiver makes of the body."""
    return Deliveries(kind, **options).receive(body)


def make_certificate(
    key: Any,
    *,
    name: str = "sns.amazonaws.com",
    days: tuple[int, int] = (-1, 365),
    issuer: tuple[x509.Certificate, Any] | None = None,
    is_ca: bool = False,
) -> x509.Certificate:
    """A certificate, self-signed unless an issuer is given; `days` are counted from NOW."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_key = issuer[1] if issuer else key
    usage = x509.KeyUsage(not is_ca, False, False, False, False, is_ca, is_ca, False, False)
    key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(1000)
        .not_valid_before(NOW + timedelta(days=days[0]))
        .not_valid_after(NOW + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(key_id, critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def pem_of(*certificates: x509.Certificate) -> bytes:
    """The certificates in one PEM file."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)
