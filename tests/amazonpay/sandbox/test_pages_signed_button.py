"""A click on a button is let in by its signature; a wrong one is told what came and why."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from button_payloads import button_fields, recurring_payload
from page_browser import PageBrowser
from wire_client import WireClient

SHOP = "http://localhost:3000"
V1 = "AMZN-PAY-RSASSA-PSS"

Change = Callable[[dict[str, str]], object]


@pytest.fixture
def web(amazon: WireClient) -> Iterator[PageBrowser]:
    browser = PageBrowser(amazon.base_url, language="en")
    yield browser
    browser.close()


def fields_of(ready: dict[str, Any], **more: Any) -> dict[str, str]:
    return button_fields(ready, recurring_payload(ready, SHOP, **more))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda fields: fields, id="version-2"),
        pytest.param(lambda fields: fields.pop("checkoutLanguage", None), id="no-language"),
        pytest.param(
            lambda fields: fields.update(
                payloadBase64=base64.b64encode(fields.pop("payloadJSON").encode()).decode()
            ),
            id="base64-as-the-script-sends-it",
        ),
    ],
)
def test_a_good_button_opens_a_checkout(
    web: PageBrowser, ready: dict[str, Any], change: Change
) -> None:
    fields = fields_of(ready)
    change(fields)
    assert web.post("/checkout/initiate", fields).status == 200


@pytest.mark.parametrize("named", [True, False], ids=["named", "left-out"])
def test_the_older_algorithm_is_the_one_that_is_assumed(
    web: PageBrowser, ready: dict[str, Any], named: bool
) -> None:
    fields = button_fields(ready, recurring_payload(ready, SHOP), algorithm=V1)
    if not named:
        del fields["algorithm"]
    assert web.post("/checkout/initiate", fields).status == 200


def test_line_breaks_of_a_payload_survive_in_base64(
    web: PageBrowser, ready: dict[str, Any]
) -> None:
    text = json.dumps(recurring_payload(ready, SHOP), indent=2)
    fields = button_fields(ready, text)
    fields["payloadBase64"] = base64.b64encode(fields.pop("payloadJSON").encode()).decode()
    assert web.post("/checkout/initiate", fields).status == 200


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        pytest.param(
            lambda f: f.update(payloadJSON=f["payloadJSON"].replace("1980", "1")),
            403,
            "changed after signing",
            id="another-amount",
        ),
        pytest.param(
            lambda f: f.update(payloadJSON=f["payloadJSON"].replace("/", "\\/")),
            403,
            'about "/" and "\\/"',
            id="php-slashes",
        ),
        pytest.param(
            lambda f: f.update(payloadJSON=f["payloadJSON"] + "\n"),
            403,
            "line breaks at the ends",
            id="line-break-at-the-end",
        ),
        pytest.param(
            lambda f: f.update(
                payloadJSON=json.dumps(json.loads(f["payloadJSON"]), separators=(",", ":"))
            ),
            403,
            "encoded again",
            id="encoded-again",
        ),
        pytest.param(
            lambda f: f.update(algorithm=V1), 403, "the other algorithm", id="other-algorithm"
        ),
        pytest.param(
            lambda f: f.update(signature="bm90IGEgc2lnbmF0dXJl"), 403, "does not fit", id="no-rsa"
        ),
        pytest.param(lambda f: f.update(signature="\u3042"), 403, "does not fit", id="not-base64"),
        pytest.param(
            lambda f: f.update(publicKeyId="SANDBOX-NOBODY"), 403, "is not known", id="unknown-key"
        ),
        pytest.param(
            lambda f: f.update(merchantId="AOTHER"), 403, "merchantId AOTHER", id="other-merchant"
        ),
        pytest.param(
            lambda f: f.update(algorithm="none"), 400, "cannot be used", id="unknown-algorithm"
        ),
        pytest.param(
            lambda f: f.pop("signature"), 400, "did not send signature", id="no-signature"
        ),
        pytest.param(
            lambda f: f.pop("payloadJSON"), 400, "did not send payloadJSON", id="no-payload"
        ),
        pytest.param(
            lambda f: f.update(payloadBase64="!"), 400, "not the base64 form", id="bad-base64"
        ),
        pytest.param(
            lambda f: f.update(productType="Everything"), 400, "productType", id="product-type"
        ),
    ],
)
def test_a_bad_button_is_refused_with_a_reason(
    web: PageBrowser, ready: dict[str, Any], change: Change, status: int, told: str
) -> None:
    fields = fields_of(ready)
    change(fields)
    page = web.post("/checkout/initiate", fields)
    assert page.status == status
    assert told in page.text
    assert page.language == "en"


def test_a_bad_signature_shows_what_was_signed_and_what_came(
    web: PageBrowser, ready: dict[str, Any]
) -> None:
    fields = fields_of(ready)
    fields["payloadJSON"] = fields["payloadJSON"].replace("1980", "<script>alert(1)</script>")
    page = web.post("/checkout/initiate", fields)
    assert "AMZN-PAY-RSASSA-PSS-V2" in page.text
    assert fields["signature"] in page.text
    assert ready["public_key_id"] in page.text
    assert "<script>alert" not in page.html
    assert "&lt;script&gt;alert(1)" in page.html


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        pytest.param("[]", "JSON object", id="array"),
        pytest.param("{", "not a JSON object", id="cut"),
        pytest.param("{" * 50_000, "not a JSON object", id="deep"),
        pytest.param('{"a":NaN}', "not a JSON object", id="not-a-number"),
        pytest.param("{}", "storeId null", id="no-store"),
        pytest.param('{"storeId":"other"}', "storeId", id="other-store"),
        pytest.param('{"storeId":"\\ud800"}', "not a JSON object", id="half-a-surrogate"),
    ],
)
def test_a_signed_payload_must_be_json_of_this_store(
    web: PageBrowser, ready: dict[str, Any], payload: str, told: str
) -> None:
    page = web.post("/checkout/initiate", button_fields(ready, payload))
    assert page.status == 400
    assert told in page.text


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"surprise": 1}, id="unknown-field"),
        pytest.param({"chargePermissionType": "Weekly"}, id="unknown-type"),
        pytest.param({"recurringMetadata": {"frequency": {"unit": "Moon"}}}, id="frequency"),
        pytest.param(
            {"webCheckoutDetails": {"checkoutReviewReturnUrl": "javascript:alert(1)"}}, id="script"
        ),
        pytest.param(
            {"webCheckoutDetails": {"checkoutReviewReturnUrl": "//evil.example/"}}, id="no-scheme"
        ),
        pytest.param({"webCheckoutDetails": {}}, id="nowhere-to-return"),
        pytest.param({"merchantMetadata": {"merchantStoreName": "x" * 51}}, id="long-name"),
    ],
)
def test_a_payload_is_read_as_strictly_as_by_the_api(
    web: PageBrowser, ready: dict[str, Any], more: dict[str, Any]
) -> None:
    page = web.post("/checkout/initiate", fields_of(ready, **more))
    assert page.status == 400
    assert page.location == ""


def test_a_disabled_key_is_unknown(
    amazon: WireClient, web: PageBrowser, ready: dict[str, Any]
) -> None:
    made = amazon.control("POST", "/keys")
    other = ready | {key: made[key] for key in ("public_key_id", "private_key_file")}
    assert web.post("/checkout/initiate", fields_of(other)).status == 200
    mixed = fields_of(ready) | {"publicKeyId": made["public_key_id"]}
    page = web.post("/checkout/initiate", mixed)
    assert "signed with another key" in page.text
    amazon.control("DELETE", f"/keys/{made['public_key_id']}")
    assert web.post("/checkout/initiate", fields_of(other)).status == 403
