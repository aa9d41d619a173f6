"""Faults that the control surface asks for, matched call by call with a seeded generator.

`…_before` means that the call had no effect; `…_after`, `cut_body` and `garbage` mean that it was
done and kept under its key, and only the answer is lost. Notifications have kinds of their own,
which strike deliveries (one message to one endpoint) before their first try and no API call.
"""

import random
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

KINDS: Final = (
    *("timeout_before", "timeout_after", "reset_before", "reset_after", "cut_body"),
    *("500_before", "500_after", "503", "429", "slow", "garbage"),
    *("processing_failure", "processing_failure_but_charged"),
)
NOTIFICATION_KINDS: Final = ("drop", "duplicate", "delay", "reorder", "forge")
MONEY_KINDS: Final = frozenset({"processing_failure", "processing_failure_but_charged"})
ANY_OPERATION: Final = "*"
ANY_NOTIFICATION: Final = "Notification"
OBJECT_TYPES: Final = ("CHARGE_PERMISSION", "CHARGE", "REFUND", "CHARGEBACK")
"""What a notification can be about; in place of an operation, a rule strikes only those."""

_DEFAULT_SECONDS: Final = {
    "timeout_before": 30.0,
    "timeout_after": 30.0,
    "slow": 1.0,
    "delay": 60.0,
    "reorder": 3600.0,
}


@dataclass(slots=True, kw_only=True)
class Fault:
    """One rule: after skipping `after` matching calls it strikes `times` times (None: for ever)."""

    operation: str
    kind: str
    times: int | None = 1
    probability: float = 1.0
    after: int = 0
    seconds: float = 0.0

    def strikes(self, names: Collection[str], generator: random.Random) -> bool:
        """Whether this rule strikes what goes by these names; counts it when it does."""
        if self.operation not in names or self.times == 0:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.probability < 1.0 and generator.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True


def default_seconds(kind: str) -> float:
    """How long a kind lasts unless told otherwise.

    Real time for calls: time-outs 30 s, slow answers 1 s. Virtual time for notifications: a delay
    60 s, and 1 h at the longest until a held one is sent although no other came.
    """
    return _DEFAULT_SECONDS.get(kind, 0.0)


def same_name(name: str) -> str:
    """`CreateCharge`, `createCharge`, `create_charge` and `Create Charge` are one operation."""
    return re.sub(r"[^a-z]", "", name.lower())


class Faults:
    """The rules in force, first match first."""

    def __init__(self, *, seed: int) -> None:
        self._seed = seed
        self._generator = random.Random(seed)  # noqa: S311 - repeatable tests, not secrets
        self.rules: list[Fault] = []

    def add(self, rules: list[Fault]) -> None:
        """Adds rules behind those in force."""
        self.rules.extend(rules)

    def clear(self) -> None:
        """Forgets all rules and starts the generator anew."""
        self.rules.clear()
        self._generator.seed(self._seed)

    def take(self, operation: str) -> Fault | None:
        """The rule that strikes this call, if any; used-up rules are forgotten."""
        return self._take((operation, ANY_OPERATION), KINDS)

    def take_notification(self, object_type: str, *, besides: Collection[str] = ()) -> Fault | None:
        """The rule that strikes this notification, if any; rules of kinds `besides` are spared."""
        kinds = [kind for kind in NOTIFICATION_KINDS if kind not in besides]
        return self._take((object_type, ANY_NOTIFICATION), kinds)

    def _take(self, names: Collection[str], kinds: Collection[str]) -> Fault | None:
        if not self.rules:
            return None
        fitting = (rule for rule in self.rules if rule.kind in kinds)
        struck = next((rule for rule in fitting if rule.strikes(names, self._generator)), None)
        self.rules = [rule for rule in self.rules if rule.times != 0]
        return struck
