"""The command line: `python -m amazonpay.sandbox`, and whatever name another program gives it."""

import argparse
import errno
import json
import os
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from socket import socket

from starlette.types import ASGIApp

from amazonpay.sandbox.clock import VirtualClock
from amazonpay.sandbox.control import Control
from amazonpay.sandbox.desk import PREFIX, Desk
from amazonpay.sandbox.faults import Faults
from amazonpay.sandbox.gate import Gate
from amazonpay.sandbox.identity import Identity, load_identity
from amazonpay.sandbox.instants import parse_instant
from amazonpay.sandbox.notifications import app as notifications
from amazonpay.sandbox.notifications.urls import checked_url
from amazonpay.sandbox.options import Options
from amazonpay.sandbox.pages import app as pages
from amazonpay.sandbox.pipeline import Pipeline
from amazonpay.sandbox.rotation import load_keyring
from amazonpay.sandbox.server import StartRefused, dispatch, listen, lock, serve
from amazonpay.sandbox.settlement import app as documents
from amazonpay.sandbox.store import Store, StoreRefused
from amazonpay.sandbox.switches import SWITCHES, Value, parse_switch
from amazonpay.sandbox.throttle import Throttle
from amazonpay.sandbox.tls import ServerTls, load_tls
from amazonpay.sandbox.world import World

_HOST = "127.0.0.1"
_PROGRAM = "python -m amazonpay.sandbox"
_EXAMPLE = """example:
  %(prog)s --port 8765 --dir ./amazonpay --throttle off --json

The address that it prints stands for https://pay-api.amazon.jp; the control surface (virtual
clock, consents without a browser, faults, the list of all charges) is under /__control.
"""


_SET = f"another switch; names are {', '.join(SWITCHES)}"


def main(argv: Sequence[str] | None = None, *, program: str = _PROGRAM) -> int:
    """Runs a local Amazon Pay until SIGTERM or SIGINT; `program` is what help calls it.

    Returns 0 after a clean stop, 1 when it cannot start (one line on standard error says what to
    do); bad usage ends in `SystemExit(2)` as with any argparse program.
    """
    arguments = _parser(program).parse_args(argv)
    try:
        _run(arguments)
    except (StartRefused, StoreRefused, OSError) as error:
        return _told(str(error))
    except sqlite3.OperationalError as error:
        return _told(
            f"--dir {arguments.dir} must keep a state.db that can be written to ({error}); choose "
            "another --dir or give yourself the right to write there"
        )
    return 0


def _told(why: str) -> int:
    sys.stderr.write(f"local Amazon Pay: {why}\n")
    return 1


