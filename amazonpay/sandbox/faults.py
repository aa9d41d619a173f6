"""Faults that the control surface asks for, matched call by call with a seeded generator.

`…_before` means that the call had no effect; `…_after`, `cut_body` and `garbage` mean that it was
done and kept under its key, and only the answer is lost.
"""

import random
import re
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
_DEFAULT_SECONDS: Final = {"timeout_before": 30.0, "timeout_after": 30.0, "slow": 1.0}


@dataclass(slots=True, kw_only=True)
class Fault:
    """One rule: after skipping `after` matching calls it strikes `times` times (None: for ever)."""

    operation: str
    kind: str
    times: int | None = 1
    probability: float = 1.0
    after: int = 0
    seconds: float = 0.0

    def strikes(self, operation: str, generator: random.Random) -> bool:
        """Whether this rule strikes this call; counts the call."""
        if self.operation not in (operation, ANY_OPERATION) or self.times == 0:
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
    """How long a kind lasts unless told otherwise: time-outs 30 s, slow answers 1 s."""
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
        if not self.rules:
            return None
        struck = next((r for r in self.rules if r.strikes(operation, self._generator)), None)
        self.rules = [rule for rule in self.rules if rule.times != 0]
        return struck
