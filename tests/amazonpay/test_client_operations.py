"""Every operation of the client: what leaves, what comes back, alike on both clients."""

import ast
import inspect
from datetime import UTC, datetime

import httpx
import pytest
from client_samples import (
    CHARGE,
    COMPLETED,
    DISBURSEMENT,
    DOCUMENT,
    REPORT,
    REPORT_ID,
    SCHEDULE,
    SESSION_ID,
    SIGNED_IN,
    STORE_ID,
    TRACKER,
    session_json,
)
from wire_helpers import CHARGE_ID, KINDS, PERMISSION_ID, call

from amazonpay import (
    AmazonPayClient,
    AsyncAmazonPayClient,
    CheckoutSession,
    CompleteCheckoutSession,
    CreateCheckoutSession,
    CreateDeliveryTracker,
    CreateReport,
    CreateReportSchedule,
    DeliveryDetail,
    FinalizeCheckoutSession,
    GetDisbursements,
    GetReports,
    PaymentDetails,
    PaymentIntent,
    ReportProcessingStatus,
    ReportType,
    ScheduleFrequency,
    UnknownOutcome,
    UpdateCharge,
    UpdateCheckoutSession,
    WebCheckoutDetails,
    async_client,
    calls,
    client,
)

both_clients = pytest.mark.parametrize("kind", KINDS)
MARCH, APRIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
REVIEW = WebCheckoutDetails(checkout_review_return_url="https://shop.example.jp/review")

CREATE = CreateCheckoutSession(store_id=STORE_ID, web_checkout_details=REVIEW)
UPDATE = UpdateCheckoutSession(payment_details=PaymentDetails(charge_amount_yen=1500))
COMPLETE = CompleteCheckoutSession(amount_yen=1500)
FINALIZE = FinalizeCheckoutSession(amount_yen=1500, payment_intent=PaymentIntent.AUTHORIZE)
TRACK = CreateDeliveryTracker(
    charge_permission_id=PERMISSION_ID,
    deliveries=(DeliveryDetail(tracking_number="1234", carrier_code="YAMATO"),),
)
ASK = CreateReport(report_type=ReportType.REFUND, start_time=MARCH, end_time=APRIL)
PLAN = CreateReportSchedule(
    report_type=ReportType.REFUND,
    schedule_frequency=ScheduleFrequency.DAYS_14,
    next_report_creation_time=APRIL,
)
PAYOUTS = GetDisbursements(start_time=MARCH, end_time=APRIL, page_size=5)
FILTERED = GetReports(
    report_types=(ReportType.REFUND, ReportType.CAPTURE),
    processing_statuses=(ReportProcessingStatus.COMPLETED,),
    created_since=MARCH,
    created_until=APRIL,
    page_size=100,
)
REFUND_TYPE = ReportType.REFUND.value
CAPTURE_TYPE = ReportType.CAPTURE.value
SESSION = session_json()


def row(name, arguments, method, path, body, answer, **named):
    return pytest.param(name, arguments, named, method, path, body, answer, id=name)


