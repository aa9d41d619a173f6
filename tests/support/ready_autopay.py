"""`autopay` without its start: a process that has imported everything forks for each command.

Importing takes a second and a half, the suite runs hundreds of commands. Each still runs in a
process of its own with its own arguments, folder, environment and streams; where that one is
killed, the command ends as killed too. Commands that stay (servers, workers, the demo) and those
that a test kills from outside run the installed program itself.

As a program (`python ready_autopay.py SOCKET`) this file is the process that forks.
"""

import array
import atexit
import contextlib
import importlib
import json
import os
import pkgutil
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

LARGEST_MESSAGE = 1 << 18
STARTS_WITHIN = 60.0
LOOKS_UP_EVERY = 5.0
PROGRAM = Path(sys.executable).parent / "autopay"

_SHIM = """#!{python} -SE
import os, sys
stays = {{"demo", "sandbox", "serve", "worker"}} & set(sys.argv[1:2])
if stays and "--no-serve" not in sys.argv:
    os.execv({program!r}, [{program!r}, *sys.argv[1:]])
import json, socket
said = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
link.connect({path!r})
socket.send_fds(link, [said], [0, 1, 2])
answer = link.recv(1)
if not answer:
    os.kill(os.getpid(), 9)
sys.exit(answer[0])
"""


def quick_folder() -> Path:
    """The folder of an `autopay` that starts at once; made on first use in this process."""
    found = _folders.get(os.getpid())
    if found is None:
        found = _folders[os.getpid()] = _start()
    return found


_folders: dict[int, Path] = {}


def _start() -> Path:
    # A Unix socket's path must be short; the folders of pytest are not.
    folder = Path(tempfile.mkdtemp(prefix="autopay-"))
    path = folder / "socket"
    forking = subprocess.Popen([sys.executable, __file__, str(path)], stdin=subprocess.DEVNULL)
    atexit.register(_end, forking, folder, os.getpid())
    deadline = time.monotonic() + STARTS_WITHIN
    while not path.exists():
        if forking.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the process that forks commands did not start")
        time.sleep(0.02)
    shim = folder / "autopay"
    text = _SHIM.format(python=sys.executable, program=str(PROGRAM), path=str(path))
    shim.write_text(text, encoding="utf-8")
    shim.chmod(0o755)
    return folder


def _end(forking: subprocess.Popen[bytes], folder: Path, owner: int) -> None:
    if os.getpid() != owner:
        return
    forking.terminate()
    forking.wait()
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


def serve(path: str) -> None:
    """Fork for every connection, until terminated or left alone."""
    parent = os.getppid()
    _import_everything()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(f"{path}.new")
    listener.listen(64)
    os.rename(f"{path}.new", path)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener.settimeout(LOOKS_UP_EVERY)
    while True:
        try:
            link, _ = listener.accept()
        except TimeoutError:
            if os.getppid() == parent:
                continue
            # Whoever began it ended without a word, as a process of the suite that is killed.
            shutil.rmtree(Path(path).parent)
            return
        said, streams, *_ = socket.recv_fds(link, LARGEST_MESSAGE, 3)
        if os.fork() == 0:
            listener.close()
            os._exit(_run(link, said, streams))
        for stream in streams:
            os.close(stream)
        link.close()


def _import_everything() -> None:
    import app.commands

    importlib.import_module("app.migrations")
    for found in pkgutil.walk_packages(app.commands.__path__, "app.commands."):
        importlib.import_module(found.name)
    importlib.import_module("app.cli")


def _run(link: socket.socket, said: bytes, streams: "list[int] | array.array[int]") -> int:
    arguments, folder, environment = json.loads(said)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = ["autopay", *arguments]
    told = {"encoding": "utf-8", "errors": "surrogateescape", "closefd": False}
    sys.stdin = os.fdopen(0, "r", **told)
    sys.stdout = os.fdopen(1, "w", **told)
    sys.stderr = os.fdopen(2, "w", buffering=1, **(told | {"errors": "backslashreplace"}))
    code = _exit_code()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    with contextlib.suppress(OSError):
        link.send(bytes([code]))
    return code


def _exit_code() -> int:
    from app.cli import main

    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    serve(sys.argv[1])
