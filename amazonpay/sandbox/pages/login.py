"""Log-in as a test buyer: by e-mail with any password, or with one click."""

import hashlib
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from amazonpay.sandbox.checkout import buyer_side, shelf, wallet
from amazonpay.sandbox.checkout.rows import Buyer
from amazonpay.sandbox.pages.frame import Frame, go, here
from amazonpay.sandbox.pages.urls import own_path
from amazonpay.sandbox.rows import Permission

_HOME: Final = "/jr/your-account"


class Login:
    """The log-in page, drawn in place of any page that needs a buyer."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._world = frame.desk.world

    def routes(self) -> list[Route]:
        """Where log-in forms are sent, and the ends of a log-in."""
        return [
            Route("/signin/log-in", self._log_in, methods=["POST"]),
            Route("/jr/sign-out", self._sign_out, methods=["POST"]),
            Route("/jr/signed-out", self._signed_out, methods=["GET"]),
            Route("/checkout/signout", self._sign_out_by_script, methods=["POST"]),
        ]

    def page(
        self,
        request: Request,
        *,
        purpose: str,
        shop: str = "",
        cancel_action: str = "",
        leads_to: tuple[str | None, ...] = (),
        agreement: Permission | None = None,
    ) -> Response:
        """The log-in page; afterwards the reader is back at this very address.

        `agreement` is what the page is about: its buyer is offered too, even one who was made by
        the control surface and is no test buyer.
        """
        known = buyer_side.test_buyers(self._world)
        if agreement is not None:
            known = [self._owner(agreement), *_others(known, agreement.buyer_id)]
        return self._draw(
            request,
            target=here(request),
            purpose=purpose,
            shop=shop,
            cancel_action=cancel_action,
            leads_to=leads_to,
            test_buyers=known,
        )

    def _draw(self, request: Request, *, target: str, **values: object) -> Response:
        texts: dict[str, object] = {"purpose": "", "shop": "", "cancel_action": "", "leads_to": ()}
        entry = {"problem": "", "email": "", "next": target}
        return self._frame.draw(request, "login.html", **(texts | entry | values))  # type: ignore[arg-type]  # names of the template

    def _owner(self, agreement: Permission) -> Buyer:
        """The buyer of an agreement, made into one who can log in where the control surface
        knew only an id."""
        found = shelf.find_buyer(self._world, agreement.buyer_id)
        if found is not None:
            return found
        name, phone = "契約 購入者", "09000000000"
        made = wallet.new_buyer(
            agreement.buyer_id,
            name=name,
            email=f"buyer-{_digest(agreement.buyer_id)}@example.jp",
            phone=phone,
            addresses=wallet.homes(name, phone),
        )
        with self._world.store.transaction():
            return shelf.save_buyer(self._world, made)

    async def _log_in(self, request: Request) -> Response:
        form = await self._frame.form(request)
        target = own_path(form.get("next", "")) or _HOME
        email = form.get("email", "")
        buyer = buyer_side.find_buyer(self._world, email)
        if buyer is None:
            return self._draw(
                request,
                target=target,
                problem="login.unknown",
                email=email[:200],
                test_buyers=buyer_side.test_buyers(self._world),
                status=422,
            )
        return self._frame.log_in(request, go(target), buyer)

    async def _sign_out(self, request: Request) -> Response:
        await self._frame.form(request)
        return self._frame.log_in(request, go("/jr/signed-out"), None)

    async def _signed_out(self, request: Request) -> Response:
        return self._frame.draw(
            request, "done.html", title="signed_out.title", text="signed_out.text"
        )

    async def _sign_out_by_script(self, request: Request) -> Response:
        """`amazon.Pay.signout()` of a shop page: it has no form token, and ending a log-in harms
        nobody."""
        return self._frame.log_in(request, Response(status_code=204), None)


def _digest(buyer_id: str) -> str:
    """The control surface takes any text as a buyer id; addresses must differ all the same."""
    return hashlib.sha256(buyer_id.encode("utf-8", "replace")).hexdigest()[:12]


def _others(buyers: list[Buyer], buyer_id: str) -> list[Buyer]:
    return [buyer for buyer in buyers if buyer.buyer_id != buyer_id]