OPERATIONS = [
    row("create_checkout_session", (CREATE,), "POST", "/checkoutSessions", CREATE, SESSION),
    row(
        "get_checkout_session",
        (SESSION_ID,),
        "GET",
        f"/checkoutSessions/{SESSION_ID}",
        b"",
        SESSION,
    ),
    row(
        "update_checkout_session",
        (SESSION_ID, UPDATE),
        *("PATCH", f"/checkoutSessions/{SESSION_ID}", UPDATE, SESSION),
    ),
    row(
        "complete_checkout_session",
        (SESSION_ID, COMPLETE),
        *("POST", f"/checkoutSessions/{SESSION_ID}/complete", COMPLETE, COMPLETED),
    ),
    row(
        "finalize_checkout_session",
        (SESSION_ID, FINALIZE),
        *("POST", f"/checkoutSessions/{SESSION_ID}/finalize", FINALIZE, COMPLETED),
    ),
    row(
        "update_charge",
        (CHARGE_ID, UpdateCharge(members={"b": None, "a": "1"})),
        *("PATCH", f"/charges/{CHARGE_ID}", b'{"a":"1","b":null}', CHARGE),
    ),
    row("get_buyer", (SESSION_ID,), "GET", f"/buyers/{SESSION_ID}", b"", SIGNED_IN),
    row("create_delivery_tracker", (TRACK,), "POST", "/deliveryTrackers", TRACK, TRACKER),
    row("get_reports", (), "GET", "/reports", b"", {"reports": [REPORT], "nextToken": None}),
    row(
        "get_reports",
        (FILTERED,),
        "GET",
        f"/reports?createdSince=20260301T000000Z&createdUntil=20260401T000000Z&pageSize=100"
        f"&processingStatuses=COMPLETED&reportTypes={REFUND_TYPE}%2C{CAPTURE_TYPE}",
        *(b"", {"reports": []}),
    ),
    row(
        "get_reports",
        (GetReports(next_token="a+/= b"),),
        *("GET", "/reports?nextToken=a%2B%2F%3D%20b", b"", {"reports": []}),
    ),
    row("get_report", (REPORT_ID,), "GET", f"/reports/{REPORT_ID}", b"", REPORT),
    row("create_report", (ASK,), "POST", "/reports", ASK, {"reportId": REPORT_ID}),
    row("get_report_document", ("doc-1",), "GET", "/report-documents/doc-1", b"", DOCUMENT),
    row(
        "get_report_schedules",
        (),
        *("GET", "/report-schedules", b"", {"reportSchedules": [SCHEDULE]}),
    ),
    row(
        "get_report_schedules",
        (),
        *("GET", f"/report-schedules?reportTypes={REFUND_TYPE}", b"", {"reportSchedules": []}),
        report_types=[ReportType.REFUND],
    ),
    row("get_report_schedule", ("SCHED1",), "GET", "/report-schedules/SCHED1", b"", SCHEDULE),
    row(
        "create_report_schedule",
        (PLAN,),
        *("POST", "/report-schedules", PLAN, {"reportScheduleId": "SCHED1"}),
    ),
    row("cancel_report_schedule", ("SCHED1",), "DELETE", "/report-schedules/SCHED1", b"", None),
    row(
        "get_disbursements",
        (PAYOUTS,),
        "GET",
        "/disbursements?endTime=20260401T000000Z&pageSize=5&startTime=20260301T000000Z",
        *(b"", {"disbursements": [DISBURSEMENT]}),
    ),
    row(
        "get_authorization_token",
        ("amzn.mws.4ea38b7b",),
        *("GET", "/authorizationTokens/amzn.mws.4ea38b7b?merchantId=A1EXAMPLE", b""),
        {"authorizationToken": "SECRET"},
        merchant_id="A1EXAMPLE",
    ),
]


def answered(answer, status=200):
    def handler(request):
        handler.seen.append(request)
        if answer is None:
            return httpx.Response(204)
        headers = {"x-amz-pay-request-id": "req-1"}
        return httpx.Response(status, json=answer, headers=headers)

    handler.seen = []
    return handler


@both_clients
@pytest.mark.parametrize(
    ("name", "arguments", "named", "method", "path", "body", "answer"), OPERATIONS
)
def test_what_leaves_and_what_comes_back(kind, name, arguments, named, method, path, body, answer):
    handler = answered(answer)
    key = {"idempotency_key": "k"} if method == "POST" else {}
    result = call(kind, lambda c: getattr(c, name)(*arguments, **named, **key), handler=handler)
    (request,) = handler.seen
    assert request.method == method
    assert request.url.raw_path.decode() == f"/v2{path}"
    assert request.content == (body if isinstance(body, bytes) else body.to_bytes())
    assert request.headers.get("x-amz-pay-idempotency-key") == key.get("idempotency_key")
    if answer is None:
        assert result is None
    else:
        assert (result.request_id, result.raw) == ("req-1", answer)


def operations(kind):
    return {
        name: function
        for name, function in vars(kind).items()
        if inspect.isfunction(function) and not name.startswith("_")
    }


def test_every_call_is_a_method_and_named_as_amazon_names_it():
    named = {name for name in calls.__all__ if name.islower() and name != "read_result"}
    walks = {"report_pages", "disbursement_pages", "download_report_document"}
    assert set(operations(AmazonPayClient)) == named | walks | {"save_report_document", "close"}


def test_both_clients_have_the_same_methods():
    ours, theirs = operations(AmazonPayClient), operations(AsyncAmazonPayClient)
    assert set(ours) - {"close"} == set(theirs) - {"aclose"}
    for name in set(ours) - {"close"}:
        assert inspect.getdoc(ours[name]) == inspect.getdoc(theirs[name])
        waits = inspect.iscoroutinefunction(theirs[name]) or inspect.isasyncgenfunction(
            theirs[name]
        )
        assert waits, name
    assert inspect.signature(AmazonPayClient).parameters.keys() == (
        inspect.signature(AsyncAmazonPayClient).parameters.keys()
    )


