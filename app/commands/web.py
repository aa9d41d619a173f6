"""`autopay serve`: the web pages, and a worker beside them."""

import errno
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock
from types import FrameType

import uvicorn
from fastapi import FastAPI

from app.context import Books, charging_engine, opened_books
from app.deliveries import delivering
from app.local_amazon import amazon_for, ask_for_notifications, local_certificates
from app.output import note, say
from app.problems import Refused
from app.settings import load_settings
from app.travel import TimeMachine, time_machine_of
from app.web import create_app
from billing import NoKeys
from scheduler import Clock, SystemClock, Worker

HIGHEST_PORT = 65_535
WAITING_CONNECTIONS = 2048
SECONDS_TO_FINISH = 5
SWITCH_SECONDS = 0.0005


def serve(*, host: str, port: int, with_worker: bool | None) -> None:
    """Serve the books of the settings until Ctrl-C; raises `Refused` when the port is taken."""
    settings = load_settings()
    with listen(host=host, port=port) as listener, opened_books(settings) as books:
        embedded = books.database.dialect.name == "sqlite"
        charging = embedded if with_worker is None else with_worker
        with amazon_for(settings) if charging else nullcontext():
            serve_books(
                books,
                clock=SystemClock(),
                host=host,
                port=port,
                with_worker=charging,
                listener=listener,
            )


def serve_books(
    books: Books,
    *,
    clock: Clock,
    host: str,
    port: int,
    with_worker: bool,
    listener: socket.socket | None = None,
) -> None:
    """Serve open books until Ctrl-C or SIGTERM; must run in the main thread.

    A caller with long work before may `listen` first, so that a taken port is told at once.
    Raises `Refused` when host and port cannot be listened on.
    """
    with listener or listen(host=host, port=port) as bound:
        password = _staff_password(books)
        turn = Lock()
        machine = time_machine_of(books, turn=turn, begins=clock)
        clock = machine.clock if machine else clock
        app = _app(books, clock, password, machine)
        server = _server(app)
        # Beside a forecast of a large shop every answer of the database would wait its five
        # milliseconds for the interpreter, and a page asks the database thirty times.
        sys.setswitchinterval(SWITCH_SECONDS)
        with (
            _ended_by_signals(server),
            _travelling(machine),
            _working(books, clock, turn, wanted=with_worker),
            app.state.shell.warm.kept(),
        ):
            ask_for_notifications(books.settings, address=_address(bound))
            _greet(books, address=_address(bound), password=password)
            server.run(sockets=[bound])


def listen(*, host: str, port: int) -> socket.socket:
    """A listening socket (port 0 = any free one); raises `Refused` when it cannot be had."""
    # The resolver would silently take 70000 for 4464.
    if not 0 <= port <= HIGHEST_PORT:
        raise Refused(f"--port {port} is no port; use one from 1 to {HIGHEST_PORT}")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise Refused(
            f"--host {host!r} with --port {port} is no address to listen on ({error}); "
            "use --host 127.0.0.1"
        ) from error
    try:
        # A restart need not wait until the last connections of the run before have timed out.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(WAITING_CONNECTIONS)
    except OSError as error:
        bound.close()
        raise Refused(_why_not(error, host=host, port=port)) from error
    return bound


def _why_not(error: OSError, *, host: str, port: int) -> str:
    number = error.errno
    if number == errno.EADDRINUSE:
        return f"port {port} is in use by another program; choose another with --port"
    if number == errno.EACCES:
        return f"port {port} needs rights that this user does not have; choose one from 1024 up"
    if number == errno.EADDRNOTAVAIL:
        return f"--host {host} is not an address of this machine; use 127.0.0.1 or 0.0.0.0"
    return f"--host {host} with --port {port} cannot be listened on ({error}); choose another"


def _staff_password(books: Books) -> str:
    """The password of the settings, else a random one for this run; an empty one is none."""
    given = books.settings.staff_password
    return (given.get_secret_value() if given else "") or secrets.token_urlsafe(12)


def _app(books: Books, clock: Clock, password: str, machine: TimeMachine | None) -> FastAPI:
    token = books.settings.metrics_token
    return create_app(
        database=books.database,
        merchant=books.merchant,
        staff_password=password,
        clock=clock,
        metrics_token=None if token is None else token.get_secret_value(),
        certificates=local_certificates(books.settings),
        master_key=books.settings.master_key_bytes(),
        charging=lambda: charging_engine(books, clock),
        public_url=books.settings.public_url,
        retention_offer=books.settings.retention_offer,
        leave_early=books.settings.leave_early,
        price_notice_days=books.settings.price_notice_days,
        passkey_verification=books.settings.passkey_verification,
        given_settings=frozenset(books.settings.model_fields_set),
        time_machine=machine,
    )


def _server(app: FastAPI) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
    return uvicorn.Server(config)


@contextmanager
def _ended_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the server and are then dealt with.

    uvicorn raises a signal once more after its own clean end; without a handler of ours that
    would kill the process before the worker has finished.
    """

    def end(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    before = {name: signal.signal(name, end) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


@contextmanager
def _travelling(machine: TimeMachine | None) -> Iterator[None]:
    """Carries on a move of the clock that an earlier process left; a stop ends within one stop."""
    if machine is None:
        yield
        return
    try:
        machine.resume()
    except Refused as silent:
        note(f"the clock cannot be moved: {silent}")
    try:
        yield
    finally:
        machine.stop()


@contextmanager
def _working(
    books: Books, clock: Clock, turn: AbstractContextManager[object], *, wanted: bool
) -> Iterator[None]:
    """A worker beside the pages; without keys the pages are served alone."""
    worker = _worker(books, clock, turn) if wanted else None
    if worker is None:
        yield
        return
    worker.start()
    try:
        yield
    finally:
        worker.stop()


def _worker(books: Books, clock: Clock, turn: AbstractContextManager[object]) -> Worker | None:
    told: set[str] = set()

    def say_once(reason: str) -> None:
        if reason not in told:
            told.add(reason)
            note(f"charging is stopped, the pages go on: {reason}")

    try:
        return Worker(
            charging_engine(books, clock),
            charge_every_seconds=books.settings.tick_seconds,
            on_stopped=say_once,
            delivering=delivering(books.settings),
            turn=turn,
        )
    except NoKeys as missing:
        note(f"nothing is charged from here, only pages are served: {missing}")
        return None


def _greet(books: Books, *, address: str, password: str) -> None:
    live = books.merchant.environment == "live"
    given = books.settings.staff_password
    # A live password that somebody chose stays out of terminals and logs.
    shown = "the password of AUTOPAY_STAFF_PASSWORD" if live and given else password
    say(f"Back office {address} — log in as staff / {shown}  Ctrl-C ends it")
    my_page = books.settings.public_url or address.replace("127.0.0.1", "localhost").rstrip("/")
    say(f"My Page {my_page}/my/ — plans at {my_page}/my/join")
    sys.stdout.flush()  # whoever waits for this line through a pipe gets it now


def _address(bound: socket.socket) -> str:
    """What to type into a browser on this machine."""
    host, port = bound.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - only compared
    return f"http://[{reachable}]:{port}/" if ":" in reachable else f"http://{reachable}:{port}/"
