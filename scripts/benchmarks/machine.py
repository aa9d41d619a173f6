"""The limit that everything else is compared with: signatures of one core.

Every call to Amazon carries a fresh RSA-2048 PSS signature; nothing can be cached, so no engine
and no server can be faster than this.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from scripts.benchmarks.figures import Figure, per_second

SIGNING_LIMIT = "signatures/s of one core"
VERIFYING_LIMIT = "verifications/s of one core"


@dataclass(frozen=True, slots=True)
class MachineLimit:
    """What one core can do a second."""

    signs_per_second: float
    verifies_per_second: float

    def figures(self) -> list[Figure]:
        """The limit as figures; it is itself the measure, so nothing is asked of it."""
        verifies = self.verifies_per_second
        return [
            Figure(name="sign, RSA-2048 PSS", value=self.signs_per_second, unit="per second"),
            Figure(
                name="verify, RSA-2048 PSS",
                value=verifies,
                unit="per second",
                ratio=verifies / self.signs_per_second,
                ratio_to=SIGNING_LIMIT,
            ),
        ]


def measure(*, seconds: float) -> MachineLimit:
    """Sign and verify, each for so many seconds, in this one thread."""
    key = generate_private_key(public_exponent=65_537, key_size=2_048)
    padding = PSS(mgf=MGF1(SHA256()), salt_length=32)
    text = b"AMZN-PAY-RSASSA-PSS-V2\n" + b"0" * 64
    signature = key.sign(text, padding, SHA256())
    public = key.public_key()
    return MachineLimit(
        signs_per_second=per_second(lambda: key.sign(text, padding, SHA256()), seconds=seconds),
        verifies_per_second=per_second(
            lambda: public.verify(signature, text, padding, SHA256()), seconds=seconds
        ),
    )
