"""Who may come in: headers, key, date and signature of a call (signing.md §3 and §7)."""

import re
from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from amazonpay.sandbox.instants import parse_pay_date
from amazonpay.sandbox.keyring import Keyring
from amazonpay.sandbox.options import SECOND_MS, Environment, Options
from amazonpay.sandbox.refusals import Refused, empty_header, invalid_header, missing_header
from amazonpay.sandbox.signature import Credentials, SignedRequest, parse_authorization, verify

IDEMPOTENCY_HEADER: Final = "x-amz-pay-idempotency-key"
_MUST_BE_SIGNED: Final = ("x-amz-pay-date", "x-amz-pay-host", "x-amz-pay-region")
# Which of the two refusals an unknown key id meets is not known (signing.md §7).
_UNKNOWN_KEY: Final = {403: "InvalidAuthentication", 401: "UnauthorizedAccess"}
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)


class Gate:
    """Knows the public keys of the merchant and lets only their requests in."""

    def __init__(self, keys: Keyring, environment: Environment, options: Options) -> None:
        self._keys = keys
        self._environment = environment
        self._unknown_key_status = options.unknown_key_status
        self._oldest_ms = options.oldest_request_seconds * SECOND_MS
        self._newest_ms = options.newest_request_seconds * SECOND_MS

    def check(
        self,
        request: SignedRequest,
        *,
        path_environment: Environment | None,
        key_use: str,
        now: int,
    ) -> None:
        """Refuses whatever Amazon would not let in; returns when the request is authentic.

        `key_use` is the operation's: an idempotency key that is ignored need not be signed.
        """
        credentials = self._credentials(request)
        key = self._key(credentials.key_id, path_environment)
        self._check_region(request.headers["x-amz-pay-region"])
        self._check_date(request.headers["x-amz-pay-date"], now)
        expected = verify(key, request, credentials)
        if expected is not None:
            raise _bad_signature(expected, credentials)
        self._require_signed(request, credentials, key_use)

    @staticmethod
    def _credentials(request: SignedRequest) -> Credentials:
        credentials = parse_authorization(_header(request.headers, "authorization"))
        if credentials is None:
            raise invalid_header(
                "The value provided for authorization is not of the form <algorithm> "
                "PublicKeyId=…, SignedHeaders=…, Signature=… with a supported algorithm"
            )
        for name in _MUST_BE_SIGNED:
            _header(request.headers, name)
        return credentials

    def _key(self, key_id: str, path_environment: Environment | None) -> RSAPublicKey:
        key = self._keys.find(key_id)
        prefixed = key_id.upper().startswith(("SANDBOX-", "LIVE-"))
        wanted = path_environment or (self._environment if prefixed else None)
        if key is None or wanted != self._environment:
            raise Refused(
                self._unknown_key_status,
                _UNKNOWN_KEY[self._unknown_key_status],
                f"The public key id {key_id} is not known in this environment.",
            )
        return key

    @staticmethod
    def _check_region(region: str) -> None:
        if region.lower() != "jp":
            raise invalid_header(
                f"The value {region} provided for x-amz-pay-region is not this region"
            )

    def _check_date(self, text: str, now: int) -> None:
        at = parse_pay_date(text)
        if at is None:
            raise invalid_header(f"The value {text} provided for x-amz-pay-date is not a date")
        if at > now + self._newest_ms:
            raise invalid_header(
                f"The value {text} provided for x-amz-pay-date should not be in future"
            )
        if at < now - self._oldest_ms:
            raise invalid_header(f"The value {text} provided for x-amz-pay-date is too old")

    @staticmethod
    def _require_signed(request: SignedRequest, credentials: Credentials, key_use: str) -> None:
        signed = credentials.signed_headers.lower().split(";")
        needed = [*_MUST_BE_SIGNED]
        if key_use != "ignored" and IDEMPOTENCY_HEADER in request.headers:
            needed.append(IDEMPOTENCY_HEADER)
        for name in needed:
            if name not in signed:
                raise Refused(
                    403,
                    "InvalidRequestSignature",
                    f"Unable to verify signature, the header {name} must be one of SignedHeaders",
                )


def _bad_signature(expected: str, credentials: Credentials) -> Refused:
    # Amazon echoes the string it computed; integrators debug by it (signing.md §7).
    return Refused(
        403,
        "InvalidRequestSignature",
        f"Unable to verify signature, signing String [{expected}] , "
        f"signature [{credentials.signature}]",
    )


def idempotency_key(headers: Mapping[str, str], *, use: str) -> str | None:
    """The idempotency key of a call, None where the operation ignores it or may lack it."""
    value = headers.get(IDEMPOTENCY_HEADER)
    if use == "ignored" or (value is None and use == "kept"):
        return None
    value = _header(headers, IDEMPOTENCY_HEADER)
    if not _KEY.fullmatch(value):
        raise invalid_header(
            f"The value {value[:64]} provided for {IDEMPOTENCY_HEADER} must be 1 to 32 characters "
            "of A-Z a-z 0-9 - _"
        )
    return value


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if value is None:
        raise missing_header(name)
    if not value.strip():
        raise empty_header(name)
    return value
