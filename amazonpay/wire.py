"""From a call to a signed request and from an answer to the next step. No I/O.

One `Wire` holds what is fixed for a merchant (credentials, environment, host, region) and the two
things learnt on the way: how far our clock is off Amazon's, and which of its keys is accepted.
"""

import platform
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address
from typing import Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from amazonpay.answers import HttpAnswer, names_request_date, server_time
from amazonpay.calls import Call
from amazonpay.errors import AmazonPayError, InvalidArgument, Misconfigured
from amazonpay.keys import Environment, PrivateKey, environment_of_key_id
from amazonpay.signing import (
    Algorithm,
    authorization_header,
    canonical_query,
    format_date,
)
from amazonpay.states import ErrorCode

T = TypeVar("T")

_HOST: Final = re.compile(r"[A-Za-z0-9.:-]+")
_REGION: Final = re.compile(r"[a-z]{2}")
_TOKEN: Final = re.compile(r"[!-~]{1,4096}")
_INTEGRATOR_TEXT: Final = re.compile(r"[!-~]{1,64}")
_LARGEST_LIVE_OFFSET: Final = timedelta(minutes=15)
"""A live clock further off than this is a fault for a person; following it would hide the fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A merchant's key pair as Amazon knows it: the public key's id and the private key."""

    public_key_id: str
    private_key: PrivateKey
    algorithm: Algorithm = Algorithm.V2


