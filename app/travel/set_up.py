"""Makes the time machine of a sandbox, and none for anybody else."""

from contextlib import AbstractContextManager

from app.context import Books, charging_engine
from app.deliveries import delivering
from app.travel.clock import VirtualClock
from app.travel.control import local_control
from app.travel.journal import Journal
from app.travel.machine import TimeMachine
from billing import latest_moment, reading
from scheduler import BillingEngine, Clock, SystemClock

CLOCK_FILE, MOVES_FILE = "books-clock.json", "moves.json"


def time_machine_of(
    books: Books, *, turn: AbstractContextManager[object], begins: Clock | None = None
) -> TimeMachine | None:
    """The time machine of these books; None unless they are a sandbox's with a local Amazon Pay.

    `begins` is the clock of a play before, for the first time. Both files lie with the state of
    the local Amazon Pay: whoever works with that one goes by this clock.
    """
    control, folder = local_control(books.settings), books.settings.local_amazon_dir
    if control is None or folder is None or books.merchant.environment != "sandbox":
        return None
    folder.mkdir(parents=True, exist_ok=True)
    clock = VirtualClock(folder / CLOCK_FILE)
    with reading(books.database) as connection:
        newest = latest_moment(connection, books.merchant.id)
    clock.begin(at=max((begins or SystemClock()).now(), newest))
    deliver = delivering(books.settings)

    def besides(engine: BillingEngine, stopping: object) -> None:
        deliver.of(engine.database, engine.merchant, now=clock.now).tick()

    return TimeMachine(
        clock=clock,
        amazon=control,
        journal=Journal(folder / MOVES_FILE),
        engine=lambda: charging_engine(books, clock),
        turn=turn,
        besides=besides,
    )
