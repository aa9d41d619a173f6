"""The merchants that one process serves: one of them, or all that the database has keys of."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from billing import merchants_to_serve, reading
from scheduler.clock import Clock
from scheduler.engine import BillingEngine

log = logging.getLogger(__name__)

# Rules and keys that somebody has changed are in force after so long without a restart.
REREAD_SECONDS = 300.0


class Fleet(Protocol):
    """Merchants by their ids, each with the engine that bills it."""

    @property
    def database(self) -> Engine:
        """The database of all of them."""
        ...

    @property
    def clock(self) -> Clock:
        """The clock of all of them."""
        ...

    def names(self) -> list[str]:
        """Ids of the merchants to serve now."""
        ...

    def engine(self, merchant_id: str) -> BillingEngine | None:
        """The engine of a merchant; None when this process cannot serve it."""
        ...


@dataclass(frozen=True, slots=True)
class OneMerchant:
    """The fleet of a process that serves one merchant."""

    only: BillingEngine

    @property
    def database(self) -> Engine:
        """Its database."""
        return self.only.database

    @property
    def clock(self) -> Clock:
        """Its clock."""
        return self.only.clock

    def names(self) -> list[str]:
        """The one."""
        return [self.only.merchant.id]

    def engine(self, merchant_id: str) -> BillingEngine | None:
        """The engine of the one; None for any other merchant."""
        return self.only if merchant_id == self.only.merchant.id else None


@dataclass(slots=True)
class AllMerchants:
    """Every merchant that has keys; `start` makes an engine and is asked again from time to time.

    A merchant that cannot be served (its key was sealed with another master key, say) is logged and
    left out; the others go on.
    """

    database: Engine
    clock: Clock
    start: Callable[[str], BillingEngine]
    _engines: dict[str, tuple[BillingEngine | None, float]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def names(self) -> list[str]:
        """All merchants with keys, as the database has them now."""
        with reading(self.database) as connection:
            return merchants_to_serve(connection)

    def engine(self, merchant_id: str) -> BillingEngine | None:
        """The engine of a merchant, made when it is first needed; None when it cannot be.

        While the database is away the one that was made before stays.
        """
        with self._lock:
            engine, made_at = self._engines.get(merchant_id, (None, -REREAD_SECONDS))
            if time.monotonic() - made_at >= REREAD_SECONDS:
                try:
                    engine = self._started(merchant_id)
                except (DBAPIError, PoolTimeout) as error:
                    log.warning("%s: its rules cannot be read now: %s", merchant_id, error)
                    return engine
                self._engines[merchant_id] = engine, time.monotonic()
            return engine

    def _started(self, merchant_id: str) -> BillingEngine | None:
        try:
            return self.start(merchant_id)
        except (DBAPIError, PoolTimeout):
            raise
        except Exception:
            log.exception("merchant %r cannot be served from here", merchant_id)
            return None
