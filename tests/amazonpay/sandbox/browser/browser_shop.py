"""A small shop on loopback for tests in a real browser: a button page, a review page, a result."""

import json
import threading
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from button_payloads import signed
from wire_client import V2, Got, WireClient, compact, yen

_ID = "amazonCheckoutSessionId"
_HEAD = '<!doctype html><html lang="ja"><meta name=viewport content="width=device-width">'


class Shop:
    """Serves its pages in a thread; `options` and `payload` say what its button does."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.ready = ready
        self.payload: dict[str, Any] = {}
        self.options: dict[str, Any] = {}
        self.config_name = "createCheckoutSessionConfig"
        self.page_script = ""
        self.update: dict[str, Any] = {}
        self.completed: Got | None = None
        self.buyer: Got | None = None
        self._client = WireClient.of(ready)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._client.close()

    def api(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Got:
        """A signed API call at the virtual time."""
        with self._lock:
            self._client.date = compact(self._client.control("GET", "/clock")["now"])
            return self._client.api(method, path, body, key=key)

    def page(self, path: str, query: dict[str, str]) -> tuple[str, str]:
        """Body of a page, or where it redirects to."""
        pages = {"/": self._button, "/review": self._review, "/result": self._result}
        pages |= {"/signed-in": self._signed_in, "/session": self._session}
        return pages.get(path, self._plain)(path, query)

    def _plain(self, path: str, query: dict[str, str]) -> tuple[str, str]:
        return f"<h1>{escape(path)}</h1><pre>{escape(json.dumps(query))}</pre>", ""

    def _button(self, path: str, query: dict[str, str]) -> tuple[str, str]:
        text = json.dumps(self.payload, ensure_ascii=False)
        options = {
            "merchantId": self.ready["merchant_id"],
            "ledgerCurrency": "JPY",
            "placement": "Cart",
            "checkoutLanguage": "ja_JP",
            self.config_name: {
                "payloadJSON": text,
                "signature": signed(self.ready, text),
                "publicKeyId": self.ready["public_key_id"],
                "algorithm": V2,
            },
            **self.options,
        }
        script = self.page_script or "amazon.Pay.renderButton('#pay', options);"
        return (
            f"<h1>珈琲定期便</h1><div id=pay></div><button id=own>own</button>{self._tag()}"
            f"<script>const options = {json.dumps(options)}; {script}</script>",
            "",
        )

    def _tag(self) -> str:
        return f'<script src="{self.ready["base_url"]}/checkout.js"></script>'

    def _session(self, path: str, query: dict[str, str]) -> tuple[str, str]:
        """What the older style of the button fetches: the shop itself makes the session."""
        made = self.api("POST", "/checkoutSessions", self.payload, key="one-session")
        return made.raw.decode(), ""

    def _review(self, path: str, query: dict[str, str]) -> tuple[str, str]:
        session_id = query[_ID]
        session = self.api("GET", f"/checkoutSessions/{session_id}").json
        if session["statusDetails"]["state"] != "Open":
            return f"<h1>{session['statusDetails']['reasonCode']}</h1>", ""
        if "confirm" in query:
            return "", self.confirm(session_id)
        change = json.dumps({_ID: session_id, "changeAction": "changePayment"})
        move = json.dumps({_ID: session_id, "changeAction": "changeAddress"})
        return (
            f"<h1>review</h1><p id=buyer>{escape(session['buyer']['name'])}</p>"
            f"<p id=card>{escape(session['paymentPreferences'][0]['paymentDescriptor'])}</p>"
            f"<p id=address>{escape(json.dumps(session['shippingAddress'], ensure_ascii=False))}"
            f"</p><button id=change>change</button><button id=move>move</button>"
            f'<a id=confirm href="/review?{_ID}={session_id}&confirm=yes">buy</a>{self._tag()}'
            f"<script>amazon.Pay.bindChangeAction('#change', {change});"
            f"amazon.Pay.bindChangeAction('#move', {move});</script>",
            "",
        )

    def confirm(self, session_id: str) -> str:
        """Sets amount and result page; returns Amazon's address for the payment."""
        body = {
            "webCheckoutDetails": {"checkoutResultReturnUrl": f"{self.url}/result"},
            "paymentDetails": {
                "paymentIntent": "AuthorizeWithCapture",
                "chargeAmount": yen(1980),
                **self.update,
            },
        }
        got = self.api("PATCH", f"/checkoutSessions/{session_id}", body)
        assert got.status == 200, got.raw
        url: str = got.json["webCheckoutDetails"]["amazonPayRedirectUrl"]
        return url

    def _result(self, path: str, query: dict[str, str]) -> tuple[str, str]:
        self.completed = self.api(
            "POST", f"/checkoutSessions/{query[_ID]}/complete", {"chargeAmount": yen(1980)}
        )
        return f"<h1>result {self.completed.status}</h1>", ""

    def _signed_in(self, path: str, query: dict[str, str]) -> tuple[str, str]:
        self.buyer = self.api("GET", f"/buyers/{query['buyerToken']}")
        return f"<h1>hello {escape(str(self.buyer.json.get('name')))}</h1>", ""


def _handler(shop: Shop) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            body, location = shop.page(parts.path, query)
            if location:
                self.send_response(303)
                self.send_header("location", location)
                self.end_headers()
                return
            is_json = body.startswith("{")
            self.send_response(200)
            kind = "application/json" if is_json else "text/html; charset=utf-8"
            self.send_header("content-type", kind)
            self.end_headers()
            self.wfile.write(("" if is_json else _HEAD).encode() + body.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Keeps test output quiet."""

    return Handler
