"""A model of Amazon Pay: the oracle of money. It shares no code with the engine.

It keeps idempotency keys for ever and compares bodies, counts the monthly cap by its own calendar,
declines, works late, gives money back. What it holds is the truth that invariants are checked
against.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta, timezone
from typing import Any, Final

from simulation.goods import Authorizations
from simulation.world import SECOND, instant

ZONES: Final = {
    "JST": timezone(timedelta(hours=9)),
    "UTC": timezone.utc,  # noqa: UP017 - beside its neighbours
}
DECLINES: Final = (
    "SoftDeclined",
    "SoftDeclined",
    "HardDeclined",
    "TransactionTimedOut",
    "MFANotCompleted",
    "AmazonRejected",
)
ALIVE: Final = frozenset({"AuthorizationInitiated", "Authorized", "CaptureInitiated", "Captured"})
_HOUR: Final = 3_600 * SECOND

Body = dict[str, Any]
Answer = tuple[int, Body]


@dataclass(slots=True)
class Permission:
    """A buyer's consent."""

    id: str
    limit: int
    state: str = "Chargeable"
    reason: str | None = None
    changed_at: int = 0


@dataclass(slots=True)
class Charge:
    """One taking of money, with the key it was made under."""

    id: str
    permission: str
    amount: int
    reference: str
    key: str
    at: int
    month: str
    state: str
    reason: str | None = None
    captured: int = 0
    asked: int = 0
    """What is captured, or is to be: less than the amount where only a part was shipped."""
    captures_now: bool = True
    authorized_at: int | None = None
    settles_at: int | None = None
    settles_as: str | None = None

    @property
    def alive(self) -> bool:
        """Money was taken, or may still be."""
        return self.state in ALIVE


@dataclass(slots=True)
class Refund:
    """Money on its way back."""

    id: str
    charge: str
    amount: int
    key: str
    state: str
    settles_at: int
    settles_as: str
    reason: str | None = None


