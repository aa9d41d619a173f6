"""Passwords of the staff, hashed with Argon2id.

46 MiB and one pass are the strongest setting of OWASP's list. Two hashes at a time are computed,
so that a flood of guesses takes no more than 92 MiB.
"""

import threading
from functools import cache

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1, type=Type.ID)
_at_once = threading.BoundedSemaphore(2)


def hash_password(password: str) -> str:
    """What is kept of a password."""
    with _at_once:
        return _hasher.hash(password)


def is_password(password: str, *, kept: str | None) -> bool:
    """True for the right password. Without a hash the same time passes, and it is never right."""
    with _at_once:
        try:
            _hasher.verify(kept or _nobodys(), password)
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None


@cache
def _nobodys() -> str:
    return _hasher.hash("nobody has this password")
