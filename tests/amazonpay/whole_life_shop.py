"""A shop for the tests of the whole life: our client, its buttons, and a buyer without JavaScript.

`Shop.amazon` is the client with methods that answer at once, whichever of the two clients it is,
so that one story is told with both.
"""

import asyncio
import base64
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
from support.sandbox import Sandbox

from amazonpay import (
    AmazonPayClient,
    AsyncAmazonPayClient,
    ChargePermissionType,
    CheckoutSession,
    CompleteCheckoutSession,
    Credentials,
    FrequencyUnit,
    MerchantMetadata,
    PaymentDetails,
    PaymentIntent,
    ProductType,
    RecurringMetadata,
    UpdateCheckoutSession,
    WebCheckoutDetails,
    load_private_key,
)
from amazonpay.buttons import (
    ButtonAccount,
    ButtonLook,
    CheckoutSessionPayload,
    PageOptions,
    Placement,
    checkout_button,
)
from amazonpay.notifications import (
    AsyncLocalCertificateFetcher,
    AsyncNotificationReceiver,
    LocalCertificateFetcher,
    NotificationReceiver,
)
from amazonpay.transport import ssl_context

YAMADA = "hanako.yamada@example.jp"
SHOP = "http://localhost:3000"
REVIEW = f"{SHOP}/review"
RESULT = f"{SHOP}/result?order=7"
CANCEL = f"{SHOP}/cancelled"
MONTHLY = RecurringMetadata(frequency_unit=FrequencyUnit.MONTH, frequency_value=1, amount_yen=1_980)
LOOK = ButtonLook(placement=Placement.CART)


class AtOnce:
    """The asynchronous twin as the synchronous one is called; pages come as a list."""

    def __init__(self, client: AsyncAmazonPayClient | AsyncNotificationReceiver) -> None:
        self._client = client
        self._runner = asyncio.Runner()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def call(*arguments: Any, **named: Any) -> Any:
            return self._runner.run(_whole(method(*arguments, **named)))

        return call

    def close(self) -> None:
        if isinstance(self._client, AsyncAmazonPayClient):
            self._runner.run(self._client.aclose())
        self._runner.close()


async def _whole(answer: Any) -> Any:
    return await answer if inspect.isawaitable(answer) else [page async for page in answer]


class _Forms(HTMLParser):
    """The forms of a page, each with its action and the fields that a browser would send."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((given.get("action", ""), {}))
        ticked = given.get("type") not in ("radio", "checkbox") or "checked" in given
        if tag == "input" and self.found and given.get("name") and ticked:
            self.found[-1][1][given["name"]] = given.get("value", "")


class Buyer:
    """A browser with cookies, at the hosted pages of a local Amazon Pay."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._http = httpx.Client(
            base_url=sandbox.base_url, trust_env=False, verify=ssl_context(sandbox.ca_file)
        )

    def close(self) -> None:
        self._http.close()

    def click(self, options: PageOptions) -> httpx.Response:
        """Sends what the button script sends, and logs in when asked to."""
        page = self._post(*_button_form(options.to_json()))
        return self.submit(page, "/signin/log-in", email=YAMADA)

    def upgrade(self, options: PageOptions) -> httpx.Response:
        """The same for the options of `bindUpgradeAction`, while logged in."""
        return self._post(*_button_form(options.to_json()))

    def open(self, url: str) -> httpx.Response:
        return self._follow(self._http.get(url))

    def submit(self, page: httpx.Response, action: str, **fields: str) -> httpx.Response:
        """Sends the first form of a page that leads to `action`, with some fields filled in."""
        assert page.status_code == 200, page.text
        forms = _Forms()
        forms.feed(page.text)
        target, given = next(form for form in forms.found if action in form[0])
        return self._post(urljoin(str(page.url), target), given | fields)

    def _post(self, path: str, fields: dict[str, str]) -> httpx.Response:
        return self._follow(self._http.post(path, data=fields))

    def _follow(self, answer: httpx.Response) -> httpx.Response:
        # Within Amazon's pages only; the way back to the shop is for the test to look at.
        while answer.headers.get("location", "").startswith("/"):
            answer = self._http.get(answer.headers["location"])
        return answer


