"""Things that go wrong in real life, planted at the local Amazon Pay for one customer to meet."""

from collections.abc import Callable
from dataclasses import dataclass

from app.travel.control import LocalControl


@dataclass(frozen=True, slots=True)
class Trick:
    """One scenario by its name; `plant` gets the controls, the permission and its next yen."""

    name: str
    plant: Callable[[LocalControl, str, int], None]


def _soft(amazon: LocalControl, permission_id: str, _yen: int) -> None:
    amazon.change_permission(permission_id, behaviour=["SoftDeclined"])


def _hard(amazon: LocalControl, permission_id: str, _yen: int) -> None:
    amazon.change_permission(permission_id, behaviour=["HardDeclined"])


def _repaired(amazon: LocalControl, permission_id: str, _yen: int) -> None:
    amazon.change_permission(permission_id, paymentMethod="updated", behaviour=["ok"])


def _canceled(amazon: LocalControl, permission_id: str, _yen: int) -> None:
    amazon.change_permission(permission_id, state="Closed", reasonCode="BuyerClosed")


def _unheard(amazon: LocalControl, permission_id: str, yen: int) -> None:
    """The buyer cancels, and the notification that says so is lost on its way."""
    amazon.add_fault(operation="CHARGE_PERMISSION", kind="drop", times=1)
    _canceled(amazon, permission_id, yen)


def _capped(amazon: LocalControl, permission_id: str, yen: int) -> None:
    """The limit of the month is lowered below the next charge: half of it fits."""
    amazon.change_permission(permission_id, amountLimit=max(1, yen // 2))


def _lost(amazon: LocalControl, _permission_id: str, _yen: int) -> None:
    """Amazon charges, and the connection breaks before it can say so."""
    amazon.add_fault(operation="createCharge", kind="reset_after", times=1)


TRICKS: dict[str, Trick] = {
    trick.name: trick
    for trick in (
        Trick("soft_decline", _soft),
        Trick("hard_decline", _hard),
        Trick("new_card", _repaired),
        Trick("buyer_cancels", _canceled),
        Trick("notification_lost", _unheard),
        Trick("cap_hit", _capped),
        Trick("answer_lost", _lost),
    )
}


def play_trick(trick: Trick, *, amazon: LocalControl, permission_id: str, yen: int) -> None:
    """Plant it; raises `Refused` when Amazon's rules do not allow it, as for a closed permission.

    `yen` is the permission's next charge.
    """
    trick.plant(amazon, permission_id, yen)
