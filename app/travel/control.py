"""What the time machine asks of the local Amazon Pay: its clock, its buyers, its faults.

These paths exist at no real Amazon; a client is made for an address on this machine only.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from app.problems import Refused
from app.settings import Settings

THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
CONTROL = "/__control"
SECONDS = 30


@dataclass(frozen=True, slots=True)
class LocalControl:
    """The control surface at `url`. Everything raises `Refused` when it does not do as asked."""

    url: str

    def now(self) -> datetime:
        """What time it is at Amazon."""
        return datetime.fromisoformat(self._ask("GET", "/clock")["now"])

    def move_to(self, at: datetime) -> None:
        """Move its clock forward; timers on the way fire in order. Never back."""
        if at > self.now():
            self._ask("POST", "/clock", {"now": at.isoformat()})

    def change_permission(self, permission_id: str, **change: Any) -> None:
        """What the buyer or Amazon does to a charge permission."""
        self._ask("PATCH", f"/charge-permissions/{permission_id}", change)

    def permission(self, permission_id: str) -> dict[str, Any]:
        """A charge permission as Amazon has it."""
        found: dict[str, Any] = self._ask("GET", f"/charge-permissions/{permission_id}")
        return found

    def add_fault(self, **fault: Any) -> None:
        """Plant something that goes wrong at a coming call or notification."""
        self._ask("POST", "/faults", [fault])

    def _ask(self, method: str, path: str, document: Any = None) -> Any:
        try:
            with httpx.Client(timeout=SECONDS, trust_env=False) as http:
                answer = http.request(method, f"{self.url}{path}", json=document)
                answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            raise Refused(f"the local Amazon Pay refused: {_reason(error.response)}") from error
        except httpx.HTTPError as error:
            raise Refused(
                f"the local Amazon Pay at {self.url} does not answer ({error}); start it again"
            ) from error
        return answer.json() if answer.content else None


def local_control(settings: Settings) -> LocalControl | None:
    """The controls of the local Amazon Pay of the settings; None for any other Amazon."""
    is_local = urlsplit(settings.amazon_url).hostname in THIS_MACHINE
    if settings.environment != "sandbox" or settings.local_amazon_dir is None or not is_local:
        return None
    return LocalControl(settings.amazon_url.rstrip("/") + CONTROL)


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["reason"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"
