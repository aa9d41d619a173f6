"""Starts the local Amazon Pay as the program of its own that it is, and talks to its controls."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from amazonpay.notifications import AsyncLocalCertificateFetcher
from app.output import note
from app.problems import Refused
from app.settings import Settings

START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class LocalAmazon:
    """A running local Amazon Pay: what it printed when it was ready."""

    process: subprocess.Popen[str]
    base_url: str
    control_url: str
    merchant_id: str
    store_id: str
    public_key_id: str
    private_key_file: Path
    ipn_topic_arn: str
    http: httpx.Client

    def stop(self) -> None:
        """End it; its state stays in its folder."""
        self.http.close()
        self.process.terminate()
        self.process.wait(timeout=10)

    def control(self, method: str, path: str, document: Any = None) -> Any:
        """Call the control surface and return its JSON answer."""
        answer = self.http.request(method, f"{self.control_url}{path}", json=document)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def set_clock(self, at: datetime) -> None:
        """Move its virtual clock, backwards too."""
        self.control("POST", "/clock", {"now": at.isoformat(), "force": True})

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """All items of a paged list."""
        after: str | None = None
        while True:
            mark = f"&after={after}" if after else ""
            page = self.control("GET", f"{path}?limit=1000{mark}")
            yield from page["items"]
            after = page["next"]
            if after is None:
                return


def start_local_amazon(
    *, folder: Path, arguments: Sequence[str] = (), port: int = 0
) -> LocalAmazon:
    """Start it and wait until it is ready; raises `Refused` with its own words when it is not."""
    command = [
        *(sys.executable, "-m", "amazonpay.sandbox", "--json", "--with-parent"),
        *("--dir", str(folder), "--port", str(port), *arguments),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "server.log"
    with log.open("w") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own program, no shell
            command, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    line = process.stdout.readline() if process.stdout else ""
    if not line.strip():
        process.wait(timeout=START_SECONDS)
        told = log.read_text().strip()
        raise Refused(f"the local Amazon Pay did not start: {told or 'it said nothing'}")
    ready = json.loads(line)
    return LocalAmazon(
        process=process,
        base_url=ready["base_url"],
        control_url=ready["control_url"],
        merchant_id=ready["merchant_id"],
        store_id=ready["store_id"],
        public_key_id=ready["public_key_id"],
        private_key_file=Path(ready["private_key_file"]),
        ipn_topic_arn=ready["ipn_topic_arn"],
        http=httpx.Client(timeout=60, trust_env=False),
    )


@contextmanager
def amazon_for(settings: Settings) -> Iterator[None]:
    """Make sure that Amazon can be reached: a local one of the settings is started if it is not.

    Does nothing for the real Amazon Pay, or when the local one is running already.
    """
    if settings.local_amazon_dir is None or _answers(settings.amazon_url):
        yield
        return
    port = urlsplit(settings.amazon_url).port or 0
    note(f"the local Amazon Pay was not running; starting it from {settings.local_amazon_dir}")
    amazon = start_local_amazon(
        folder=settings.local_amazon_dir, port=port, arguments=("--throttle", "off")
    )
    try:
        yield
    finally:
        amazon.stop()


def local_certificates(settings: Settings) -> AsyncLocalCertificateFetcher | None:
    """Certificates of notifications from a local Amazon Pay; None where it is the real one."""
    local = urlsplit(settings.amazon_url).hostname in ("127.0.0.1", "localhost", "::1")
    if settings.environment == "live" or not local:
        return None
    return AsyncLocalCertificateFetcher(
        base_url=settings.amazon_url, ca_file=settings.amazon_ca_file
    )


def ask_for_notifications(settings: Settings, *, address: str) -> None:
    """Have the local Amazon Pay of the settings, and no other, notify the pages at `address`."""
    if settings.local_amazon_dir is None or not _answers(settings.amazon_url):
        return
    endpoints = f"{settings.amazon_url.rstrip('/')}/__control/ipn/endpoints"
    url = f"{address}amazon-pay/notifications/{settings.merchant}"
    with httpx.Client(timeout=10, trust_env=False) as http:
        http.delete(endpoints).raise_for_status()
        http.post(endpoints, json={"url": url}).raise_for_status()


def _answers(url: str) -> bool:
    try:
        httpx.get(url, timeout=2, trust_env=False)
    except httpx.TransportError:
        return False
    return True