def _parser(program: str = _PROGRAM) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="A local Amazon Pay (Checkout v2, Japan) for development and tests.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=_port, default=0, help="port on loopback; 0 takes a free one (default)")
    add("--dir", type=Path, default=Path(".amazonpay-sandbox"), help="where its state is kept")
    add("--tls", action="store_true", help="serve https with its own certificate authority")
    add("--throttle", choices=("live", "sandbox", "off"), default="sandbox", help="429 table")
    add("--json", action="store_true", help="print one JSON line when ready")
    add("--clock", type=_instant, metavar="INSTANT", help="start of virtual time, if not past yet")
    add("--cap-zone", choices=("jst", "utc"), default="jst", help="calendar of the monthly cap")
    add("--amount-limit", type=_yen, default=100_000, metavar="YEN", help="default monthly cap")
    add("--environment", choices=("sandbox", "live"), default="sandbox", help="whose ids and keys")
    add("--refunds-restore-cap", action="store_true", help="refunds give cap room back")
    add("--seed", type=int, default=0, help="of the faults with a probability")
    add("--ipn-url", type=_url, action="append", default=[], metavar="URL", help="notify there too")
    add("--set", type=_switch, action="append", default=[], metavar="NAME=VALUE", help=_SET)
    add("--with-parent", action="store_true", help="end when the parent process ends")
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65_536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def _yen(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of yen below 10⁹")
    return int(text)


def _instant(text: str) -> int:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _url(text: str) -> str:
    try:
        return checked_url(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _switch(text: str) -> tuple[str, Value]:
    try:
        return parse_switch(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _run(arguments: argparse.Namespace) -> None:
    directory = _prepare(arguments.dir)
    with (
        lock(directory),
        closing(listen(_HOST, arguments.port)) as listener,
        closing(Store(directory / "state.db")) as store,
    ):
        _serve(arguments, directory, listener, store)


def _prepare(directory: Path) -> Path:
    """The directory, made where there is none; one that cannot be used is a `StartRefused`."""
    try:
        resolved = directory.resolve()
        resolved.mkdir(parents=True, exist_ok=True)
        # The directory holds a private key: keep it out of any repository it may lie in.
        (resolved / ".gitignore").write_text("*\n")
        if not os.access(resolved, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except (FileExistsError, NotADirectoryError, RuntimeError):
        # A RuntimeError is a link that leads to itself.
        raise StartRefused(
            f"--dir {directory} must be a folder, and a file is in the way; choose another --dir "
            "or move that file"
        ) from None
    except OSError as error:
        raise StartRefused(
            f"--dir {directory} must be a folder that can be written to ({error.strerror}); "
            "choose another --dir or give yourself the right to write there"
        ) from None
    return resolved


def _serve(arguments: argparse.Namespace, directory: Path, listener: socket, store: Store) -> None:
    identity = load_identity(store, directory, environment=arguments.environment)
    tls = load_tls(directory, now=datetime.now(UTC)) if arguments.tls else None
    options = Options(
        throttle=arguments.throttle,
        cap_zone=arguments.cap_zone,
        amount_limit_yen=arguments.amount_limit,
        refunds_restore_cap=arguments.refunds_restore_cap,
        fault_seed=arguments.seed,
        **dict(arguments.set),
    )
    base_url = f"{'http' if tls is None else 'https'}://{_HOST}:{listener.getsockname()[1]}"
    ready = _ready_line(identity, base_url, tls)
    world = _world(store, options, identity, base_url)
    desk = Desk(
        world=world,
        clock=_clock(store, arguments.clock),
        directory=directory,
        faults=Faults(seed=options.fault_seed),
    )
    notifications.add_endpoints(desk, arguments.ipn_url)
    serve(
        _application(desk),
        listener=listener,
        tls=tls,
        with_parent=arguments.with_parent,
        on_ready=lambda: _announce(ready, as_json=arguments.json),
        beside=[partial(notifications.deliver, desk)],
    )


def _world(store: Store, options: Options, identity: Identity, base_url: str) -> World:
    return World(
        store=store,
        options=options,
        environment=identity.environment,
        merchant_id=identity.merchant_id,
        store_id=identity.store_id,
        ipn_topic_arn=identity.ipn_topic_arn,
        base_url=base_url,
        keys=load_keyring(store, identity),
    )


def _application(desk: Desk) -> ASGIApp:
    world = desk.world
    throttle = Throttle(world.options.throttle)
    faults = desk.faults
    entrance = Gate(world.keys, world.environment, world.options)
    pipeline = Pipeline(
        world=world, clock=desk.clock, entrance=entrance, throttle=throttle, faults=faults
    )
    control = Control(desk=desk, throttle=throttle, faults=faults)
    hosted = pages.application(desk)
    return dispatch(
        api=pipeline,
        rooms={
            PREFIX: control.app,
            notifications.PREFIX: notifications.application(desk),
            documents.PREFIX: documents.application(desk),
            **dict.fromkeys(pages.PREFIXES, hosted),
        },
    )


def _clock(store: Store, start: int | None) -> VirtualClock:
    """Continues the virtual time of an earlier start; `--clock` only ever moves it forward."""
    clock = VirtualClock(offset_ms=int(store.meta("clock_offset_ms") or 0))
    first = store.meta("clock_offset_ms") is None
    if start is not None and (first or start > clock.now()):
        clock.move_to(start, force=True)
    with store.transaction():
        store.put_meta("clock_offset_ms", str(clock.offset_ms))
    return clock


def _ready_line(identity: Identity, base_url: str, tls: ServerTls | None) -> dict[str, str | None]:
    return {
        "base_url": base_url,
        "control_url": base_url + PREFIX,
        "merchant_id": identity.merchant_id,
        "store_id": identity.store_id,
        "public_key_id": identity.public_key_id,
        "private_key_file": str(identity.private_key_file),
        "ca_file": None if tls is None else str(tls.ca_file),
        "ipn_topic_arn": identity.ipn_topic_arn,
        "checkout_script_url": base_url + "/checkout.js",
        "account_url": base_url + "/jr/your-account",
    }


def _announce(ready: dict[str, str | None], *, as_json: bool) -> None:
    if as_json:
        text = json.dumps(ready)
    else:
        rows = (f"  {name:<20} {value or '-'}" for name, value in ready.items())
        text = "Local Amazon Pay is ready; Ctrl-C ends it.\n" + "\n".join(rows)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
