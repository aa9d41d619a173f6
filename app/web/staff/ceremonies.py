"""The two ceremonies of WebAuthn, level 3: a passkey is made, and it proves who is there.

All that the library `webauthn` is used for is here. What comes from a browser is anybody's bytes:
whatever is wrong with them, and however the library says so, it is one refusal.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

Verification = Literal["required", "preferred", "discouraged"]
"""Whether the authenticator has to make sure who holds it, by a PIN, a finger or a face."""

PATIENCE_MS = 180_000
"""How long a browser waits for its person, in milliseconds; less than a challenge is good for."""
MOST_BYTES_OF_ID = 1023
LONGEST_ANSWER = 16_384

log = logging.getLogger(__name__)


class NoProof(Exception):
    """What a browser sent is no answer of such a passkey to this challenge; the log says why."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Whom passkeys are made for: `id` is the host, `origin` what the browser has to be at."""

    id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Credential:
    """A passkey as browsers are asked for it; `credential_id` is in base64url."""

    credential_id: str
    transports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MadeCredential:
    """A passkey that was just made; `public_key` is COSE."""

    credential: Credential
    public_key: bytes
    sign_count: int


def user_handle(*, merchant_id: str, staff_id: int) -> bytes:
    """What an authenticator knows a person by: 32 bytes that name nobody."""
    return hashlib.sha256(f"passkey\x00{merchant_id}\x00{staff_id}".encode()).digest()


def options_to_make(
    *,
    party: RelyingParty,
    challenge: bytes,
    name: str,
    handle: bytes,
    known: Sequence[Credential],
    verification: Verification,
) -> str:
    """What `navigator.credentials.create` is asked, as JSON; `known` ones are not made twice."""
    options = generate_registration_options(
        rp_id=party.id,
        rp_name=party.id,
        user_id=handle,
        user_name=name,
        challenge=challenge,
        timeout=PATIENCE_MS,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement(verification),
        ),
        exclude_credentials=[_descriptor(each) for each in known],
    )
    return options_to_json(options)


def options_to_prove(
    *,
    party: RelyingParty,
    challenge: bytes,
    known: Sequence[Credential],
    verification: Verification,
) -> str:
    """What `navigator.credentials.get` is asked, as JSON: a proof by one of the `known`."""
    options = generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=PATIENCE_MS,
        allow_credentials=[_descriptor(each) for each in known],
        user_verification=UserVerificationRequirement(verification),
    )
    return options_to_json(options)


def check_made(
    sent: str, *, party: RelyingParty, challenge: bytes, verification: Verification
) -> MadeCredential:
    """The passkey that a browser says it made; raises `NoProof`."""
    try:
        return _checked_made(sent, party, challenge, verification)
    except Exception as error:  # the library raises some thirty kinds, and those of its parsers
        log.info("a passkey was not taken: %r", error)
        raise NoProof from error


def credential_id_of(sent: str) -> str:
    """Which passkey an answer says it is of, in base64url; raises `NoProof`."""
    try:
        return parse_authentication_credential_json(sent).id
    except Exception as error:  # as above
        log.info("an answer of a passkey cannot be read: %r", error)
        raise NoProof from error


def check_proof(
    sent: str,
    *,
    party: RelyingParty,
    challenge: bytes,
    verification: Verification,
    public_key: bytes,
    handle: bytes,
) -> int:
    """What the passkey has counted to, once its answer is right; raises `NoProof`.

    The caller compares the count, so that only a right signature is ever told as a copy.
    """
    try:
        return _checked_proof(sent, party, challenge, verification, public_key, handle)
    except Exception as error:  # as above
        log.info("a passkey's answer is no proof: %r", error)
        raise NoProof from error


def _checked_made(
    sent: str, party: RelyingParty, challenge: bytes, verification: Verification
) -> MadeCredential:
    parsed = parse_registration_credential_json(sent)
    _refuse_frames(parsed.response.client_data_json)
    made = verify_registration_response(
        credential=parsed,
        expected_challenge=challenge,
        expected_rp_id=party.id,
        expected_origin=party.origin,
        require_user_verification=verification == "required",
    )
    if len(made.credential_id) > MOST_BYTES_OF_ID or made.credential_id != parsed.raw_id:
        raise NoProof("its id is too long, or another than the browser says")
    # A key that no signature could be checked with is refused now, not at the next log-in.
    decoded_public_key_to_cryptography(decode_credential_public_key(made.credential_public_key))
    transports = tuple(sorted({each.value for each in parsed.response.transports or ()}))
    return MadeCredential(
        Credential(bytes_to_base64url(made.credential_id), transports),
        made.credential_public_key,
        made.sign_count,
    )


def _checked_proof(
    sent: str,
    party: RelyingParty,
    challenge: bytes,
    verification: Verification,
    public_key: bytes,
    handle: bytes,
) -> int:
    parsed = parse_authentication_credential_json(sent)
    _refuse_frames(parsed.response.client_data_json)
    if parsed.response.user_handle not in (None, b"", handle):
        raise NoProof("it was made for another account")
    proved = verify_authentication_response(
        credential=parsed,
        expected_challenge=challenge,
        expected_rp_id=party.id,
        expected_origin=party.origin,
        credential_public_key=public_key,
        # It would look at the count before the signature: strangers could then report copies.
        credential_current_sign_count=0,
        require_user_verification=verification == "required",
    )
    return proved.new_sign_count


def _refuse_frames(client_data: bytes) -> None:
    """These pages are never inside another's; the library does not look at that."""
    if parse_client_data_json(client_data).cross_origin or "topOrigin" in json.loads(client_data):
        raise NoProof("it was asked for inside another site's page")


def _descriptor(credential: Credential) -> PublicKeyCredentialDescriptor:
    known = {each.value for each in AuthenticatorTransport}
    return PublicKeyCredentialDescriptor(
        id=base64url_to_bytes(credential.credential_id),
        transports=[AuthenticatorTransport(each) for each in credential.transports if each in known]
        or None,
    )
