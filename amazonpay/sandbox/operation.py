"""What an API operation is: its name, its function, and what a call of it must bring."""

from collections.abc import Callable
from dataclasses import dataclass

from amazonpay.sandbox.world import Reply, Request, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One API operation. `key` says whether an idempotency key is required, kept or ignored."""

    name: str
    perform: Callable[[World, Request], Reply]
    key: str = "ignored"
    takes_body: bool = True
    takes_money: bool = False


Table = dict[tuple[str, str | None], dict[str, Operation]]
"""(collection, action after the id: "" for none, None where there is no id) → method → operation.

Each room of the API exports one; `routes` joins them.
"""