class Blocking(ast.NodeTransformer):
    """Asynchronous code as it would read without waiting."""

    def visit_Await(self, node):
        return self.visit(node.value)

    def visit_AsyncFunctionDef(self, node):
        self.generic_visit(node)
        return ast.FunctionDef(**{field: getattr(node, field) for field in node._fields})

    def visit_Name(self, node):
        return ast.Name(node.id.removeprefix("async_").removeprefix("Async"), node.ctx)


def methods(module, *, transform):
    (found,) = [n for n in ast.parse(inspect.getsource(module)).body if isinstance(n, ast.ClassDef)]
    functions = [transform(node) for node in found.body[2:]]
    return {
        node.name: ast.unparse(ast.fix_missing_locations(node))
        for node in functions
        if node.name not in ("close", "aclose") and not node.name.startswith("__")
    }


def test_both_clients_do_the_same_in_every_method():
    blocking = methods(async_client, transform=Blocking().visit)
    assert blocking == methods(client, transform=lambda node: node)
    assert len(blocking) > 30


@both_clients
@pytest.mark.parametrize(("status", "pending"), [(200, False), (202, True)])
@pytest.mark.parametrize("name", ["complete_checkout_session", "finalize_checkout_session"])
def test_completion_tells_done_from_undecided(kind, name, status, pending):
    request = COMPLETE if name.startswith("complete") else FINALIZE
    session = call(
        kind,
        lambda c: getattr(c, name)(SESSION_ID, request, idempotency_key="k"),
        handler=answered(COMPLETED, status),
    )
    assert isinstance(session, CheckoutSession)
    assert (session.pending, session.charge_id) == (pending, CHARGE_ID)


def test_any_other_operation_says_nothing_about_pending():
    session = call("sync", lambda c: c.get_checkout_session(SESSION_ID), handler=answered(SESSION))
    assert session.pending is None


@both_clients
@pytest.mark.parametrize(
    "response",
    [
        pytest.param(lambda: httpx.Response(204), id="no content"),
        pytest.param(lambda: httpx.Response(200), id="an empty 200"),
        pytest.param(lambda: httpx.Response(200, json={}), id="an empty object"),
        pytest.param(lambda: httpx.Response(202, json={"x": 1}), id="some object"),
    ],
)
def test_a_schedule_is_cancelled_whatever_the_good_answer_holds(kind, response):
    result = call(kind, lambda c: c.cancel_report_schedule("S"), handler=lambda _: response())
    assert result is None


def test_no_other_operation_is_content_with_nothing():
    with pytest.raises(UnknownOutcome):
        call("sync", lambda c: c.get_report("R"), handler=answered(None))


def pages(kind, operation, handler):
    if kind == "sync":
        return call(kind, lambda c: list(operation(c)), handler=handler)

    async def collected(c):
        return [page async for page in operation(c)]

    return call(kind, collected, handler=handler)


WALKS = [
    pytest.param(lambda c: c.report_pages(FILTERED), "reports", id="reports"),
    pytest.param(lambda c: c.disbursement_pages(PAYOUTS), "disbursements", id="disbursements"),
]


@both_clients
@pytest.mark.parametrize(("operation", "field"), WALKS)
def test_a_walk_follows_the_tokens_alone(kind, operation, field):
    tokens, seen = {None: "t1", "t1": "t2", "t2": None}, []

    def handler(request):
        seen.append(dict(request.url.params))
        return httpx.Response(200, json={field: [], "nextToken": tokens[seen[-1].get("nextToken")]})

    assert len(pages(kind, operation, handler)) == 3
    assert "pageSize" in seen[0]
    assert seen[1:] == [{"nextToken": "t1"}, {"nextToken": "t2"}]


@both_clients
@pytest.mark.parametrize(("operation", "field"), WALKS)
def test_a_walk_in_a_circle_ends(kind, operation, field):
    answer = {field: [], "nextToken": "again"}
    with pytest.raises(UnknownOutcome, match="earlier page"):
        pages(kind, operation, lambda _: httpx.Response(200, json=answer))


def test_a_walk_asks_only_for_what_is_looked_at():
    handler = answered({"reports": [], "nextToken": "more"})
    call("sync", lambda c: next(c.report_pages()), handler=handler)
    assert len(handler.seen) == 1
