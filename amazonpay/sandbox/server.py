"""The process: one uvicorn server, one event loop, the API beside its control surface."""

import asyncio
import contextlib
import fcntl
import logging
import os
import resource
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO

import uvicorn
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from amazonpay.sandbox.protocol import IDLE_SECONDS, MOST_CONNECTIONS, Connection
from amazonpay.sandbox.tls import ServerTls

_LOG = logging.getLogger(__name__)
_PARENT_POLL_SECONDS = 0.2
_SWEEP_SECONDS = 1.0
_HANDSHAKE_SECONDS = 10.0
# Enough for the most connections, those in their TLS handshake, and the files of the store.
_OPEN_FILES = 16_384
_OTHER_FILES = 256


class StartRefused(RuntimeError):
    """The server cannot start; the message is one line that says what to do."""


class _Server(uvicorn.Server):
    """Ends with exit code 0 on SIGTERM and SIGINT, where uvicorn would raise them again."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens as uvicorn does, with a limit for the TLS handshake, which it has none for."""
        await self.lifespan.startup()
        loop = asyncio.get_running_loop()
        factory = partial(
            Connection,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        self.servers = [
            await loop.create_server(
                factory,
                sock=listener,
                ssl=self.config.ssl,
                ssl_handshake_timeout=None if self.config.ssl is None else _HANDSHAKE_SECONDS,
                backlog=self.config.backlog,
            )
            for listener in sockets or ()
        ]
        self.started = True
        self._on_ready()


def dispatch(*, api: ASGIApp, rooms: Mapping[str, ASGIApp]) -> ASGIApp:
    """One application: the first part of a path names a room; what names none is the API's."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        first_part = "/" + scope["path"].lstrip("/").partition("/")[0]
        chosen = rooms.get(first_part, api)
        try:
            await chosen(scope, receive, send)
        except ClientDisconnect:
            return
        except Exception:
            _LOG.exception("the local Amazon Pay failed on %s", scope["path"])
            raise

    return application


def serve(
    application: ASGIApp,
    *,
    listener: socket.socket,
    tls: ServerTls | None,
    with_parent: bool,
    on_ready: Callable[[], None],
    beside: Sequence[Callable[[], Coroutine[None, None, None]]] = (),
) -> None:
    """Serves until a signal, or until the parent process is gone; returns after a clean stop.

    `beside` are tasks of the same event loop that end with the server.
    """
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        # What a hostile client sends is no news; failures of our own are logged in dispatch().
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=1,
        ssl_certfile=None if tls is None else tls.certificate_file,
        ssl_keyfile=None if tls is None else tls.key_file,
    )
    Connection.most_connections = _most_connections()
    server = _Server(config, on_ready)
    runner = asyncio.Runner(loop_factory=config.get_loop_factory())
    with runner:
        parent = os.getppid() if with_parent else None
        runner.run(_run(server, listener, parent=parent, beside=beside))


async def _run(
    server: _Server,
    listener: socket.socket,
    *,
    parent: int | None,
    beside: Sequence[Callable[[], Coroutine[None, None, None]]],
) -> None:
    tasks = [asyncio.create_task(task()) for task in beside]
    tasks.append(asyncio.create_task(_sweep(server)))
    if parent is not None:
        tasks.append(asyncio.create_task(_follow(server, parent)))
    await server.serve(sockets=[listener])
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _sweep(server: _Server) -> None:
    """Ends, second by second, the connections whose clients took too long."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        for connection in list(server.server_state.connections):
            if isinstance(connection, Connection):
                connection.expire(loop.time())


async def _follow(server: _Server, parent: int) -> None:
    """Ends the server when its parent is gone: an orphan gets another parent."""
    while os.getppid() == parent:
        await asyncio.sleep(_PARENT_POLL_SECONDS)
    server.should_exit = True


def _most_connections() -> int:
    """How many connections the files that this process may open leave room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < highest:
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))
        soft = highest
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(min(MOST_CONNECTIONS, soft - _OTHER_FILES), 16)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; a port in use is refused with what to do."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise StartRefused(
            f"port {port} on {host} cannot be used ({error.strerror}); choose another --port, or "
            "--port 0 for a free one"
        ) from None
    return listener


def lock(directory: Path) -> IO[str]:
    """Keeps a second server out of a directory for as long as the file stays open."""
    file = (directory / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise StartRefused(
            f"another local Amazon Pay is using {directory}; stop it or choose another --dir"
        ) from None
    return file
