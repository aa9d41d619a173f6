"""From a call to a signed request and from an answer to the next step. No I/O.

One `Wire` holds what is fixed for a merchant (credentials, environment, host, region) and the one
thing learnt on the way: how far our clock is off Amazon's.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from amazonpay.answers import HttpAnswer, names_request_date, server_time
from amazonpay.calls import Call
from amazonpay.errors import InvalidArgument
from amazonpay.keys import Environment, PrivateKey, environment_of_key_id
from amazonpay.signing import Algorithm, authorization_header, format_date

T = TypeVar("T")

_HOST: Final = re.compile(r"[A-Za-z0-9.:-]+")
_REGION: Final = re.compile(r"[a-z]{2}")
_LARGEST_LIVE_OFFSET: Final = timedelta(minutes=15)
"""A live clock further off than this is a fault for a person; following it would hide the fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A merchant's key pair as Amazon knows it: the public key's id and the private key."""

    public_key_id: str
    private_key: PrivateKey
    algorithm: Algorithm = Algorithm.V2


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """A request ready to leave: an absolute URL, headers with the signature, exact body bytes."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """Signs calls and reads answers for one merchant in one environment.

    Raises InvalidArgument when key id, environment and base URL do not fit together.
    """

    def __init__(
        self,
        *,
        credentials: Credentials,
        environment: Environment,
        base_url: str,
        region: str,
        clock: Callable[[], datetime],
    ) -> None:
        _check_environment(credentials.public_key_id, environment)
        origin = _checked_origin(base_url)
        if not _REGION.fullmatch(region):
            raise InvalidArgument(
                "region", region, "two lower-case letters", "Use jp for Amazon Pay Japan"
            )
        self._credentials = credentials
        self._environment = environment
        self._origin = f"{origin.scheme}://{origin.netloc.lower()}"
        self._host = origin.netloc.lower()
        self._region = region
        self._clock = clock
        self._clock_offset = timedelta(0)
        # A prefixed key id decides the environment by itself; the path then carries none.
        named_by_key = environment_of_key_id(credentials.public_key_id) is not None
        self._path_prefix = "/v2" if named_by_key else f"/{environment}/v2"

    def sign(self, call: Call[T]) -> SignedRequest:
        """The call with fresh date and signature.

        Raises InvalidArgument for a simulation code in the live environment.
        """
        self._check_simulation(call)
        path = self._path_prefix + call.path
        headers = self._signed_headers(call)
        authorization = authorization_header(
            private_key=self._credentials.private_key,
            public_key_id=self._credentials.public_key_id,
            algorithm=self._credentials.algorithm,
            method=call.method,
            path=path,
            query="",
            headers=headers,
            body=call.body,
        )
        headers |= {
            "authorization": authorization,
            "accept-encoding": "identity",
            "user-agent": "autopay",
        }
        if call.simulation_code is not None:
            # Unsigned, as the PHP SDK sends it: the reference allows both.
            headers["x-amz-pay-simulation-code"] = call.simulation_code
        return SignedRequest(
            method=call.method, url=self._origin + path, headers=headers, body=call.body
        )

    def learns_clock_from(self, answer: HttpAnswer) -> bool:
        """True when Amazon refused our date and told its own: the call may be signed once more.

        The refused request had no effect, so repeating it is safe. The difference is remembered
        for later calls; in live only up to 15 minutes, beyond which a person must set the clock.
        """
        theirs = server_time(answer) if names_request_date(answer) else None
        if theirs is None:
            return False
        offset = theirs - self._clock()
        if self._environment == "live" and abs(offset) > _LARGEST_LIVE_OFFSET:
            return False
        self._clock_offset = offset
        return True

    def _signed_headers(self, call: Call[T]) -> dict[str, str]:
        headers = {
            "accept": "application/json",
            "content-type": "application/json",
            "x-amz-pay-date": format_date(self._clock() + self._clock_offset),
            "x-amz-pay-host": self._host,
            "x-amz-pay-region": self._region,
        }
        if call.idempotency_key is not None:
            headers["x-amz-pay-idempotency-key"] = call.idempotency_key
        return headers

    def _check_simulation(self, call: Call[T]) -> None:
        if call.simulation_code is not None and self._environment == "live":
            raise InvalidArgument(
                "simulation_code",
                call.simulation_code,
                "simulation belongs to the sandbox; this client is live",
                "Leave the code out, or use sandbox credentials",
            )


def _check_environment(public_key_id: str, environment: Environment) -> None:
    if environment not in ("sandbox", "live"):
        raise InvalidArgument(
            "environment", environment, "sandbox or live", "Correct it in the settings"
        )
    named = environment_of_key_id(public_key_id)
    if named is not None and named != environment:
        raise InvalidArgument(
            "public_key_id",
            public_key_id,
            f"this is a {named} key, but the settings say {environment}",
            f"Use the {environment} key pair, or set the environment to {named}",
        )
    if not public_key_id.isascii() or not public_key_id.replace("-", "").isalnum():
        raise InvalidArgument(
            "public_key_id",
            public_key_id,
            "letters, digits and hyphens only",
            "Copy it from Seller Central",
        )


def _checked_origin(base_url: str) -> SplitResult:
    try:
        parts = urlsplit(base_url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        host = None
    if (
        not host
        or not _HOST.fullmatch(host)
        or parts.path not in ("", "/")
        or parts.query
        or parts.fragment
        or "@" in base_url
    ):
        raise InvalidArgument(
            "base_url",
            base_url,
            "scheme and host only, such as https://pay-api.amazon.jp",
            "Leave out path, query and user name",
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise InvalidArgument(
            "base_url",
            base_url,
            "https, or http to this machine only",
            "Write https://",
        )
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
