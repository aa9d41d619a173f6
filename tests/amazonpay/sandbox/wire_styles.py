"""Requests as the other official SDKs put them on the wire, byte for byte, signed in their ways.

Written from the SDKs' behaviour (signing.md §3–§10, api.md §1–§3), not from the server's code. A
style differs in letter case and order of headers, in what it signs, in how it writes dates, paths,
queries and JSON, and in what it does on a retry.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote, quote_plus

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

V1, V2 = "AMZN-PAY-RSASSA-PSS", "AMZN-PAY-RSASSA-PSS-V2"
SALT = {V1: 20, V2: 32}
HOST = "pay-api.amazon.jp"
KEY = "x-amz-pay-idempotency-key"
SIMULATION = "x-amz-pay-simulation-code"

Query = Mapping[str, str | list[str]]
Pairs = list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Call:
    """What the user of an SDK asks for; `path` is without version."""

    method: str
    path: str
    body: Any = None
    query: Query = field(default_factory=dict)
    key: str | None = None
    simulation: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def own(self) -> dict[str, str]:
        """The headers that the user of the SDK gave."""
        given = {KEY: self.key, SIMULATION: self.simulation}
        return {**{k: v for k, v in given.items() if v is not None}, **self.headers}


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A request as it is sent; `headers` are in wire order and letter case."""

    method: str
    target: str
    headers: Pairs
    body: bytes
    colon: str = ": "

    @property
    def packet(self) -> bytes:
        """The bytes for the socket."""
        lines = "".join(f"{name}{self.colon}{value}\r\n" for name, value in self.headers)
        return f"{self.method} {self.target} HTTP/1.1\r\n{lines}\r\n".encode() + self.body


class Style:
    """The common part; each SDK says below how it differs."""

    name = ""
    algorithms: tuple[str, ...] = (V1, V2)
    prefix = "/v2"
    region = "jp"
    resigns = False
    # To Capture Charge too, where its user gives no key.
    adds_keys = False
    colon = ": "

    def __init__(self, key: RSAPrivateKey, key_id: str, algorithm: str = V2) -> None:
        self.key = key
        self.key_id = key_id
        self.algorithm = algorithm

    # hooks
    def date(self, at: datetime) -> str:
        return at.strftime("%Y%m%dT%H%M%SZ")

    def path(self, call: Call) -> str:
        return self.prefix + call.path

    def text(self, body: Any) -> str:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"))

    def queries(self, query: Query) -> tuple[str, str]:
        """As sent and as signed."""
        pairs = sorted((_rfc3986(n), _rfc3986(v)) for n, v in _pairs(query))
        text = _joined(pairs)
        return text, text

    def signed_headers(self, call: Call, at: datetime, body: bytes) -> dict[str, str]:
        return {**self.five(at), **{name.lower(): value for name, value in call.own.items()}}

    def canonical(self, value: str) -> str:
        return value

    def listed(self, names: Iterable[str]) -> str:
        """SignedHeaders as the authorization shows it."""
        return ";".join(sorted(names))

    def wire(self, call: Call, signed: dict[str, str], authorization: str, body: bytes) -> Pairs:
        raise NotImplementedError

    # the algorithm of signing.md §2
    def five(self, at: datetime) -> dict[str, str]:
        return {
            "accept": "application/json",
            "content-type": "application/json",
            "x-amz-pay-region": self.region,
            "x-amz-pay-date": self.date(at),
            "x-amz-pay-host": HOST,
        }

    def request(self, call: Call, at: datetime, *, salt: int | None = None) -> Signed:
        body = b"" if call.body is None else self.text(call.body).encode()
        sent, to_sign = self.queries(call.query)
        path = self.path(call)
        headers = self.signed_headers(call, at, body)
        names = sorted(headers)
        lines = "".join(f"{name}:{self.canonical(headers[name])}\n" for name in names)
        parts = (call.method, path, to_sign, lines, ";".join(names), _sha256(body))
        signature = self.sign("\n".join(parts), salt)
        authorization = (
            f"{self.algorithm} PublicKeyId={self.key_id}, "
            f"SignedHeaders={self.listed(names)}, Signature={signature}"
        )
        target = path + self.mark(call) + sent
        return Signed(
            method=call.method,
            target=target,
            headers=self.wire(call, headers, authorization, body),
            body=body,
            colon=self.colon,
        )

    def mark(self, call: Call) -> str:
        return "?" if call.query else ""

    def sign(self, canonical: str, salt: int | None) -> str:
        text = f"{self.algorithm}\n{_sha256(canonical.encode())}".encode()
        length = SALT[self.algorithm] if salt is None else salt
        padding = PSS(mgf=MGF1(SHA256()), salt_length=length)
        return base64.b64encode(self.key.sign(text, padding, SHA256())).decode()