@dataclass(frozen=True, slots=True, kw_only=True)
class Integrator:
    """Who built the shop software around this client, as Amazon Pay registered it; optional."""

    integrator_id: str
    integrator_version: str | None = None
    platform_version: str | None = None

    def __post_init__(self) -> None:
        for name, value in self.headers().items():
            if not _INTEGRATOR_TEXT.fullmatch(value):
                raise InvalidArgument(
                    name.removeprefix("x-amz-pay-").replace("-", "_"),
                    value,
                    "1 to 64 visible ASCII characters",
                    "Write it as Amazon Pay registered it",
                )

    def headers(self) -> dict[str, str]:
        """The headers that say so; they are not signed, as in the PHP SDK."""
        named = {
            "x-amz-pay-integrator-id": self.integrator_id,
            "x-amz-pay-integrator-version": self.integrator_version,
            "x-amz-pay-platform-version": self.platform_version,
        }
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """A request ready to leave: an absolute URL, headers with the signature, exact body bytes.

    Tokens and personal data may stand in all three, so repr shows none of them.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    public_key_id: str


class Wire:
    """Signs calls and reads answers for one merchant in one environment.

    `credentials` is one key pair, or during a rotation several, the preferred one first.
    `auth_token` is the delegation token of a solution provider that acts for the merchant.
    Raises InvalidArgument when key ids, environment and base URL do not fit together.
    """

    def __init__(
        self,
        *,
        credentials: Credentials | Sequence[Credentials],
        environment: Environment,
        base_url: str,
        region: str,
        clock: Callable[[], datetime],
        auth_token: str | None = None,
        integrator: Integrator | None = None,
    ) -> None:
        self._credentials = _checked_credentials(credentials, environment)
        self._preferred = self._credentials[0]
        self._environment = environment
        origin = _checked_origin(base_url)
        self._origin = f"{origin.scheme}://{origin.netloc.lower()}"
        self._clock = clock
        self._clock_offset = timedelta(0)
        # A prefixed key id decides the environment by itself; the path then carries none.
        named_by_key = environment_of_key_id(self._preferred.public_key_id) is not None
        self._path_prefix = "/v2" if named_by_key else f"/{environment}/v2"
        self._fixed_headers = {
            "accept": "application/json",
            "content-type": "application/json",
            "x-amz-pay-host": origin.netloc.lower(),
            "x-amz-pay-region": _checked_region(region),
        }
        if auth_token is not None:
            self._fixed_headers["x-amz-pay-authtoken"] = _checked_token(auth_token)
        self._unsigned_headers = {"accept-encoding": "identity", "user-agent": user_agent()}
        if integrator is not None:
            self._unsigned_headers |= integrator.headers()

    def sign(self, call: Call[T], *, refused: Collection[str] = ()) -> SignedRequest:
        """The call with fresh date and signature, under the key that is believed to be accepted.

        `refused` are key ids that Amazon disowned for this call; one must be left. Raises
        InvalidArgument for a simulation code in the live environment.
        """
        self._check_simulation(call)
        key = self._keys_left(refused)[0]
        path, query = self._path_prefix + call.path, canonical_query(call.query)
        headers = self._signed_headers(call)
        authorization = authorization_header(
            private_key=key.private_key,
            public_key_id=key.public_key_id,
            algorithm=key.algorithm,
            method=call.method,
            path=path,
            query=query,
            headers=headers,
            body=call.body,
        )
        headers |= {"authorization": authorization, **self._unsigned_headers}
        if call.simulation_code is not None:
            # Unsigned, as the PHP SDK sends it: the reference allows both.
            headers["x-amz-pay-simulation-code"] = call.simulation_code
        return SignedRequest(
            method=call.method,
            url=f"{self._origin}{path}?{query}" if query else self._origin + path,
            headers=headers,
            body=call.body,
            public_key_id=key.public_key_id,
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

    def turns_to_key_other_than(self, refused: Collection[str]) -> bool:
        """True when a key is left that Amazon has not disowned for this call; it is preferred now.

        The choice is remembered for later calls: after a rotation only the first one stumbles.
        """
        left = self._keys_left(refused)
        if left:
            self._preferred = left[0]
        return bool(left)

    def naming_all_keys(self, error: AmazonPayError) -> AmazonPayError:
        """The error for a key id that Amazon disowned, when it disowned all we have."""
        if len(self._credentials) == 1 or not isinstance(error, Misconfigured):
            return error
        if error.reason_code != ErrorCode.INVALID_AUTHENTICATION:
            return error  # 401 from every key: it is the object that is not ours
        ids = " nor ".join(key.public_key_id for key in self._credentials)
        remedy = f"Amazon Pay accepts neither {ids}: check in Seller Central which key is enabled"
        return Misconfigured(
            error.status, error.reason_code, error.message, error.request_id, remedy
        )

    def _keys_left(self, refused: Collection[str]) -> list[Credentials]:
        preferred = self._preferred
        others = [key for key in self._credentials if key is not preferred]
        return [key for key in (preferred, *others) if key.public_key_id not in refused]

    def _signed_headers(self, call: Call[T]) -> dict[str, str]:
        date = format_date(self._clock() + self._clock_offset)
        headers = {**self._fixed_headers, "x-amz-pay-date": date}
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


@cache
def user_agent() -> str:
    """Name and version of this package and of Python, for Amazon's logs."""
    try:
        own = version("autopay")
    except PackageNotFoundError:
        own = "source"  # run from a checkout that was never installed
    return f"autopay/{own} (amazonpay; Python {platform.python_version()})"


def _checked_credentials(
    given: Credentials | Sequence[Credentials], environment: Environment
) -> tuple[Credentials, ...]:
    credentials = (given,) if isinstance(given, Credentials) else tuple(given)
    ids = [key.public_key_id for key in credentials]
    for key_id in ids:
        _check_environment(key_id, environment)
    if not ids or len(set(ids)) != len(ids):
        raise InvalidArgument(
            "credentials", ids, "one or more different key ids", "Give each key pair once"
        )
    if len({environment_of_key_id(key_id) for key_id in ids}) > 1:
        # The two kinds have different paths; one merchant account has only one kind.
        raise InvalidArgument(
            "credentials",
            ids,
            "all key ids name their environment by a prefix, or none does",
            "Copy the key ids from Seller Central as they stand there",
        )
    return credentials


def _checked_region(region: str) -> str:
    if _REGION.fullmatch(region):
        return region
    raise InvalidArgument("region", region, "two lower-case letters", "Use jp for Amazon Pay Japan")


def _checked_token(token: str) -> str:
    if _TOKEN.fullmatch(token):
        return token
    # The token is a secret: the error does not repeat it.
    raise InvalidArgument(
        "auth_token",
        f"{len(token)} characters",
        "visible ASCII without spaces, 1 to 4096",
        "Give the token as Get Authorization Token answered it",
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
