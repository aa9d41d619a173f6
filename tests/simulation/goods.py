"""What the model of Amazon Pay does with charges that are authorised first: captured or cancelled.

Part of the oracle: it imports nothing of the engine. An authorisation is captured once, in whole or
in part, is cancelled, or lapses after 30 days. A capture more than 7 days later takes some hours.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from simulation.world import DAY, SECOND

if TYPE_CHECKING:
    from simulation.amazon import Amazon, Answer, Charge

LIVES: Final = 30 * DAY
AT_ONCE: Final = 7 * DAY
DECLINES: Final = ("AmazonRejected", "TransactionTimedOut", "SoftDeclined")
_HOURS: Final = (1, 5, 23)

Refusal = tuple[int, dict[str, Any]]


class Authorizations:
    """The authorised charges of one Amazon; `frees` says whether what was not taken is free again.

    That is not documented, so both kinds of worlds are played.
    """

    def __init__(self, amazon: Amazon, *, frees: bool) -> None:
        self._amazon = amazon
        self._frees = frees
        self.captured_by_key: dict[str, Charge] = {}
        self._of: dict[str, dict[str, Charge]] = {}

    def begin(self, charge: Charge) -> None:
        """From now on the charge may be captured."""
        charge.state = "Authorized"
        charge.authorized_at = self._amazon.now()
        self._of.setdefault(charge.permission, {})[charge.id] = charge

    def look(self, permission: str) -> None:
        """Let authorisations of a permission lapse whose time is over."""
        for charge in list(self._of.get(permission, {}).values()):
            self.look_at(charge)

    def look_at_all(self) -> None:
        """The same for every permission."""
        for permission in self._of:
            self.look(permission)

    def look_at(self, charge: Charge) -> None:
        """Let one authorisation lapse if its time is over."""
        if charge.state == "Authorized" and self._amazon.now() >= self.lapses_at(charge):
            self._amazon.count("lapsed unused")
            self._end(charge, "Canceled", "ExpiredUnused")

    def lapses_at(self, charge: Charge) -> int:
        """When an authorisation is over, captured or not."""
        return (charge.authorized_at or charge.at) + LIVES

    def capture(self, charge_id: str, key: str, body: bytes) -> tuple[Answer, bool]:
        """Take the money of an authorised charge, or a part of it; the rest is free again."""
        charge = self._amazon.charges.get(charge_id)
        amount = int(json.loads(body)["captureAmount"]["amount"])
        if charge is None:
            return _refusal(404, "ResourceNotFound", "no such charge"), False
        self.look_at(charge)
        if charge.state != "Authorized":
            return _refusal(422, "InvalidChargeStatus", charge.state), False
        if amount > charge.amount:
            self._amazon.count("capture above the charge")
            return _refusal(400, "TransactionAmountExceeded", "more than was authorised"), True
        declined = self._amazon.draw(f"capture {key}", len(DECLINES) + 1)
        if declined:
            reason = DECLINES[declined - 1]
            self._amazon.count(f"capture {reason}")
            self._end(charge, "Declined", reason)
            return _refusal(422, reason, "the money cannot be had"), True
        charge.asked = amount
        self.captured_by_key[key] = charge
        if self._amazon.now() - (charge.authorized_at or 0) <= AT_ONCE:
            self.taken(charge)
        else:
            self._takes_hours(charge, key)
        return (200, self._amazon.charge_body(charge)), False

    def _takes_hours(self, charge: Charge, key: str) -> None:
        self._forget(charge)
        self._amazon.count("capture took hours")
        hours = _HOURS[self._amazon.draw(f"capture.hours {key}", len(_HOURS))]
        end = self._amazon.draw(f"capture {key}", 2)
        when = self._amazon.now() + hours * 3_600 * SECOND
        self._amazon.becomes(charge, "CaptureInitiated", ("Captured", "Declined")[end], when)

    def taken(self, charge: Charge) -> None:
        """The money is ours."""
        charge.state, charge.captured = "Captured", charge.asked
        self._forget(charge)
        if charge.asked < charge.amount:
            self._amazon.count("captured in part")
            if self._frees:
                self._amazon.give_back(charge, charge.amount - charge.asked)

    def cancel(self, charge_id: str) -> Answer:
        """Give an authorisation up; keys are ignored, so a second time is refused."""
        charge = self._amazon.charges.get(charge_id)
        if charge is None:
            return _refusal(404, "ResourceNotFound", "no such charge")
        self._amazon.settle(charge)
        if charge.state not in ("Authorized", "AuthorizationInitiated"):
            return _refusal(422, "InvalidChargeStatus", charge.state)
        self._amazon.count("authorization canceled")
        self._end(charge, "Canceled", "MerchantCanceled")
        return 200, self._amazon.charge_body(charge)

    def _end(self, charge: Charge, state: str, reason: str) -> None:
        charge.state, charge.reason = state, reason
        self._forget(charge)
        if self._frees:
            self._amazon.give_back(charge, charge.amount)
        self._amazon.tell("CHARGE", charge.id, charge.permission, self._amazon.now())

    def _forget(self, charge: Charge) -> None:
        self._of.get(charge.permission, {}).pop(charge.id, None)


def _refusal(status: int, code: str, message: str) -> Refusal:
    return status, {"reasonCode": code, "message": message}
