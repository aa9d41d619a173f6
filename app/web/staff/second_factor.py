"""The second factor: codes of 30 seconds (RFC 6238), each good once, and ten recovery codes."""

import hashlib
import io
import secrets
from datetime import datetime

import pyotp
import segno

STEP_SECONDS = 30
# A code may be one step old: a documented deviation from its 30 seconds, for slow fingers.
STEPS_BACK = 1
RECOVERY_CODES = 10
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else
SEALED_AS = "staff second factor"
"""What a sealed key is bound to, in the place of a public key id."""


def new_key() -> str:
    """A fresh key of 160 bits in base32."""
    return pyotp.random_base32()


def address_of(key: str, *, name: str, issuer: str) -> str:
    """What the code on the screen says to an authenticator."""
    return pyotp.TOTP(key).provisioning_uri(name=name, issuer_name=issuer)


def picture_of(address: str, *, title: str) -> str:
    """The address as a QR code, drawn as SVG without styles or scripts."""
    drawn = io.BytesIO()
    segno.make(address, error="m").save(
        drawn,
        kind="svg",
        xmldecl=False,
        svgns=True,
        border=4,
        title=title,
        omitsize=True,
        dark="#000",
        light="#fff",
    )
    return drawn.getvalue().decode()


def matching_step(key: str, code: str, *, at: datetime, used_step: int) -> int | None:
    """The time step whose code that is; None for a wrong one, and for one used before."""
    typed = "".join(code.split())
    now = int(at.timestamp()) // STEP_SECONDS
    totp = pyotp.TOTP(key)
    found = None
    for step in range(now - STEPS_BACK, now + 1):
        # Every step is compared, in constant time, whatever was found before.
        right = secrets.compare_digest(totp.generate_otp(step).encode(), typed.encode())
        if right and step > used_step:
            found = step
    return found


def new_recovery_codes() -> list[str]:
    """Ten codes of 50 bits such as `k4mq2-x7yrp`, each good once."""
    return ["-".join((_letters(), _letters())) for _ in range(RECOVERY_CODES)]


def recovery_hash(code: str) -> str:
    """What is kept of a recovery code, however its letters were typed."""
    plain = "".join(letter for letter in code.lower() if letter in ALPHABET)
    return hashlib.sha256(f"recovery\x00{plain}".encode()).hexdigest()


def _letters() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(5))