class Php(Style):
    """Escaped JSON, `Content-Length: 0` on GET, nothing of the user signed but the key."""

    name = "PHP"
    # curl sends the lines as the SDK wrote them.
    colon = ":"

    def text(self, body: Any) -> str:
        return json.dumps(body, separators=(",", ":")).replace("/", "\\/")

    def queries(self, query: Query) -> tuple[str, str]:
        pairs: Pairs = []
        for name, value in query.items():
            if isinstance(value, list):
                pairs += [(f"{name}.{n}", item) for n, item in enumerate(value, start=1)]
            else:
                pairs.append((name, value))
        text = _joined(sorted((name, _rfc3986(value)) for name, value in pairs))
        return text, text

    def signed_headers(self, call: Call, at: datetime, body: bytes) -> dict[str, str]:
        given = {name.lower(): value for name, value in call.own.items() if name.lower() == KEY}
        return self.five(at) | given

    def wire(self, call: Call, signed: dict[str, str], authorization: str, body: bytes) -> Pairs:
        added = {
            **{name: value for name, value in signed.items() if name != KEY},
            "x-amz-pay-sdk-type": "amazon-pay-api-sdk-php",
            "x-amz-pay-sdk-version": "2.7.2",
            "x-amz-pay-language-version": "8.3.6",
            "authorization": authorization,
            "user-agent": "amazon-pay-api-sdk-php/2.7.2 (PHP/8.3.6; Linux/x86_64/6.8.0)",
        }
        own = list(call.own.items())
        return [("Host", HOST), *sorted(added.items()), *own, ("Content-Length", str(len(body)))]


class Java(Style):
    """Region in capitals, headers in the order of a hash map, raw queries behind `/?`."""

    name = "Java"
    region = "JP"
    adds_keys = True
    _ORDER = (
        *("authorization", "x-amz-pay-region", KEY, SIMULATION, "content-type"),
        *("x-amz-pay-host", "x-amz-pay-date", "accept", "user-agent"),
    )

    def path(self, call: Call) -> str:
        # Get Refund ends with a slash, and so does every path before a query.
        is_refund = call.method == "GET" and call.path.startswith("/refunds/")
        return self.prefix + call.path + ("/" if is_refund or call.query else "")

    def text(self, body: Any) -> str:
        return super().text(body).replace("</", "<\\/")

    def queries(self, query: Query) -> tuple[str, str]:
        return _joined(_pairs(query)), super().queries(query)[1]

    def canonical(self, value: str) -> str:
        return "".join(" " if c.isspace() else c for c in value.strip())

    def wire(self, call: Call, signed: dict[str, str], authorization: str, body: bytes) -> Pairs:
        agent = "amazon-pay-api-sdk-java/2.6.7 (Java/17.0.11; Linux/6.8.0)"
        every = signed | {"authorization": authorization, "user-agent": agent}
        rest = [name for name in every if name not in self._ORDER]
        pairs = [(name, every[name]) for name in (*self._ORDER, *rest) if name in every]
        length = [("Content-Length", str(len(body)))] if call.method != "GET" else []
        tail = [("Host", HOST), ("Connection", "Keep-Alive"), ("Accept-Encoding", "gzip,deflate")]
        return [*pairs, *length, *tail]


class DotNet(Style):
    """A slash after every path, amounts and frequency values as JSON numbers, 100-continue."""

    name = ".NET"
    adds_keys = True

    def path(self, call: Call) -> str:
        return self.prefix + call.path + "/"

    def text(self, body: Any) -> str:
        return super().text(_as_numbers(body))

    def canonical(self, value: str) -> str:
        return " ".join(value.split())

    def wire(self, call: Call, signed: dict[str, str], authorization: str, body: bytes) -> Pairs:
        restricted = {"accept": "Accept", "content-type": "Content-Type"}
        pairs = [(restricted.get(name, name), value) for name, value in signed.items()]
        agent = "amazon-pay-api-sdk-dotnet/2.7.3 (.NET; Microsoft Windows NT 10.0.20348.0)"
        pairs += [("authorization", authorization), ("User-Agent", agent), ("Host", HOST)]
        if call.method == "GET":
            return pairs
        return [*pairs, ("Content-Length", str(len(body))), ("Expect", "100-continue")]


