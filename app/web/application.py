"""Puts the pages together: headers around the gate around the rooms."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from fastapi import Depends, FastAPI, Request
from sqlalchemy import Engine

from amazonpay.notifications import AsyncCertificateFetcher
from app.travel import TimeMachine
from app.web.backoffice import backoffice_room
from app.web.finance import finance_room
from app.web.metrics import add_metrics
from app.web.mypage import mypage_room
from app.web.notifications import NotificationDoor
from app.web.open_pages import open_room
from app.web.settings import settings_room
from app.web.shell.errors import add_error_pages
from app.web.shell.forms import MOST_BYTES, checked_form
from app.web.shell.gate import Gate, check_access
from app.web.shell.headers import SecurityHeaders
from app.web.shell.kept import KeptForms
from app.web.shell.kept_fields import KeptFields
from app.web.shell.once import OnceForms
from app.web.shell.owners import OwningPages
from app.web.shell.people import OPEN
from app.web.shell.rendering import Pages
from app.web.shell.rooms import Room, check_declared, declared_access
from app.web.shell.rules import RulesOfNow
from app.web.shell.sessions import Sessions
from app.web.shell.shell import Shell
from app.web.shell.warm import DailyStatistics
from app.web.staff import StaffDesk, staff_room, stale_log_in
from app.web.time_machine import time_machine_room
from billing import Merchant
from scheduler import BillingEngine, Clock, SystemClock

RoomMaker = Callable[[Shell], Room]
"""A door of a room; add yours to `ROOMS`."""

ROOMS: Sequence[RoomMaker] = (
    open_room,
    backoffice_room,
    finance_room,
    mypage_room,
    time_machine_room,
    settings_room,
)


def create_app(
    *,
    database: Engine,
    merchant: Merchant,
    staff_password: str,
    clock: Clock,
    metrics_token: str | None = None,
    certificates: AsyncCertificateFetcher | None = None,
    master_key: bytes | None = None,
    wall: Clock | None = None,
    charging: Callable[[], BillingEngine] | None = None,
    public_url: str = "",
    retention_offer: str = "none",
    leave_early: str = "refused",
    given_settings: frozenset[str] = frozenset(),
    time_machine: TimeMachine | None = None,
    price_notice_days: int = 30,
    passkey_verification: Literal["required", "preferred", "discouraged"] = "preferred",
) -> FastAPI:
    """The pages of one merchant's books; `staff` is an owner with the given password.

    `metrics_token` lets a monitoring system read `/metrics`; without one nobody can.
    `certificates` fetches those of notifications from a local Amazon Pay; without it they come
    from Amazon. `master_key` seals second factors; a live merchant's staff cannot do without.
    `wall` is the clock of sessions, which the virtual one of a sandbox does not move. `charging`
    makes the engine that signs customers up and charges them; `public_url` is where they reach us.
    `retention_offer` (pause, skip or none) is made once to somebody who wants to leave.
    `leave_early` (refused or for_fee) is what the minimum term means for customers.
    `given_settings` are the settings given on purpose, which the settings pages cannot change.
    `time_machine` moves the clock of a sandbox with a local Amazon Pay. `price_notice_days` lie
    between the notice of a price change and its first day. `passkey_verification` says whether
    passkeys of the staff ask for a PIN, a finger or a face.
    """
    shell = replace(
        _shell(database, merchant, clock, wall or SystemClock(), master_key),
        charging=charging,
        public_url=public_url.rstrip("/"),
        retention_offer=retention_offer,
        leave_early=leave_early,
        given_settings=given_settings,
        time_machine=time_machine,
        price_notice_days=price_notice_days,
        passkey_verification=passkey_verification,
    )
    shell.warm.questions.append(DailyStatistics(database))
    desk = StaffDesk(shell, staff_password)
    rooms = [staff_room(shell, desk), *(make(shell) for make in ROOMS)]
    declared = declared_access(rooms) | {("GET", "/metrics"): OPEN}  # its token is its own gate
    upload_bytes = {path: most for room in rooms for path, most in room.upload_bytes.items()}

    async def guarded(request: Request) -> None:
        check_access(request, declared)
        path = request.scope["route"].path
        await checked_form(request, most_bytes=upload_bytes.get(path, MOST_BYTES))

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(guarded)])
    for room in rooms:
        app.include_router(room.router)
        shell.pages.entries.extend(room.entries)
    add_metrics(app, database=database, clock=clock, token=metrics_token)
    app.state.declared, app.state.shell = declared, shell
    check_declared(app, declared)
    add_error_pages(
        app,
        shell.pages,
        owners=OwningPages(declared, rooms),
        stale_log_in=lambda request: stale_log_in(shell, request),
    )
    _add_layers(app, shell, certificates)
    return app


def _shell(
    database: Engine, merchant: Merchant, clock: Clock, wall: Clock, master_key: bytes | None
) -> Shell:
    sessions = Sessions(
        database,
        merchant.id,
        wall,
        # Whoever may move real money needs a second factor; a sandbox is for trying things out.
        needs_second_factor=merchant.environment == "live",
    )
    once = OnceForms(database, merchant.id, sessions, wall, KeptForms(database, merchant.id, wall))
    return Shell(
        database=database,
        rules=RulesOfNow(database, merchant),
        clock=clock,
        wall=wall,
        master_key=master_key,
        pages=Pages(merchant, clock, once),
        once=once,
        sessions=sessions,
    )


def _add_layers(app: FastAPI, shell: Shell, certificates: AsyncCertificateFetcher | None) -> None:
    # The last one added is the outermost: headers around the gate around the pages.
    app.add_middleware(KeptFields, kept=shell.once.kept)
    app.add_middleware(Gate, sessions=shell.sessions)
    app.add_middleware(
        NotificationDoor,
        database=shell.database,
        merchant_id=shell.merchant.id,
        clock=shell.clock,
        certificates=certificates,
    )
    app.add_middleware(SecurityHeaders, pages=shell.pages)
