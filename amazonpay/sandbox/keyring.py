"""The merchant's public keys: those that Amazon knows, by id. Two may live during a rotation.

A key id that is not listed is unknown; a disabled one is remembered only to say so.
"""

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


@dataclass(slots=True)
class Keyring:
    """Public keys by id, as they are now; `rotation` keeps them across restarts."""

    live: dict[str, RSAPublicKey] = field(default_factory=dict)

    def find(self, key_id: str) -> RSAPublicKey | None:
        """The key of that id, None when it is unknown or disabled."""
        return self.live.get(key_id)
