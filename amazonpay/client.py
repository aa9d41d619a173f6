"""The synchronous client: one method per operation of Amazon Pay, each a thin shell.

What is sent is decided in `calls`, how in `exchange`, what an answer means in `models`; the
asynchronous twin in `async_client` has the same methods, which a test compares.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from amazonpay import calls
from amazonpay.downloads import (
    DEFAULT_DOWNLOAD_SECONDS,
    DEFAULT_MAX_BYTES,
    download,
    file_in_place,
)
from amazonpay.exchange import JAPAN, Settings, SyncExchange, Timing
from amazonpay.keys import Environment
from amazonpay.models import (
    AuthorizationToken,
    Buyer,
    Charge,
    ChargePermission,
    CheckoutSession,
    CreatedReport,
    CreatedReportSchedule,
    DeliveryTracker,
    DisbursementPage,
    Refund,
    Report,
    ReportDocument,
    ReportPage,
    ReportSchedule,
    ReportScheduleList,
)
from amazonpay.pacing import Pacer, Pacing
from amazonpay.paging import TokenWalk
from amazonpay.requests import (
    CancelCharge,
    CaptureCharge,
    CloseChargePermission,
    CompleteCheckoutSession,
    CreateCharge,
    CreateCheckoutSession,
    CreateDeliveryTracker,
    CreateRefund,
    CreateReport,
    CreateReportSchedule,
    FinalizeCheckoutSession,
    GetDisbursements,
    GetReports,
    UpdateCharge,
    UpdateChargePermission,
    UpdateCheckoutSession,
)
from amazonpay.retries import STANDARD_RETRIES, RetryPolicy
from amazonpay.states import ReportType
from amazonpay.transport import ssl_context, sync_transport
from amazonpay.wire import Credentials, Integrator


class AmazonPayClient:
    """Amazon Pay for one merchant in one environment, called from threads.

    Every operation returns the typed object or raises an `AmazonPayError`; a call ends within
    `deadline_seconds` with all its tries (name resolution excepted, which the operating system
    limits). `clock` gives the date that is signed and must be aware. `credentials` is one key
    pair, or several during a rotation. `retries` says how often a call is tried where a second
    try cannot do its work twice, and `pacing` keeps below Amazon's limits; a `Pacer` may be shared
    by clients. A program with a ladder of its own passes `NO_RETRIES` and None.
    `ca_file` trusts another CA, `transport` replaces the network, `timing` the waits.
    Raises InvalidArgument when key id and environment contradict each other.
    """

    def __init__(
        self,
        *,
        credentials: Credentials | Sequence[Credentials],
        environment: Environment,
        clock: Callable[[], datetime],
        base_url: str = JAPAN,
        region: str = "jp",
        ca_file: str | Path | None = None,
        deadline_seconds: float = 10.0,
        retries: RetryPolicy = STANDARD_RETRIES,
        pacing: Pacing | Pacer | None = Pacing(),  # noqa: B008 - frozen, so one for all is safe
        auth_token: str | None = None,
        integrator: Integrator | None = None,
        timing: Timing = Timing(),  # noqa: B008 - frozen, so one for all is safe
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        settings = Settings(
            credentials=credentials,
            environment=environment,
            clock=clock,
            base_url=base_url,
            region=region,
            deadline_seconds=deadline_seconds,
            retries=retries,
            pacing=pacing,
            auth_token=auth_token,
            integrator=integrator,
            timing=timing,
        )
        self._transport = transport or sync_transport(ssl_context=ssl_context(ca_file))
        self._exchange = SyncExchange(settings=settings, transport=self._transport)

    def create_checkout_session(
        self, request: CreateCheckoutSession | bytes, *, idempotency_key: str
    ) -> CheckoutSession:
        """Starts a checkout from the server; usually the signed button does it instead."""
        return self._exchange.run(
            calls.create_checkout_session(request, idempotency_key=idempotency_key)
        )

    def get_checkout_session(self, checkout_session_id: str) -> CheckoutSession:
        """A checkout as it is now, with the buyer's data while it is Open."""
        return self._exchange.run(calls.get_checkout_session(checkout_session_id))

    def update_checkout_session(
        self, checkout_session_id: str, request: UpdateCheckoutSession | bytes
    ) -> CheckoutSession:
        """Sets amount, intent, texts; then `amazon_pay_redirect_url` says where the buyer goes."""
        return self._exchange.run(calls.update_checkout_session(checkout_session_id, request))

    def complete_checkout_session(
        self,
        checkout_session_id: str,
        request: CompleteCheckoutSession | bytes,
        *,
        idempotency_key: str,
        simulation_code: str | None = None,
    ) -> CheckoutSession:
        """Finishes the checkout after the buyer's return; `pending` tells done from undecided."""
        return self._exchange.run(
            calls.complete_checkout_session(
                checkout_session_id,
                request,
                idempotency_key=idempotency_key,
                simulation_code=simulation_code,
            )
        )

    def finalize_checkout_session(
        self,
        checkout_session_id: str,
        request: FinalizeCheckoutSession | bytes,
        *,
        idempotency_key: str,
        simulation_code: str | None = None,
    ) -> CheckoutSession:
        """Finishes a checkout that the buyer confirmed on the merchant's own page (Buy Now)."""
        return self._exchange.run(
            calls.finalize_checkout_session(
                checkout_session_id,
                request,
                idempotency_key=idempotency_key,
                simulation_code=simulation_code,
            )
        )

    def get_charge_permission(self, charge_permission_id: str) -> ChargePermission:
        """The buyer's consent as it is now, with what is left of its monthly cap."""
        return self._exchange.run(calls.get_charge_permission(charge_permission_id))

    def update_charge_permission(
        self, charge_permission_id: str, request: UpdateChargePermission | bytes
    ) -> ChargePermission:
        """Tells Amazon about new texts or a new plan."""
        return self._exchange.run(calls.update_charge_permission(charge_permission_id, request))

    def close_charge_permission(
        self,
        charge_permission_id: str,
        request: CloseChargePermission | bytes,
        *,
        simulation_code: str | None = None,
    ) -> ChargePermission:
        """Ends the agreement for good."""
        return self._exchange.run(
            calls.close_charge_permission(
                charge_permission_id, request, simulation_code=simulation_code
            )
        )

    def create_charge(
        self,
        request: CreateCharge | bytes,
        *,
        idempotency_key: str,
        simulation_code: str | None = None,
    ) -> Charge:
        """Takes money. The same key with the same bytes never takes it twice."""
        return self._exchange.run(
            calls.create_charge(
                request, idempotency_key=idempotency_key, simulation_code=simulation_code
            )
        )

    def get_charge(self, charge_id: str) -> Charge:
        """A charge as it is now."""
        return self._exchange.run(calls.get_charge(charge_id))

    def update_charge(self, charge_id: str, request: UpdateCharge | bytes) -> Charge:
        """Changes a charge; only payment service providers may."""
        return self._exchange.run(calls.update_charge(charge_id, request))

    def capture_charge(
        self,
        charge_id: str,
        request: CaptureCharge | bytes,
        *,
        idempotency_key: str,
        simulation_code: str | None = None,
    ) -> Charge:
        """Captures an authorised charge, once."""
        return self._exchange.run(
            calls.capture_charge(
                charge_id,
                request,
                idempotency_key=idempotency_key,
                simulation_code=simulation_code,
            )
        )

    def cancel_charge(
        self, charge_id: str, request: CancelCharge | bytes, *, simulation_code: str | None = None
    ) -> Charge:
        """Releases an authorisation."""
        return self._exchange.run(
            calls.cancel_charge(charge_id, request, simulation_code=simulation_code)
        )

    def create_refund(
        self,
        request: CreateRefund | bytes,
        *,
        idempotency_key: str,
        simulation_code: str | None = None,
    ) -> Refund:
        """Starts giving money back; the result comes later."""
        return self._exchange.run(
            calls.create_refund(
                request, idempotency_key=idempotency_key, simulation_code=simulation_code
            )
        )

    def get_refund(self, refund_id: str) -> Refund:
        """A refund as it is now."""
        return self._exchange.run(calls.get_refund(refund_id))

    def get_buyer(self, buyer_token: str) -> Buyer:
        """Who signed in; exchange the token of the return address at once, and only once."""
        return self._exchange.run(calls.get_buyer(buyer_token))

    def create_delivery_tracker(
        self, request: CreateDeliveryTracker | bytes, *, idempotency_key: str
    ) -> DeliveryTracker:
        """Tells Amazon about parcels, so that Alexa can tell the buyer."""
        return self._exchange.run(
            calls.create_delivery_tracker(request, idempotency_key=idempotency_key)
        )

    def get_reports(self, request: GetReports | None = None) -> ReportPage:
        """One page of reports; `report_pages` walks through all."""
        return self._exchange.run(calls.get_reports(request))

    def report_pages(self, request: GetReports | None = None) -> Iterator[ReportPage]:
        """Page after page, each asked for only when it is needed."""
        walk = TokenWalk()
        page = self.get_reports(request)
        yield page
        while token := walk.onward(page.next_token):
            page = self.get_reports(GetReports(next_token=token))
            yield page

    def get_report(self, report_id: str) -> Report:
        """A report as it is now; its document is there when it is COMPLETED."""
        return self._exchange.run(calls.get_report(report_id))

    def create_report(
        self, request: CreateReport | bytes, *, idempotency_key: str
    ) -> CreatedReport:
        """Asks for a report over a period; it is made in the background."""
        return self._exchange.run(calls.create_report(request, idempotency_key=idempotency_key))

    def get_report_document(self, report_document_id: str) -> ReportDocument:
        """The signed link to a report; it works for 30 seconds."""
        return self._exchange.run(calls.get_report_document(report_document_id))

    def download_report_document(
        self,
        report_document_id: str,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        deadline_seconds: float = DEFAULT_DOWNLOAD_SECONDS,
    ) -> bytes:
        """The report itself: asks for a fresh link and fetches it at once.

        `deadline_seconds` is for the fetching alone. Raises DownloadFailed.
        """
        document = self.get_report_document(report_document_id)
        content = bytearray()
        download(
            transport=self._transport,
            url=document.url,
            sink=content.extend,
            max_bytes=max_bytes,
            deadline_seconds=deadline_seconds,
        )
        return bytes(content)

    def save_report_document(
        self,
        report_document_id: str,
        *,
        path: str | Path,
        max_bytes: int = DEFAULT_MAX_BYTES,
        deadline_seconds: float = DEFAULT_DOWNLOAD_SECONDS,
    ) -> int:
        """Writes the report to a file, which appears only when it is whole; returns its size.

        Raises DownloadFailed, or OSError when the file cannot be written.
        """
        with file_in_place(path) as file:
            document = self.get_report_document(report_document_id)
            return download(
                transport=self._transport,
                url=document.url,
                sink=file.write,
                max_bytes=max_bytes,
                deadline_seconds=deadline_seconds,
            )

    def get_report_schedules(
        self, *, report_types: Sequence[ReportType] = ()
    ) -> ReportScheduleList:
        """The schedules of the account, of all types or of some."""
        return self._exchange.run(calls.get_report_schedules(report_types=report_types))

    def get_report_schedule(self, report_schedule_id: str) -> ReportSchedule:
        """A schedule as it is now."""
        return self._exchange.run(calls.get_report_schedule(report_schedule_id))

    def create_report_schedule(
        self, request: CreateReportSchedule | bytes, *, idempotency_key: str
    ) -> CreatedReportSchedule:
        """Lets Amazon make a report again and again."""
        return self._exchange.run(
            calls.create_report_schedule(request, idempotency_key=idempotency_key)
        )

    def cancel_report_schedule(self, report_schedule_id: str) -> None:
        """Ends a schedule; reports already made stay."""
        self._exchange.run(calls.cancel_report_schedule(report_schedule_id))

    def get_disbursements(self, request: GetDisbursements) -> DisbursementPage:
        """One page of payouts to the bank; `disbursement_pages` walks through all."""
        return self._exchange.run(calls.get_disbursements(request))

    def disbursement_pages(self, request: GetDisbursements) -> Iterator[DisbursementPage]:
        """Page after page, each asked for only when it is needed."""
        walk = TokenWalk()
        page = self.get_disbursements(request)
        yield page
        while token := walk.onward(page.next_token):
            page = self.get_disbursements(GetDisbursements(next_token=token))
            yield page

    def get_authorization_token(
        self, mws_auth_token: str, *, merchant_id: str
    ) -> AuthorizationToken:
        """A token with which a solution provider acts for a merchant."""
        return self._exchange.run(
            calls.get_authorization_token(mws_auth_token, merchant_id=merchant_id)
        )

    def close(self) -> None:
        """Closes the connections."""
        self._exchange.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
