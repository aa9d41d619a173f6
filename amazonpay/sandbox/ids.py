"""Object ids in Amazon's shapes, each made from a running number, so that runs repeat.

Shapes: api.md §4. A recurring permission's charges have order-style ids of their own, a one-time
permission's carry its id.
"""

import re
from typing import Literal

from amazonpay.sandbox.options import Environment

_SPACE = 10**14
# Coprime to 10, near the golden ratio: consecutive numbers land far apart and never collide.
_STRIDE = 61_803_398_874_989
_LETTERS: dict[tuple[str, Environment], str] = {
    ("order", "sandbox"): "S",
    ("order", "live"): "P",
    ("agreement", "sandbox"): "C",
    ("agreement", "live"): "B",
}
PERMISSION_ID = re.compile(r"[BCPS]0[1-3]-\d{7}-\d{7}", re.ASCII)
CHARGE_ID = re.compile(r"[BCPS]0[1-3]-\d{7}-\d{7}-C\d{6}", re.ASCII)
REFUND_ID = re.compile(r"[BCPS]0[1-3]-\d{7}-\d{7}-R\d{6}", re.ASCII)
# One-time permissions count from here, so that their ids differ from the prefixes of the charges
# of recurring ones, which are order-style too.
_ORDERS = _SPACE // 2


def prefix(kind: Literal["order", "agreement"], environment: Environment, number: int) -> str:
    """`S03-ddddddd-ddddddd`: unique for every number below 10¹⁴."""
    digits = f"{(number * _STRIDE) % _SPACE:014d}"
    return f"{_LETTERS[kind, environment]}03-{digits[:7]}-{digits[7:]}"


def order_id(environment: Environment, number: int) -> str:
    """The id of a one-time permission: `S03-ddddddd-ddddddd`."""
    return prefix("order", environment, _ORDERS + number)


def order_charge_id(permission_id: str, number: int) -> str:
    """A charge of a one-time permission: its id and `Cdddddd`, unique among its charges."""
    return f"{permission_id}-C{(number * 648_391) % 1_000_000:06d}"


def charge_id(environment: Environment, number: int) -> str:
    """`S03-ddddddd-ddddddd-Cdddddd`."""
    return f"{prefix('order', environment, number)}-C{(number * 648_391) % 1_000_000:06d}"


def refund_id(charge: str, number: int) -> str:
    """The order part of its charge and `Rdddddd`, unique among the refunds of that charge."""
    return f"{charge[:19]}-R{(number * 648_391) % 1_000_000:06d}"


def buyer_id(number: int) -> str:
    """`amzn1.account.` and upper-case letters and digits."""
    return f"amzn1.account.A{(number * _STRIDE) % _SPACE:014d}LOCALAPAY"
