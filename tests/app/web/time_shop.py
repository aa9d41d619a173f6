"""A shop with a time machine behind the pages: real books, a real local Amazon Pay."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from fastapi import FastAPI
from support.sandbox import Sandbox
from support.shop import MERCHANT, Shop, opening, subscriber
from web_books import PASSWORD, Browser

from app.travel import Journal, LocalControl, TimeMachine, VirtualClock
from app.web import create_app
from scheduler import BillingEngine, start_engine

SUBSCRIBERS = [
    subscriber(1),
    subscriber(2),
    subscriber(3, plan_code="studio"),
    subscriber(4, next_charge_on=date(2026, 12, 3), anchor_day=3, started_on=date(2026, 1, 3)),
]


@dataclass
class TimeShop:
    """Subscribers 1 and 2 pay 1,980 and 3 pays 29,800 on 30 November, 4 pays on 3 December."""

    shop: Shop
    machine: TimeMachine
    app: FastAPI
    owner: Browser

    def post(self, action: str, **fields: str) -> str:
        """Send the form of the scenario page or of the bar; returns where it leads."""
        answer = self.owner.post_form("/time-machine", f"/time-machine/{action}", **fields)
        assert answer.status_code == 303, (answer.status_code, answer.text[-1500:])
        return answer.headers["location"]

    def move(self, to: str, **fields: str) -> str:
        """Move, wait until it is done, and read what happened, in English."""
        leads_to = self.post("move", to=to, **fields)
        self.machine.wait()
        return self.get(leads_to)

    def get(self, path: str) -> str:
        """A page in English."""
        answer = self.owner.get(path + ("&" if "?" in path else "?") + "lang=en")
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def play(self, trick: str, number: int) -> None:
        """Let a scenario happen to subscriber `number`."""
        found = self.shop.subscription(f"sub-{number:03d}")["id"]
        self.post("scenario", trick=trick, subscription=str(found))


def machine_of(shop: Shop, folder: Path) -> TimeMachine:
    """A time machine as `autopay serve` makes one, for the shop; files in `folder`."""
    clock = VirtualClock(folder / "books-clock.json")
    clock.begin(at=shop.clock.now())

    def engine() -> BillingEngine:
        return start_engine(
            database=shop.database,
            merchant_id=MERCHANT,
            master_key=shop.master_key,
            endpoint=shop.engine.endpoint,
            clock=clock,
        )

    return TimeMachine(
        clock=clock,
        amazon=LocalControl(shop.amazon.control_url),
        journal=Journal(folder / "moves.json"),
        engine=engine,
    )


@contextmanager
def travelling(
    database_url: str, sandbox: Sandbox, folder: Path, *, logged_in: bool = True
) -> Iterator[TimeShop]:
    """The shop on 29 November at noon, and the owner's browser."""
    with opening(database_url, sandbox) as opened:
        shop = opened(subscribers=SUBSCRIBERS)
        shop.go_to(date(2026, 11, 29), hour=12)
        machine = machine_of(shop, folder)
        app = create_app(
            database=shop.database,
            merchant=shop.engine.merchant,
            staff_password=PASSWORD,
            clock=machine.clock,
            master_key=shop.master_key,
            time_machine=machine,
        )
        owner = Browser(app)
        assert not logged_in or owner.log_in().status_code == 303
        yield TimeShop(shop, machine, app, owner)
        machine.stop()


def apart(one: VirtualClock, amazon: Sandbox) -> timedelta:
    """How far the books' clock and Amazon's are from each other."""
    return abs(one.now() - amazon.clock())