class Ruby(Style):
    """Always `/sandbox/v2`, capitalised names, the length signed, form encoding, signed anew."""

    name = "Ruby"
    algorithms = (V2,)
    prefix = "/sandbox/v2"
    resigns = True

    def queries(self, query: Query) -> tuple[str, str]:
        pairs = [(_form(name), _form(value)) for name, value in _pairs(dict(sorted(query.items())))]
        return _joined(pairs), _joined(pairs)

    def signed_headers(self, call: Call, at: datetime, body: bytes) -> dict[str, str]:
        length = {"content-length": str(len(body))} if body else {}
        sdk = {"x-amz-pay-sdk-type": "amazon-pay-api-sdk-ruby", "x-amz-pay-sdk-version": "1.2.0"}
        own = {name.lower(): value.strip() for name, value in call.own.items()}
        return own | self.five(at) | length | sdk

    def wire(self, call: Call, signed: dict[str, str], authorization: str, body: bytes) -> Pairs:
        accepted = "gzip;q=1.0,deflate;q=0.6,identity;q=0.3"
        first = {
            "accept-encoding": accepted,
            "accept": signed["accept"],
            "user-agent": "Ruby",
            "host": HOST,
        }
        every = first | {"content-length": str(len(body))} | signed
        every |= {"authorization": authorization}
        return [("-".join(p.capitalize() for p in n.split("-")), v) for n, v in every.items()]


class Node(Style):
    """Every header signed, user-agent too, in the caller's letter case; a date with dashes."""

    name = "Node"

    def date(self, at: datetime) -> str:
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")

    def signed_headers(self, call: Call, at: datetime, body: bytes) -> dict[str, str]:
        agent = {"user-agent": "amazon-pay-api-sdk-nodejs/2.3.4 (JS/20.20.2; linux)"}
        return super().signed_headers(call, at, body) | agent

    def wire(self, call: Call, signed: dict[str, str], authorization: str, body: bytes) -> Pairs:
        pairs = [*signed.items(), ("authorization", authorization)]
        length = [("Content-Length", str(len(body)))] if body else []
        return [*pairs, *length, ("Host", HOST), ("Connection", "close")]


class ThirdParty(Style):
    """A Python client whose SignedHeaders names date and host twice, though signed once."""

    name = "third-party Python"
    algorithms = (V1,)
    prefix = "/sandbox/v2"

    def text(self, body: Any) -> str:
        return json.dumps(body, separators=(",", ":"))

    def signed_headers(self, call: Call, at: datetime, body: bytes) -> dict[str, str]:
        given = {name.lower(): value for name, value in call.own.items() if name.lower() == KEY}
        return self.five(at) | given

    def listed(self, names: Iterable[str]) -> str:
        return ";".join(sorted([*names, "x-amz-pay-date", "x-amz-pay-host"]))

    def wire(self, call: Call, signed: dict[str, str], authorization: str, body: bytes) -> Pairs:
        pairs = sorted({**signed, "authorization": authorization, "user-agent": "x"}.items())
        own = [(name, value) for name, value in call.own.items() if name.lower() != KEY]
        tail = [("Accept-Encoding", "gzip, deflate"), ("Connection", "keep-alive")]
        length = [("Content-Length", str(len(body)))] if body or call.method != "GET" else []
        return [("Host", HOST), *tail, *pairs, *own, *length]


STYLES: tuple[type[Style], ...] = (Php, Java, DotNet, Ruby, Node, ThirdParty)


def _as_numbers(value: Any) -> Any:
    """Whole yen and frequency values as .NET's serialiser writes them."""
    if not isinstance(value, dict):
        return value
    numbers = ("amount", "value")
    return {
        name: int(inner) if name in numbers and isinstance(inner, str) else _as_numbers(inner)
        for name, inner in value.items()
    }


def _pairs(query: Query) -> Pairs:
    return [
        (name, item)
        for name, value in query.items()
        for item in (value if isinstance(value, list) else [value])
    ]


def _joined(pairs: Iterable[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in pairs)


def _rfc3986(text: str) -> str:
    return quote(text, safe="-_.~")


def _form(text: str) -> str:
    return quote_plus(text, safe="*-._").replace("~", "%7E")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
