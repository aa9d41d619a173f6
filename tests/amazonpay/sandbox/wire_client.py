"""A signer and HTTP client of the tests' own, so that the server is not proved by its sibling."""

import base64
import hashlib
import http.client
import json
import ssl
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

SALTS = {"AMZN-PAY-RSASSA-PSS": 20, "AMZN-PAY-RSASSA-PSS-V2": 32}
V2 = "AMZN-PAY-RSASSA-PSS-V2"


def load_key(path: str) -> RSAPrivateKey:
    with open(path, "rb") as file:
        key = load_pem_private_key(file.read(), password=None)
    assert isinstance(key, RSAPrivateKey)
    return key


def sign(
    key: RSAPrivateKey,
    *,
    key_id: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    query: str = "",
    algorithm: str = V2,
    salt: int | None = None,
    signed: Iterable[str] | None = None,
) -> str:
    """The `Authorization` header of a request (signing.md §2)."""
    names = sorted(signed if signed is not None else headers, key=str.lower)
    values = {name.lower(): value for name, value in headers.items()}
    lines = "".join(f"{name.lower()}:{values[name.lower()]}\n" for name in names)
    listed = ";".join(names)
    body_hash = hashlib.sha256(body).hexdigest()
    canonical = "\n".join((method, path, query, lines, listed, body_hash))
    text = f"{algorithm}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    padding = PSS(mgf=MGF1(SHA256()), salt_length=SALTS[algorithm] if salt is None else salt)
    signature = base64.b64encode(key.sign(text.encode(), padding, SHA256())).decode()
    return f"{algorithm} PublicKeyId={key_id}, SignedHeaders={listed}, Signature={signature}"


@dataclass(frozen=True)
class Got:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def reason(self) -> Any:
        return self.json.get("reasonCode")


@dataclass
class WireClient:
    """One keep-alive connection to a local Amazon Pay. `now` is the time that requests claim."""

    base_url: str
    control_url: str
    key_id: str
    key: RSAPrivateKey
    ca_file: str | None = None
    timeout: float = 20.0
    connection: http.client.HTTPConnection | None = field(default=None, init=False)

    @classmethod
    def of(cls, ready: Mapping[str, Any], **more: Any) -> "WireClient":
        return cls(
            ready["base_url"],
            ready["control_url"],
            ready["public_key_id"],
            load_key(ready["private_key_file"]),
            ready["ca_file"],
            **more,
        )

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Got:
        """One exchange; a dead connection is dropped and its error raised."""
        if self.connection is None:
            self.connection = self._connect()
        try:
            self.connection.request(method, path, body=body or None, headers=dict(headers))
            response = self.connection.getresponse()
            raw = response.read()
        except BaseException:
            self.close()
            raise
        got = {name.lower(): value for name, value in response.getheaders()}
        if got.get("connection") == "close":
            self.close()
        return Got(response.status, got, raw)

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.base_url)
        assert parts.hostname is not None
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=self.ca_file)
            return http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=self.timeout, context=context
            )
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=self.timeout)

    def api(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        sim: str | None = None,
        at: str | None = None,
        extra: Mapping[str, str] | None = None,
        prefix: str = "/v2",
    ) -> Got:
        """A signed API call. `at` is a compact date, real time by default."""
        raw = body if isinstance(body, bytes) else b"" if body is None else _dump(body)
        headers = {
            "accept": "application/json",
            "content-type": "application/json",
            "x-amz-pay-date": at or self.date,
            "x-amz-pay-host": "pay-api.amazon.jp",
            "x-amz-pay-region": "jp",
            **({} if key is None else {"x-amz-pay-idempotency-key": key}),
            **({} if sim is None else {"x-amz-pay-simulation-code": sim}),
            **(extra or {}),
        }
        headers["authorization"] = sign(
            self.key,
            key_id=self.key_id,
            method=method,
            path=prefix + path,
            headers=headers,
            body=raw,
        )
        return self.send(method, prefix + path, headers, raw)

    date: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"))

    # control surface
    def control(self, method: str, path: str, body: Any = None) -> Any:
        """A control call that is expected to be taken."""
        got = self.control_raw(method, path, body)
        assert got.status < 300, got.raw
        return got.json

    def control_raw(self, method: str, path: str, body: Any = None) -> Got:
        raw = body if isinstance(body, bytes) else b"" if body is None else _dump(body)
        return self.send(method, urlsplit(self.control_url).path + path, {}, raw)

    def set_clock(self, instant: str, *, force: bool = True) -> None:
        """Moves the clock and signs with that time from now on."""
        got = self.control("POST", "/clock", {"now": instant, "force": force})
        self.date = compact(got["now"])

    def advance(self, seconds: int) -> None:
        got = self.control("POST", "/clock", {"advanceSeconds": seconds})
        self.date = compact(got["now"])

    # shorthands
    def permission(self, **fields: Any) -> str:
        got = self.control("POST", "/charge-permissions", fields)
        return str(got["chargePermissionId"])

    def charge(
        self,
        permission: str,
        amount: int | str = 1000,
        *,
        key: str | None = None,
        sim: str | None = None,
        **fields: Any,
    ) -> Got:
        body = {
            "chargePermissionId": permission,
            "chargeAmount": {"amount": str(amount), "currencyCode": "JPY"},
            "captureNow": True,
            **fields,
        }
        return self.api("POST", "/charges", body, key=key or uuid.uuid4().hex, sim=sim)


def compact(iso: str) -> str:
    """`2026-04-01T00:00:00.000Z` → `20260401T000000Z`."""
    return iso[:19].replace("-", "").replace(":", "") + "Z"


def yen(amount: int) -> dict[str, str]:
    return {"amount": str(amount), "currencyCode": "JPY"}


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
