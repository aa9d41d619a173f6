"""What the browser sends when a button that another program signed is clicked."""

import ssl

import httpx
from support.sandbox import Sandbox


def click(amazon: Sandbox, *, payload: str, signature: str, algorithm: str) -> int:
    """The status of the page that the click opens: 200 is the log-in, 403 a bad signature."""
    trusted = ssl.create_default_context(cafile=amazon.ca_file)
    fields = {
        "merchantId": amazon.merchant_id,
        "publicKeyId": amazon.public_key_id,
        "payloadJSON": payload,
        "signature": signature,
        "algorithm": algorithm,
    }
    with httpx.Client(
        base_url=amazon.base_url, verify=trusted, trust_env=False, follow_redirects=True
    ) as browser:
        return browser.post("/checkout/initiate", data=fields).status_code