class Amazon:
    """The model. `draw` decides what the buyer's bank says; 0 means yes, at once."""

    def __init__(
        self,
        *,
        now: Callable[[], int],
        draw: Callable[[str, int], int],
        month_zone: str,
        keeps_refusals: bool,
        frees_canceled: bool = False,
    ) -> None:
        self.now = self._now = now
        self.draw = self._draw = draw
        self._zone = ZONES[month_zone]
        self._keeps_refusals = keeps_refusals
        self.permissions: dict[str, Permission] = {}
        self.charges: dict[str, Charge] = {}
        self.refunds: dict[str, Refund] = {}
        self.keys: dict[str, tuple[bytes, Answer | None]] = {}
        self.by_key: dict[str, Charge] = {}
        self.by_reference: dict[str, list[Charge]] = {}
        self.taken: dict[tuple[str, str], int] = {}
        self.refund_by_key: dict[str, Refund] = {}
        self.refunds_of: dict[str, list[Refund]] = {}
        self._late: dict[str, Charge] = {}
        self._going_back: dict[str, Refund] = {}
        self.refused: dict[str, set[str]] = {}
        """What was said no to, by key, and with which words."""
        self.counts: dict[str, int] = {}
        self.stuck: dict[str, Answer] = {}
        """Keys whose first answer was a failure that is given for ever, whatever it did."""
        self.authorizations = Authorizations(self, frees=frees_canceled)
        self.tell: Callable[[str, str, str, int], None] = lambda kind, id, permission, when: None
        """Told of each object that changes by itself: kind, id, permission, moment."""

    def changes(self, permission: Permission, state: str, reason: str | None) -> None:
        """A buyer, or a bank, makes a permission chargeable or not."""
        permission.state, permission.reason = state, reason
        permission.changed_at = self._now()
        self.tell("CHARGE_PERMISSION", permission.id, permission.id, self._now())

    def fails_for_ever(self, key: str) -> None:
        """From now on the key is answered with the failure that its first answer was."""
        self.stuck[key] = _refusal(500, "InternalServerError", "kept under its key")

    def consent(self, permission_id: str, *, limit: int) -> None:
        """A buyer agrees to be charged."""
        self.permissions[permission_id] = Permission(permission_id, limit)

    def month(self, at: int) -> str:
        """The calendar month that a moment counts in, by Amazon's own midnight."""
        return f"{instant(at).astimezone(self._zone):%Y-%m}"

    def answer(self, method: str, path: str, key: str | None, body: bytes) -> Answer:
        """What Amazon answers; `path` begins behind the version."""
        name, _, rest = path.strip("/").partition("/")
        thing, _, verb = rest.partition("/")
        if method == "POST" and not rest:
            make = self._create_charge if name == "charges" else self._create_refund
            return self._under_key(key or "", body, lambda k: make(k, json.loads(body)))
        if (method, name, verb) == ("POST", "charges", "capture"):
            capture = self.authorizations.capture
            return self._under_key(key or "", body, lambda k: capture(thing, k, body))
        if (method, name, verb) == ("DELETE", "charges", "cancel"):
            return self.authorizations.cancel(thing)
        found: dict[str, Callable[[str], Answer]] = {
            "charges": self._show_charge,
            "refunds": self._show_refund,
            "chargePermissions": self._show_permission,
        }
        if method != "GET" or verb or name not in found:
            return _refusal(404, "UnsupportedOperation", f"{method} {path}")
        return found[name](thing)

    def _under_key(
        self, key: str, body: bytes, make: Callable[[str], tuple[Answer, bool]]
    ) -> Answer:
        known = self.keys.get(key)
        if key in self.stuck:
            self.count("kept failure")
            return self.stuck[key]
        if known is not None:
            if known[0] != body:
                self.count("DuplicateIdempotencyKey")
                return _refusal(400, "DuplicateIdempotencyKey", "the key was used for another body")
            made = self._made_under(key)
            if made is not None or known[1] is not None:
                self.count("replayed")
                return known[1] or made or (500, {})
        answer, is_final = make(key)
        if answer[0] >= 400:
            self.refused.setdefault(key, set()).add(answer[1]["reasonCode"])
        self.keys[key] = (body, answer if is_final else None)
        return answer

    def _made_under(self, key: str) -> Answer | None:
        """The object that a key made, as it is now."""
        if key in self.by_key:
            self.settle(self.by_key[key])
            return 201, self.charge_body(self.by_key[key])
        if key in self.authorizations.captured_by_key:
            charge = self.authorizations.captured_by_key[key]
            self.settle(charge)
            return 200, self.charge_body(charge)
        if key in self.refund_by_key:
            return 201, self._refund_body(self.refund_by_key[key])
        return None

    def _create_charge(self, key: str, said: Body) -> tuple[Answer, bool]:
        permission = self.permissions.get(said["chargePermissionId"])
        amount = int(said["chargeAmount"]["amount"])
        if permission is None:
            return _refusal(404, "ResourceNotFound", "no such charge permission"), False
        if permission.state != "Chargeable":
            self.count("not chargeable")
            return _refusal(422, "InvalidChargePermissionStatus", permission.state), True
        month = self.month(self._now())
        if self.spent(permission.id, month) + amount > permission.limit:
            self.count("PeriodicAmountExceeded")
            refused = _refusal(400, "PeriodicAmountExceeded", f"limit {permission.limit}")
            return refused, self._keeps_refusals
        declined = self._draw(f"decline {key}", len(DECLINES) + 1)
        if declined:
            reason = DECLINES[declined - 1]
            self.count(reason)
            if reason == "HardDeclined":
                self.changes(permission, "NonChargeable", "PaymentMethodInvalid")
            return _refusal(422, reason, "the bank says no"), True
        charge = self._take(permission, amount, key, said, month)
        return (201, self.charge_body(charge)), False

    def _take(
        self, permission: Permission, amount: int, key: str, said: Body, month: str
    ) -> Charge:
        metadata = said.get("merchantMetadata") or {}
        charge = Charge(
            id=f"S03-{len(self.charges) + 1:07d}-0000001-C{len(self.charges) + 1:06d}",
            permission=permission.id,
            amount=amount,
            reference=metadata.get("merchantReferenceId", ""),
            key=key,
            at=self._now(),
            month=month,
            state="Captured",
            asked=amount,
            captures_now=said.get("captureNow", True),
        )
        may_wait = charge.captures_now or said.get("canHandlePendingAuthorization", False)
        late = self._draw(f"late {key}", 4) if may_wait else 0
        if late:
            well = "Captured" if charge.captures_now else "Authorized"
            end = (well, "Declined")[self._draw(f"late.end {key}", 2)]
            when = self._now() + (1, 5, 23)[late - 1] * _HOUR
            self.becomes(charge, "AuthorizationInitiated", end, when)
        elif charge.captures_now:
            charge.captured = amount
        else:
            self.authorizations.begin(charge)
        self.charges[charge.id] = charge
        self.by_key[key] = charge
        self.by_reference.setdefault(charge.reference, []).append(charge)
        self.taken[permission.id, month] = self.taken.get((permission.id, month), 0) + amount
        return charge

    def spent(self, permission_id: str, month: str) -> int:
        """Yen of a month that are taken, or may be."""
        self._settle_late()
        self.authorizations.look(permission_id)
        return self.taken.get((permission_id, month), 0)

    def settle_due(self) -> None:
        """Let charges and refunds whose moment has come become what they become."""
        self._settle_late()
        self.authorizations.look_at_all()

    def becomes(self, charge: Charge, state: str, end: str, when: int) -> None:
        """A charge is in one state until a moment, and in another after it."""
        charge.state, charge.settles_as, charge.settles_at = state, end, when
        self._late[charge.id] = charge
        self.tell("CHARGE", charge.id, charge.permission, when)

    def give_back(self, charge: Charge, yen: int) -> None:
        """Of its month that much may be charged again."""
        self.taken[charge.permission, charge.month] -= yen

    def _settle_late(self) -> None:
        for charge in list(self._late.values()):
            self.settle(charge)
        for refund in list(self._going_back.values()):
            self._settle_refund(refund)

    def _settle_refund(self, refund: Refund) -> None:
        if refund.id in self._going_back and refund.settles_at <= self._now():
            refund.state = refund.settles_as
            del self._going_back[refund.id]

    def settle(self, charge: Charge) -> None:
        """Let a charge become what it becomes, if its moment has come."""
        self.authorizations.look_at(charge)
        if charge.settles_at is None or charge.settles_at > self._now():
            return
        self._late.pop(charge.id, None)
        charge.settles_at = None
        if charge.state not in ("AuthorizationInitiated", "CaptureInitiated"):
            return  # it was cancelled meanwhile
        charge.state = charge.settles_as or charge.state
        if charge.state == "Captured":
            self.authorizations.taken(charge)
            self.count("late capture")
        elif charge.state == "Authorized":
            self.authorizations.begin(charge)
            self.count("late authorization")
        else:
            charge.reason = "SoftDeclined"
            self.give_back(charge, charge.amount)
            self.count("late decline")

    def _create_refund(self, key: str, said: Body) -> tuple[Answer, bool]:
        charge = self.charges.get(said["chargeId"])
        amount = int(said["refundAmount"]["amount"])
        if charge is None:
            return _refusal(404, "ResourceNotFound", "no such charge"), False
        self.settle(charge)
        if charge.state != "Captured":
            return _refusal(422, "InvalidChargeStatus", charge.state), False
        if self.returned(charge.id) + amount > charge.captured:
            self.count("refund above the charge")
            return _refusal(400, "TransactionAmountExceeded", "more than was captured"), True
        declined = self._draw(f"refund {key}", 3)
        refund = Refund(
            id=f"S03-{len(self.refunds) + 1:07d}-0000001-R{len(self.refunds) + 1:06d}",
            charge=charge.id,
            amount=amount,
            key=key,
            state="RefundInitiated",
            settles_at=self._now() + (1, 30, 50)[declined] * _HOUR,
            settles_as=("Refunded", "Declined", "Refunded")[declined],
        )
        self.refunds[refund.id] = refund
        self.refund_by_key[key] = refund
        self.refunds_of.setdefault(charge.id, []).append(refund)
        self._going_back[refund.id] = refund
        self.tell("REFUND", refund.id, charge.permission, refund.settles_at)
        return (201, self._refund_body(refund)), False

    def returned(self, charge_id: str) -> int:
        """Yen of a charge that went back, or are on their way."""
        mine = self.refunds_of.get(charge_id, ())
        return sum(refund.amount for refund in mine if refund.state != "Declined")

    def _show_charge(self, charge_id: str) -> Answer:
        charge = self.charges.get(charge_id)
        if charge is None:
            return _refusal(404, "ResourceNotFound", "no such charge")
        self.settle(charge)
        return 200, self.charge_body(charge)

    def _show_refund(self, refund_id: str) -> Answer:
        refund = self.refunds.get(refund_id)
        if refund is None:
            return _refusal(404, "ResourceNotFound", "no such refund")
        self._settle_refund(refund)
        return 200, self._refund_body(refund)

    def _show_permission(self, permission_id: str) -> Answer:
        permission = self.permissions.get(permission_id)
        if permission is None:
            return _refusal(404, "ResourceNotFound", "no such charge permission")
        spent = self.spent(permission_id, self.month(self._now()))
        reasons = [{"reasonCode": permission.reason}] if permission.reason else []
        return 200, {
            "chargePermissionId": permission.id,
            "chargePermissionType": "Recurring",
            "statusDetails": {"state": permission.state, "reasons": reasons},
            "limits": {
                "amountLimit": _yen(permission.limit),
                "amountBalance": _yen(max(0, permission.limit - spent)),
            },
        }

    def charge_body(self, charge: Charge) -> Body:
        """A charge as Amazon shows it."""
        lapses_at = self.authorizations.lapses_at(charge)
        return {
            "chargeId": charge.id,
            "chargePermissionId": charge.permission,
            "chargeAmount": _yen(charge.amount),
            "captureAmount": _yen(charge.captured) if charge.captured else None,
            "statusDetails": {"state": charge.state, "reasonCode": charge.reason},
            "merchantMetadata": {"merchantReferenceId": charge.reference},
            "expirationTimestamp": f"{instant(lapses_at):%Y%m%dT%H%M%SZ}",
        }

    def _refund_body(self, refund: Refund) -> Body:
        return {
            "refundId": refund.id,
            "chargeId": refund.charge,
            "refundAmount": _yen(refund.amount),
            "statusDetails": {"state": refund.state, "reasonCode": refund.reason},
        }

    def count(self, what: str) -> None:
        """Note a rare state."""
        self.counts[what] = self.counts.get(what, 0) + 1


def _yen(amount: int) -> Body:
    return {"amount": str(amount), "currencyCode": "JPY"}


def _error(code: str, message: str) -> Body:
    return {"reasonCode": code, "message": message}


def _refusal(status: int, code: str, message: str) -> Answer:
    return status, _error(code, message)
