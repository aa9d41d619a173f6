"""The buyer's own account: agreements with shops, their payments, and the wallet.

Paths are Amazon's: `/jr/your-account`, `/jr/your-account/ba/{chargePermissionId}` and
`/jr/your-account/orders/{id}` (recurring.md §7).
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from amazonpay.sandbox.checkout import buyer_side
from amazonpay.sandbox.checkout.rows import Buyer
from amazonpay.sandbox.pages import history
from amazonpay.sandbox.pages.frame import Frame, go
from amazonpay.sandbox.pages.login import Login
from amazonpay.sandbox.pages.refusal import PageRefused
from amazonpay.sandbox.rows import Permission

_HOME: Final = "/jr/your-account"
_TOLD: Final = {
    "ended": "agreement.ended",
    "card": "agreement.card_changed",
    "deleted": "wallet.deleted",
}


class AccountPages:
    """What a buyer does without a shop."""

    def __init__(self, frame: Frame, login: Login) -> None:
        self._frame = frame
        self._login = login
        self._world = frame.desk.world

    def routes(self) -> list[Route]:
        """The routes of the account."""
        agreement = _HOME + "/ba/{id}"
        return [
            Route(_HOME, self._list, methods=["GET"]),
            Route(_HOME + "/wallet", self._wallet, methods=["GET"]),
            Route(_HOME + "/wallet/delete", self._delete_card, methods=["POST"]),
            Route(agreement, self._agreement, methods=["GET"]),
            Route(agreement + "/end", self._ask_to_end, methods=["GET"]),
            Route(agreement + "/end", self._end, methods=["POST"]),
            Route(agreement + "/payment-method", self._methods, methods=["GET"]),
            Route(agreement + "/payment-method", self._change_method, methods=["POST"]),
            Route(_HOME + "/orders/{id}", self._order, methods=["GET"]),
        ]

    # Who may see what
    def _ask_for_login(self, request: Request, agreement: Permission | None = None) -> Response:
        return self._login.page(request, purpose="login.for_account", agreement=agreement)

    def _permission(self, permission_id: str) -> Permission:
        self._frame.desk.now()
        row = self._world.store.permission(permission_id)
        if row is None:
            raise PageRefused(404, "error.not_yours", value=permission_id[:64])
        return row

    def _buyer_of(self, request: Request, row: Permission) -> Buyer | None:
        """The buyer who is logged in; None for nobody. Another buyer's agreement is 404."""
        buyer = self._frame.visitor(request).buyer
        if buyer is not None and buyer.buyer_id != row.buyer_id:
            raise PageRefused(404, "error.not_yours", value=row.id)
        return buyer

    # Reading
    async def _list(self, request: Request) -> Response:
        self._frame.desk.now()
        buyer = self._frame.visitor(request).buyer
        if buyer is None:
            return self._ask_for_login(request)
        rows = [history.view(row) for row in buyer_side.agreements(self._world, buyer.buyer_id)]
        return self._frame.draw(request, "account.html", rows=rows)

    async def _agreement(self, request: Request) -> Response:
        row = self._permission(request.path_params["id"])
        if self._buyer_of(request, row) is None:
            return self._ask_for_login(request, row)
        before = history.cursor(request.query_params.get("before"))
        charges = history.charges(self._world, row.id, before=before)
        older = history.older(charges)
        return self._frame.draw(
            request,
            "agreement.html",
            row=history.view(row),
            card=history.card(row),
            told=_TOLD.get(request.query_params.get("told", "")),
            charges=charges[: history.PAGE],
            older=None if older is None else f"{_path(row)}?before={older}",
        )

    async def _order(self, request: Request) -> Response:
        self._frame.desk.now()
        order_id = request.path_params["id"]
        charge = history.find_charge(self._world, order_id)
        if charge is None:
            raise PageRefused(404, "error.not_yours", value=order_id[:64])
        row = self._permission(charge.permission_id)
        if self._buyer_of(request, row) is None:
            return self._ask_for_login(request, row)
        return self._frame.draw(request, "order.html", charge=charge, row=history.view(row))

    async def _wallet(self, request: Request) -> Response:
        buyer = self._frame.visitor(request).buyer
        if buyer is None:
            return self._ask_for_login(request)
        told = _TOLD.get(request.query_params.get("told", ""))
        return self._frame.draw(request, "wallet.html", cards=buyer.instruments, told=told)

    # Changing
    async def _ask_to_end(self, request: Request) -> Response:
        row = self._permission(request.path_params["id"])
        if self._buyer_of(request, row) is None:
            return self._ask_for_login(request, row)
        if row.state == "Closed":
            return go(_path(row))
        return self._frame.draw(request, "end.html", row=history.view(row))

    async def _end(self, request: Request) -> Response:
        await self._frame.form(request)
        row = self._permission(request.path_params["id"])
        if self._buyer_of(request, row) is None:
            return go(_path(row))
        now = self._frame.desk.now()
        with self._world.store.transaction():
            buyer_side.end_agreement(self._world, row, now=now)
        return go(f"{_path(row)}?told=ended")

    async def _methods(self, request: Request) -> Response:
        row = self._permission(request.path_params["id"])
        buyer = self._buyer_of(request, row)
        if buyer is None:
            return self._ask_for_login(request, row)
        if row.state == "Closed":
            return go(_path(row))
        return self._frame.draw(
            request,
            "method.html",
            row=history.view(row),
            cards=buyer.instruments,
            instrument_id=history.instrument_id(row),
        )

    async def _change_method(self, request: Request) -> Response:
        form = await self._frame.form(request)
        row = self._permission(request.path_params["id"])
        if self._buyer_of(request, row) is None:
            return go(_path(row))
        now = self._frame.desk.now()
        with self._world.store.transaction():
            buyer_side.change_payment_method(
                self._world, row, instrument_id=form.get("instrument", ""), now=now
            )
        return go(f"{_path(row)}?told=card")

    async def _delete_card(self, request: Request) -> Response:
        form = await self._frame.form(request)
        buyer = self._frame.visitor(request).buyer
        if buyer is not None:
            now = self._frame.desk.now()
            with self._world.store.transaction():
                buyer_side.delete_card(self._world, buyer, form.get("instrument", ""), now)
        return go(f"{_HOME}/wallet?told=deleted")


def _path(row: Permission) -> str:
    return f"{_HOME}/ba/{row.id}"
