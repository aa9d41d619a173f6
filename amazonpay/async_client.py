"""The asynchronous client: the methods of `client`, to be awaited.

A test compares the two classes method by method, so that neither drifts away from the other.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from amazonpay import calls
from amazonpay.downloads import (
    DEFAULT_DOWNLOAD_SECONDS,
    DEFAULT_MAX_BYTES,
    async_download,
    file_in_place,
)
from amazonpay.exchange import JAPAN, AsyncExchange, Settings, Timing
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
from amazonpay.transport import async_transport, ssl_context
from amazonpay.wire import Credentials, Integrator


class AsyncAmazonPayClient:
    """Amazon Pay for one merchant in one environment, called from an asyncio event loop.

    The asynchronous twin of `AmazonPayClient`: same arguments, same answers, same errors.
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
        transport: httpx.AsyncBaseTransport | None = None,
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
        self._transport = transport or async_transport(ssl_context=ssl_context(ca_file))
        self._exchange = AsyncExchange(settings=settings, transport=self._transport)

    async def create_checkout_session(
        self, request: CreateCheckoutSession | bytes, *, idempotency_key: str
    ) -> CheckoutSession:
        """Starts a checkout from the server; usually the signed button does it instead."""
        return await self._exchange.run(
            calls.create_checkout_session(request, idempotency_key=idempotency_key)
        )

    async def get_checkout_session(self, checkout_session_id: str) -> CheckoutSession:
        """A checkout as it is now, with the buyer's data while it is Open."""
        return await self._exchange.run(calls.get_checkout_session(checkout_session_id))

    async def update_checkout_session(
        self, checkout_session_id: str, request: UpdateCheckoutSession | bytes
    ) -> CheckoutSession:
        """Sets amount, intent, texts; then `amazon_pay_redirect_url` says where the buyer goes."""
        return await self._exchange.run(calls.update_checkout_session(checkout_session_id, request))

    async def complete_checkout_session(
        self,
        checkout_session_id: str,
        request: CompleteCheckoutSession | bytes,
        *,
        idempotency_key: str,
        simulation_code: str | None = None,
    ) -> CheckoutSession:
        """Finishes the checkout after the buyer's return; `pending` tells done from undecided."""
        return await self._exchange.run(
            calls.complete_checkout_session(
                checkout_session_id,
                request,
                idempotency_key=idempotency_key,
                simulation_code=simulation_code,
            )
        )

    async def finalize_checkout_session(
        self,
        checkout_session_id: str,
        request: FinalizeCheckoutSession | bytes,
        *,
        idempotency_key: str,
        simulation_code: str | None = None,
    ) -> CheckoutSession:
        """Finishes a checkout that the buyer confirmed on the merchant's own page (Buy Now)."""
        return await self._exchange.run(
            calls.finalize_checkout_session(
                checkout_session_id,
                request,
                idempotency_key=idempotency_key,
                simulation_code=simulation_code,
            )
        )

    async def get_charge_permission(self, charge_permission_id: str) -> ChargePermission:
        """The buyer's consent as it is now, with what is left of its monthly cap."""
        return await self._exchange.run(calls.get_charge_permission(charge_permission_id))

    async def update_charge_permission(
        self, charge_permission_id: str, request: UpdateChargePermission | bytes
    ) -> ChargePermission:
        """Tells Amazon about new texts or a new plan."""
        return await self._exchange.run(
            calls.update_charge_permission(charge_permission_id, request)
        )

    async def close_charge_permission(
        self,
        charge_permission_id: str,
        request: CloseChargePermission | bytes,
        *,
        simulation_code: str | None = None,
    ) -> ChargePermission:
        """Ends the agreement for good."""
        return await self._exchange.run(
            calls.close_charge_permission(
                charge_permission_id, request, simulation_code=simulation_code
            )
        )

    async def create_charge(
        self,
        request: CreateCharge | bytes,
        *,
        idempotency_key: str,
        simulation_code: str | None = None,
    ) -> Charge:
        """Takes money. The same key with the same bytes never takes it twice."""
        return await self._exchange.run(
            calls.create_charge(
                request, idempotency_key=idempotency_key, simulation_code=simulation_code
            )
        )

    async def get_charge(self, charge_id: str) -> Charge:
        """A charge as it is now."""
        return await self._exchange.run(calls.get_charge(charge_id))

    async def update_charge(self, charge_id: str, request: UpdateCharge | bytes) -> Charge:
        """Changes a charge; only payment service providers may."""
        return await self._exchange.run(calls.update_charge(charge_id, request))

    async def capture_charge(
        self,
        charge_id: str,
        request: CaptureCharge | bytes,
        *,
        idempotency_key: str,
        simulation_code: str | None = None,
    ) -> Charge:
        """Captures an authorised charge, once."""
        return await self._exchange.run(
            calls.capture_charge(
                charge_id,
                request,
                idempotency_key=idempotency_key,
                simulation_code=simulation_code,
            )
        )

    async def cancel_charge(
        self, charge_id: str, request: CancelCharge | bytes, *, simulation_code: str | None = None
    ) -> Charge:
        """Releases an authorisation."""
        return await self._exchange.run(
            calls.cancel_charge(charge_id, request, simulation_code=simulation_code)
        )

    async def create_refund(
        self,
        request: CreateRefund | bytes,
        *,
        idempotency_key: str,
        simulation_code: str | None = None,
    ) -> Refund:
        """Starts giving money back; the result comes later."""
        return await self._exchange.run(
            calls.create_refund(
                request, idempotency_key=idempotency_key, simulation_code=simulation_code
            )
        )

    async def get_refund(self, refund_id: str) -> Refund:
        """A refund as it is now."""
        return await self._exchange.run(calls.get_refund(refund_id))

    async def get_buyer(self, buyer_token: str) -> Buyer:
        """Who signed in; exchange the token of the return address at once, and only once."""
        return await self._exchange.run(calls.get_buyer(buyer_token))

    async def create_delivery_tracker(
        self, request: CreateDeliveryTracker | bytes, *, idempotency_key: str
    ) -> DeliveryTracker:
        """Tells Amazon about parcels, so that Alexa can tell the buyer."""
        return await self._exchange.run(
            calls.create_delivery_tracker(request, idempotency_key=idempotency_key)
        )

    async def get_reports(self, request: GetReports | None = None) -> ReportPage:
        """One page of reports; `report_pages` walks through all."""
        return await self._exchange.run(calls.get_reports(request))

    async def report_pages(self, request: GetReports | None = None) -> AsyncIterator[ReportPage]:
        """Page after page, each asked for only when it is needed."""
        walk = TokenWalk()
        page = await self.get_reports(request)
        yield page
        while token := walk.onward(page.next_token):
            page = await self.get_reports(GetReports(next_token=token))
            yield page

    async def get_report(self, report_id: str) -> Report:
        """A report as it is now; its document is there when it is COMPLETED."""
        return await self._exchange.run(calls.get_report(report_id))

    async def create_report(
        self, request: CreateReport | bytes, *, idempotency_key: str
    ) -> CreatedReport:
        """Asks for a report over a period; it is made in the background."""
        return await self._exchange.run(
            calls.create_report(request, idempotency_key=idempotency_key)
        )

    async def get_report_document(self, report_document_id: str) -> ReportDocument:
        """The signed link to a report; it works for 30 seconds."""
        return await self._exchange.run(calls.get_report_document(report_document_id))

    async def download_report_document(
        self,
        report_document_id: str,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        deadline_seconds: float = DEFAULT_DOWNLOAD_SECONDS,
    ) -> bytes:
        """The report itself: asks for a fresh link and fetches it at once.

        `deadline_seconds` is for the fetching alone. Raises DownloadFailed.
        """
        document = await self.get_report_document(report_document_id)
        content = bytearray()
        await async_download(
            transport=self._transport,
            url=document.url,
            sink=content.extend,
            max_bytes=max_bytes,
            deadline_seconds=deadline_seconds,
        )
        return bytes(content)

    async def save_report_document(
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
            document = await self.get_report_document(report_document_id)
            return await async_download(
                transport=self._transport,
                url=document.url,
                sink=file.write,
                max_bytes=max_bytes,
                deadline_seconds=deadline_seconds,
            )

    async def get_report_schedules(
        self, *, report_types: Sequence[ReportType] = ()
    ) -> ReportScheduleList:
        """The schedules of the account, of all types or of some."""
        return await self._exchange.run(calls.get_report_schedules(report_types=report_types))

    async def get_report_schedule(self, report_schedule_id: str) -> ReportSchedule:
        """A schedule as it is now."""
        return await self._exchange.run(calls.get_report_schedule(report_schedule_id))

    async def create_report_schedule(
        self, request: CreateReportSchedule | bytes, *, idempotency_key: str
    ) -> CreatedReportSchedule:
        """Lets Amazon make a report again and again."""
        return await self._exchange.run(
            calls.create_report_schedule(request, idempotency_key=idempotency_key)
        )

    async def cancel_report_schedule(self, report_schedule_id: str) -> None:
        """Ends a schedule; reports already made stay."""
        await self._exchange.run(calls.cancel_report_schedule(report_schedule_id))

    async def get_disbursements(self, request: GetDisbursements) -> DisbursementPage:
        """One page of payouts to the bank; `disbursement_pages` walks through all."""
        return await self._exchange.run(calls.get_disbursements(request))

    async def disbursement_pages(
        self, request: GetDisbursements
    ) -> AsyncIterator[DisbursementPage]:
        """Page after page, each asked for only when it is needed."""
        walk = TokenWalk()
        page = await self.get_disbursements(request)
        yield page
        while token := walk.onward(page.next_token):
            page = await self.get_disbursements(GetDisbursements(next_token=token))
            yield page

    async def get_authorization_token(
        self, mws_auth_token: str, *, merchant_id: str
    ) -> AuthorizationToken:
        """A token with which a solution provider acts for a merchant."""
        return await self._exchange.run(
            calls.get_authorization_token(mws_auth_token, merchant_id=merchant_id)
        )

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._exchange.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()
