"""What the tests of settled money and reports share: signed queries, downloads, rows by name."""

from typing import Any
from urllib.parse import urlencode, urlsplit

from wire_client import Got, WireClient, sign, yen

SANDBOX_REPORT = "_GET_FLAT_FILE_OFFAMAZONPAYMENTS_SANDBOX_SETTLEMENT_DATA_"
LIVE_REPORT = "_GET_FLAT_FILE_OFFAMAZONPAYMENTS_SETTLEMENT_DATA_"
DAY = 86_400
CYCLE = 14 * DAY
FIRST = 16 * DAY


def ask(client: WireClient, path: str, query: dict[str, Any] | str | None = None) -> Got:
    """A signed GET with a query string, which is signed apart from the path."""
    text = query if isinstance(query, str) else urlencode(query or {})
    headers = {
        "accept": "application/json",
        "content-type": "application/json",
        "x-amz-pay-date": client.date,
        "x-amz-pay-host": "pay-api.amazon.jp",
        "x-amz-pay-region": "jp",
    }
    headers["authorization"] = sign(
        client.key,
        key_id=client.key_id,
        method="GET",
        path=f"/v2{path}",
        headers=headers,
        body=b"",
        query=text,
    )
    return client.send("GET", f"/v2{path}" + (f"?{text}" if text else ""), headers, b"")


def take(client: WireClient, permission: str, amount: int, **fields: Any) -> str:
    """Charges and captures at once."""
    got = client.charge(permission, amount, **fields)
    assert got.status == 201, got.raw
    return str(got.json["chargeId"])


def give_back(client: WireClient, charge: str, amount: int, key: str) -> Got:
    """Create Refund."""
    body = {"chargeId": charge, "refundAmount": yen(amount)}
    return client.api("POST", "/refunds", body, key=key)


def listed(client: WireClient, path: str) -> list[dict[str, Any]]:
    """All pages of a list of the control surface."""
    items: list[dict[str, Any]] = []
    after = "0"
    while after is not None:
        got = client.control("GET", f"{path}?limit=5000&after={after}")
        items += got["items"]
        after = got["next"]
    return items


def requested(client: WireClient, kind: str, start: str, end: str) -> str:
    """The id of a new report."""
    body = {"reportType": kind, "startTime": start, "endTime": end}
    got = client.api("POST", "/reports", body)
    assert got.status == 201, got.raw
    assert list(got.json) == ["reportId"]
    return str(got.json["reportId"])


def document_of(client: WireClient, report_id: str) -> str:
    """The document id of a report that is ready."""
    got = ask(client, f"/reports/{report_id}").json
    assert got["processingStatus"] == "COMPLETED", got
    return str(got["reportDocumentId"])


def download(client: WireClient, url: str) -> Got:
    """What stands at a download address; the call is not signed."""
    parts = urlsplit(url)
    return client.send("GET", f"{parts.path}?{parts.query}", {}, b"")


def text_of(client: WireClient, report_id: str) -> str:
    """The document of a report that is ready."""
    got = ask(client, f"/report-documents/{document_of(client, report_id)}")
    assert got.status == 200, got.raw
    file = download(client, got.json["url"])
    assert file.status == 200, file.raw
    return file.raw.decode()


def settlement_rows(text: str) -> list[dict[str, str]]:
    """The rows of a settlement report by column name: its header block ends with an empty line."""
    _, _, body = text.partition("\n\n")
    return table(body)


def table(text: str) -> list[dict[str, str]]:
    """Tab-separated lines by the names in the first."""
    names, *lines = (line.split("\t") for line in text.splitlines())
    return [dict(zip(names, line, strict=True)) for line in lines]
