"""The Reports API: requesting, listing, paging, documents that live for thirty seconds."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from settlement_wire import (
    CYCLE,
    DAY,
    FIRST,
    LIVE_REPORT,
    SANDBOX_REPORT,
    ask,
    document_of,
    download,
    give_back,
    listed,
    requested,
    settlement_rows,
    table,
    take,
    text_of,
)
from wire_client import WireClient

START = "2026-04-01T00:00:00Z"
WINDOW = ("20260401T000000Z", "20260430T000000Z")
OTHER_TYPES = (*("ORDER_REFERENCE", "BILLING_AGREEMENT", "AUTHORIZATION", "CAPTURE", "REFUND"),)


def flat(name: str) -> str:
    return f"_GET_FLAT_FILE_OFFAMAZONPAYMENTS_{name}_DATA_"


@pytest.fixture(scope="session")
def live_ready(
    launch: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    options = ("--environment", "live", "--throttle", "off")
    return launch(tmp_path_factory.mktemp("live"), *options)[1]


@pytest.fixture
def live(live_ready: dict[str, Any]) -> Iterator[WireClient]:
    """A client of a live account, empty, at the usual start."""
    client = WireClient.of(live_ready)
    client.control("POST", "/reset", {"now": START})
    client.set_clock(START)
    yield client
    client.close()


def test_a_report_is_made_after_a_while(amazon: WireClient) -> None:
    take(amazon, amazon.permission(), 1_000)
    report = requested(amazon, SANDBOX_REPORT, *WINDOW)
    before = ask(amazon, f"/reports/{report}").json
    amazon.advance(5)
    after = ask(amazon, f"/reports/{report}/").json
    assert list(after) == [
        *("reportId", "reportType", "startTime", "endTime", "createdTime"),
        *("processingStatus", "processingStartTime", "processingEndTime", "reportDocumentId"),
    ]
    assert (after["startTime"], after["endTime"]) == WINDOW
    assert (before["processingStatus"], after["processingStatus"]) == ("IN_PROGRESS", "COMPLETED")
    assert (before["reportDocumentId"], before["processingEndTime"]) == (None, None)
    assert after["reportDocumentId"]


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("normal", "CANCELLED"), ("FAILED", "FAILED")],
    ids=["no data", "failure on demand"],
)
def test_a_report_may_end_without_a_document(amazon: WireClient, outcome: str, status: str) -> None:
    amazon.control("PATCH", "/settlement-options", {"reportOutcome": outcome})
    report = requested(amazon, SANDBOX_REPORT, *WINDOW)
    amazon.advance(6)
    got = ask(amazon, f"/reports/{report}").json
    assert (got["processingStatus"], got["reportDocumentId"]) == (status, None)


def test_the_rows_of_a_settlement_report(amazon: WireClient) -> None:
    permission = amazon.permission()
    metadata = {"merchantReferenceId": "inv\t1", "merchantStoreName": "本店"}
    charge = take(amazon, permission, 1_000, merchantMetadata=metadata)
    refund = give_back(amazon, charge, 300, "refund").json["refundId"]
    amazon.advance(31)
    report = requested(amazon, SANDBOX_REPORT, *WINDOW)
    amazon.advance(6)
    text = text_of(amazon, report)
    assert text.splitlines()[0] == "SellerId\tSettlementStartDate\tSettlementEndDate"
    assert text.splitlines()[1].endswith("\t2026-04-01T09:00:00+0900\t2026-04-30T09:00:00+0900")
    rows = settlement_rows(text)
    shown = [
        (row["TransactionType"], row["AmazonTransactionId"], row["NetTransactionAmount"])
        for row in rows
    ]
    assert shown == [
        ("Authorization", charge, "0"),
        ("Capture", charge, "961"),
        ("Refund", refund, "-300"),
    ]
    capture = rows[1]
    assert capture["TransactionPostedDate"].startswith("2026-04-01T00:00:0")
    assert capture["TransactionPostedDate"].endswith("-0000")
    assert capture["SellerReferenceId"] == "inv 1"
    assert (capture["StoreName"], capture["AmazonOrderReferenceId"]) == ("本店", permission)
    assert (capture["TransactionAmount"], capture["TotalTransactionFee"]) == ("1000", "-39")
    amazon.control("POST", "/settlements/close")
    assert listed(amazon, "/settlements")[0]["settlementId"] == capture["SettlementId"]


def test_an_address_is_good_for_thirty_seconds(amazon: WireClient) -> None:
    take(amazon, amazon.permission(), 1_000)
    report = requested(amazon, SANDBOX_REPORT, *WINDOW)
    amazon.advance(6)
    document = document_of(amazon, report)
    got = ask(amazon, f"/report-documents/{document}/").json
    assert list(got) == ["reportDocumentId", "url", "compressionAlgorithm"]
    assert got["compressionAlgorithm"] == "N/A"
    amazon.advance(25)
    assert download(amazon, got["url"]).status == 200
    amazon.advance(6)
    late = download(amazon, got["url"])
    assert (late.status, b"expired" in late.raw) == (403, True)
    again = ask(amazon, f"/report-documents/{document}").json["url"]
    assert download(amazon, again).status == 200


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param(lambda url: url[:-1] + ("0" if url[-1] != "0" else "1"), id="signature"),
        pytest.param(lambda url: url.replace("Expires=", "Expires=9"), id="expiry"),
        pytest.param(lambda url: url.split("?")[0] + "?", id="no query"),
        pytest.param(lambda url: url.split("&")[0] + "&Signature=%ff%F0x", id="no text"),
        pytest.param(lambda url: url.replace("DOCJS8", "DOCJS9"), id="another document"),
    ],
)
def test_a_spoilt_address_is_refused(amazon: WireClient, spoilt: Callable[[str], str]) -> None:
    take(amazon, amazon.permission(), 1_000)
    report = requested(amazon, SANDBOX_REPORT, *WINDOW)
    amazon.advance(6)
    url = ask(amazon, f"/report-documents/{document_of(amazon, report)}").json["url"]
    assert download(amazon, spoilt(url)).status == 403


def test_reports_in_pages_newest_first(amazon: WireClient) -> None:
    take(amazon, amazon.permission(), 1_000)
    made = [requested(amazon, SANDBOX_REPORT, *WINDOW) for _ in range(13)]
    first = ask(amazon, "/reports").json
    second = ask(amazon, "/reports/", {"nextToken": first["nextToken"]}).json
    ids = [row["reportId"] for page in (first, second) for row in page["reports"]]
    assert ids == made[::-1]
    assert (len(first["reports"]), second["nextToken"]) == (10, None)
    assert len(ask(amazon, "/reports/", {"pageSize": 100}).json["reports"]) == 13
    both = ask(amazon, "/reports", {"nextToken": first["nextToken"], "pageSize": 3})
    assert (both.status, both.reason) == (400, "InvalidParameterCombination")


def test_reports_by_status_type_and_time(amazon: WireClient) -> None:
    take(amazon, amazon.permission(), 1_000)
    full = requested(amazon, SANDBOX_REPORT, *WINDOW)
    empty = requested(amazon, SANDBOX_REPORT, "20250401T000000Z", "20250402T000000Z")
    amazon.advance(6)
    running = requested(amazon, SANDBOX_REPORT, *WINDOW)

    def found(**query: str) -> set[str]:
        return {row["reportId"] for row in ask(amazon, "/reports", query).json["reports"]}

    assert found(processingStatuses="COMPLETED") == {full}
    assert found(processingStatuses="CANCELLED,IN_PROGRESS") == {empty, running}
    assert found(reportTypes=SANDBOX_REPORT) == {full, empty, running}
    assert found(reportTypes=LIVE_REPORT) == set()
    assert found(createdSince="2026-04-01T00:00:05Z") == {running}
    assert found(createdUntil="2026-04-01T00:00:05Z") == {full, empty}


def test_reports_are_kept_for_ninety_days(amazon: WireClient) -> None:
    take(amazon, amazon.permission(), 1_000)
    report = requested(amazon, SANDBOX_REPORT, *WINDOW)
    amazon.advance(90 * DAY - 60)
    document = document_of(amazon, report)
    amazon.advance(120)
    assert ask(amazon, "/reports").json["reports"] == []
    assert ask(amazon, f"/reports/{report}").status == 404
    assert ask(amazon, f"/report-documents/{document}").status == 404


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param({}, "MissingParameterValue", id="empty"),
        pytest.param({"reportType": "x"}, "InvalidParameterValue", id="unknown type"),
        pytest.param({"reportType": LIVE_REPORT}, "InvalidParameterValue", id="only automatic"),
        pytest.param({"reportType": flat("REFUND")}, "InvalidParameterValue", id="only live"),
        pytest.param({"reportType": SANDBOX_REPORT}, "MissingParameterValue", id="no window"),
        pytest.param({"reportType": 5}, "InvalidRequestFormat", id="number"),
        pytest.param({"reportTypes": "x"}, "UnrecognizedField", id="unknown field"),
        pytest.param(
            {"startTime": "20260402T000000Z", "endTime": "20260401T000000Z"},
            "InvalidParameterValue",
            id="ends before it starts",
        ),
        pytest.param(
            {"startTime": "20260301T000000Z", "endTime": "20260401T000000Z"},
            "InvalidParameterValue",
            id="more than thirty days",
        ),
    ],
)
def test_a_wrong_order_is_a_400(amazon: WireClient, body: dict[str, Any], reason: str) -> None:
    if "startTime" in body:
        body = {"reportType": SANDBOX_REPORT, **body}
    got = amazon.api("POST", "/reports", body)
    assert (got.status, got.reason) == (400, reason)


@pytest.mark.parametrize(
    "query",
    [
        *("pageSize=101", "pageSize=x", "pageSize=-1", "reportTypes=a,b", "nextToken=%00"),
        *("processingStatuses=DONE", "createdSince=yesterday", "a=b", "nextToken=" + "A" * 3000),
        "nextToken=eyJhdCI6MX0",
    ],
)
def test_a_wrong_question_is_a_400(amazon: WireClient, query: str) -> None:
    got = ask(amazon, "/reports", query)
    assert got.status == 400
    assert list(got.json) == ["reasonCode", "message"]


@pytest.mark.parametrize("path", ["/reports/", "/report-documents/", "/report-schedules/"])
@pytest.mark.parametrize("name", ["x", "A12345678901234RPTJS8", "A00000000000000DOCJS8", "%2e%2e"])
def test_what_does_not_exist_is_a_404(amazon: WireClient, path: str, name: str) -> None:
    assert ask(amazon, path + name).status == 404


def test_a_report_of_one_key_is_made_once(amazon: WireClient) -> None:
    body = {"reportType": SANDBOX_REPORT, "startTime": WINDOW[0], "endTime": WINDOW[1]}
    key = uuid.uuid4().hex
    first, second = (amazon.api("POST", "/reports", body, key=key) for _ in range(2))
    assert (first.status, first.raw) == (second.status, second.raw)
    assert len(ask(amazon, "/reports").json["reports"]) == 1


def test_in_live_each_settlement_brings_its_report(live: WireClient) -> None:
    take(live, live.permission(), 1_000)
    live.advance(FIRST + CYCLE + 60)
    (report,) = ask(live, "/reports", {"reportTypes": LIVE_REPORT}).json["reports"]
    rows = settlement_rows(text_of(live, report["reportId"]))
    assert [row["TransactionType"] for row in rows] == ["Capture"]
    (paid,) = listed(live, "/disbursements")
    assert paid["amount"] == sum(int(row["NetTransactionAmount"]) for row in rows)
    assert report["createdTime"] == report["endTime"] == "20260417T" + report["endTime"][9:]


def test_every_type_that_can_be_requested_in_live(live: WireClient) -> None:
    permission = live.permission()
    charge = take(live, permission, 1_000)
    give_back(live, charge, 300, "refund")
    live.advance(31)
    reports = {name: requested(live, flat(name), *WINDOW) for name in OTHER_TYPES}
    live.advance(6)
    shown = {name: table(text_of(live, report)) for name, report in reports.items()}
    assert shown["ORDER_REFERENCE"][0]["AmazonOrderReferenceId"] == charge[:19]
    assert shown["BILLING_AGREEMENT"][0]["AmazonBillingAgreementId"] == permission
    assert shown["AUTHORIZATION"][0]["AmazonAuthorizationId"] == charge
    assert [row["TransactionAmount"] for row in shown["CAPTURE"]] == ["1000"]
    assert [row["TransactionAmount"] for row in shown["REFUND"]] == ["-300"]
    assert all(len(rows) == 1 for rows in shown.values())


def test_the_csv_type_is_quoted(live: WireClient) -> None:
    take(live, live.permission(), 1_000)
    kind = "_GET_CSV_CUSTOM_OFFAMAZONPAYMENTS_MULTI_CURRENCY_PAYMENTS_DATA_"
    report = requested(live, kind, *WINDOW)
    live.advance(6)
    head, row = text_of(live, report).splitlines()
    assert head.startswith('"TransactionPostedDate","SettlementId"')
    assert row.endswith('"1000","-39","0","-39","961"')


def test_live_has_no_sandbox_report(live: WireClient) -> None:
    body = {"reportType": SANDBOX_REPORT, "startTime": WINDOW[0], "endTime": WINDOW[1]}
    assert live.api("POST", "/reports", body).reason == "InvalidParameterValue"


def test_reports_survive_a_restart(launch: Callable[..., Any], tmp_path: Path) -> None:
    process, ready = launch(tmp_path, "--throttle", "off", "--clock", START)
    client = WireClient.of(ready)
    client.advance(0)
    take(client, client.permission(), 1_000)
    report = requested(client, SANDBOX_REPORT, *WINDOW)
    client.advance(6)
    before = text_of(client, report)
    client.close()
    process.terminate()
    process.wait(timeout=10)
    again = WireClient.of(launch(tmp_path, "--throttle", "off")[1], date=client.date)
    assert text_of(again, report) == before
    again.close()
