"""Download addresses that need no signature of Amazon Pay's and die after thirty seconds."""

import hashlib
import hmac
import secrets
from typing import Final

from amazonpay.sandbox.options import SECOND_MS
from amazonpay.sandbox.settlement.options import read_options
from amazonpay.sandbox.world import World

PREFIX: Final = "/__documents"
_SECRET: Final = "report_document_secret"  # noqa: S105 - the name of a setting, not a secret


def signed_url(world: World, document_id: str, now: int) -> str:
    """The address of a document; its query says until when it is good, and proves it."""
    expires = now + read_options(world).document_seconds * SECOND_MS
    proof = _proof(_secret(world), document_id, str(expires))
    return f"{world.base_url}{PREFIX}/{document_id}?Expires={expires}&Signature={proof}"


def why_not(world: World, document_id: str, *, expires: str, proof: str, now: int) -> str | None:
    """Why an address is not good, None when it is; in the words of a pre-signed store."""
    genuine = _proof(_secret(world), document_id, expires)
    if not hmac.compare_digest(genuine.encode(), proof.encode("utf-8", "replace")):
        return "The request signature does not match"
    if now > int(expires):
        return "Request has expired"
    return None


def _proof(secret: str, document_id: str, expires: str) -> str:
    text = f"{document_id}\n{expires}".encode("utf-8", "replace")
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def _secret(world: World) -> str:
    kept = world.store.meta(_SECRET)
    if kept is None:
        kept = secrets.token_hex(32)
        world.store.put_meta(_SECRET, kept)
    return kept