def _button_form(options: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The form that `checkout.js` posts for the options of a button or an upgrade."""
    path = "/checkout/initiate"
    config = options.get("createCheckoutSessionConfig")
    if "signInConfig" in options:
        path, config = "/signin/initiate", options["signInConfig"]
    elif "upgradeAction" in options:
        path, config = "/checkout/upgrade", options
        options = httpx.Response(200, text=options["payloadJSON"]).json()
    return path, {
        "merchantId": options["merchantId"],
        "publicKeyId": config["publicKeyId"],
        "payloadBase64": base64.b64encode(config["payloadJSON"].encode()).decode(),
        "signature": config["signature"],
        "algorithm": config["algorithm"],
        "productType": options["productType"],
        "checkoutLanguage": options["checkoutLanguage"],
    }


def parameter(answer: httpx.Response, name: str) -> str:
    """A parameter of the address that the buyer is sent back to."""
    assert answer.status_code == 303, answer.text
    return parse_qs(urlsplit(answer.headers["location"]).query)[name][0]


class Shop:
    """One merchant at a local Amazon Pay, with one kind of client."""

    def __init__(self, sandbox: Sandbox, *, kind: str) -> None:
        self.sandbox = sandbox
        self.credentials = Credentials(
            public_key_id=sandbox.public_key_id,
            private_key=load_private_key(sandbox.private_key_file.read_bytes()),
        )
        self.account = ButtonAccount(
            merchant_id=sandbox.merchant_id, credentials=self.credentials, environment="sandbox"
        )
        self._kind = kind
        self._open = ExitStack()
        self.amazon = self.client(self.credentials)
        self.buyer = Buyer(sandbox)
        self._open.callback(self.buyer.close)

    def client(self, *credentials: Credentials) -> Any:
        """A client with these key pairs; it goes with the virtual clock."""
        settings: dict[str, Any] = {
            "credentials": credentials,
            "environment": "sandbox",
            "clock": self.sandbox.clock,
            "base_url": self.sandbox.base_url,
            "ca_file": self.sandbox.ca_file,
            "pacing": None,
        }
        made = (
            AmazonPayClient(**settings)
            if self._kind == "sync"
            else AtOnce(AsyncAmazonPayClient(**settings))
        )
        self._open.callback(made.close)
        return made

    def receiver(self) -> Any:
        """What the shop's web hook would ask, of the same kind as the client."""
        asks = self._kind == "sync"
        fetcher = LocalCertificateFetcher if asks else AsyncLocalCertificateFetcher
        settings: dict[str, Any] = {
            "merchant_id": self.sandbox.merchant_id,
            "environment": "sandbox",
            "topic_arns": [self.sandbox.ipn_topic_arn],
            "clock": self.sandbox.clock,
            "fetcher": fetcher(base_url=self.sandbox.base_url, ca_file=self.sandbox.ca_file),
        }
        if asks:
            return NotificationReceiver(**settings)
        made = AtOnce(AsyncNotificationReceiver(**settings))
        self._open.callback(made.close)
        return made

    def new_key(self) -> Credentials:
        """One more key pair that Amazon knows."""
        made = self.sandbox.call("POST", "/keys")
        pem = Path(made["private_key_file"]).read_bytes()
        return Credentials(public_key_id=made["public_key_id"], private_key=load_private_key(pem))

    def chosen(self, *, recurring: bool = True, card: str = "card-4444") -> str:
        """The buyer clicks, logs in, chooses and agrees; the id of the session comes back."""
        kind = ChargePermissionType.RECURRING if recurring else ChargePermissionType.ONE_TIME
        options = checkout_button(
            account=self.account,
            payload=CheckoutSessionPayload(
                store_id=self.sandbox.store_id,
                web_checkout_details=WebCheckoutDetails(
                    checkout_review_return_url=REVIEW, checkout_cancel_url=CANCEL
                ),
                charge_permission_type=kind,
                recurring_metadata=MONTHLY if recurring else None,
                merchant_metadata=MerchantMetadata(merchant_store_name="珈琲定期便"),
            ),
            product_type=ProductType.PAY_AND_SHIP,
            look=LOOK,
        )
        page = self.buyer.click(options)
        back = self.buyer.submit(page, "/checkout/pay", consent="yes", instrument=card)
        return parameter(back, "amazonCheckoutSessionId")

    def completed(self, session_id: str, *, intent: PaymentIntent, yen: int) -> CheckoutSession:
        """Review page, Amazon's processing page, result page."""
        ready = self.amazon.update_checkout_session(
            session_id,
            UpdateCheckoutSession(
                web_checkout_details=WebCheckoutDetails(checkout_result_return_url=RESULT),
                payment_details=PaymentDetails(payment_intent=intent, charge_amount_yen=yen),
            ),
        )
        processing = self.buyer.open(ready.web_checkout_details.amazon_pay_redirect_url)
        back = self.buyer.submit(processing, "/checkout/processing")
        assert parameter(back, "amazonCheckoutSessionId") == session_id
        done: CheckoutSession = self.amazon.complete_checkout_session(
            session_id, CompleteCheckoutSession(amount_yen=yen), idempotency_key="complete"
        )
        return done

    def agreed(self) -> str:
        """A recurring Charge Permission by the whole checkout; nothing is charged yet."""
        done = self.completed(self.chosen(), intent=PaymentIntent.CONFIRM, yen=1_980)
        assert done.charge_permission_id is not None
        return done.charge_permission_id

    def change_card(self, permission_id: str, card: str) -> None:
        """The buyer takes another card, on the page about the agreement."""
        page = self.buyer.open(f"/jr/your-account/ba/{permission_id}/payment-method")
        self.buyer.submit(page, "", instrument=card)

    def close(self) -> None:
        self._open.close()


@contextmanager
def listening(shop: Shop) -> Iterator[list[bytes]]:
    """A web hook that answers 200 and keeps the bodies, known to the local Amazon Pay."""
    bodies: list[bytes] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/ipn"
        shop.sandbox.call("POST", "/ipn/endpoints", {"url": url})
        try:
            yield bodies
        finally:
            shop.sandbox.call("DELETE", "/ipn/endpoints")
            server.shutdown()
            thread.join()
