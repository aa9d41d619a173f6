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

from billing import CannotUnseal, NoKeys, merchant_mark, merchants_to_serve, reading
from scheduler.clock import Clock
from scheduler.engine import BillingEngine

log = logging.getLogger(__name__)

# A merchant that could not be served is looked at again after so long.
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


@dataclass(slots=True)
class OneMerchant:
    """The fleet of a process that serves one merchant, by its rules and keys of now."""

    only: BillingEngine
    _lock: Lock = field(default_factory=Lock)

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
        if merchant_id != self.only.merchant.id:
            return None
        with self._lock:
            self.only = of_now(self.only)
            return self.only


@dataclass(slots=True)
class AllMerchants:
    """Every merchant that has keys; `start` makes an engine.

    It is asked again when rules or keys were changed, and from time to time. A merchant that cannot
    be served (its key was sealed with another master key, say) is logged and left out; the others
    go on.
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
            elif engine is not None and (now := of_now(engine)) is not engine:
                engine = now
                self._engines[merchant_id] = engine, made_at
            return engine

    def _started(self, merchant_id: str) -> BillingEngine | None:
        try:
            return self.start(merchant_id)
        except (DBAPIError, PoolTimeout):
            raise
        except Exception:
            log.exception("merchant %r cannot be served from here", merchant_id)
            return None


def of_now(engine: BillingEngine) -> BillingEngine:
    """The engine by the rules and keys that hold now: itself, or one that was made again.

    While they cannot be read, or the new key cannot be opened, the one of before goes on.
    """
    if engine.again is None:
        return engine
    name = engine.merchant.id
    try:
        with reading(engine.database) as connection:
            if merchant_mark(connection, name) == engine.mark:
                return engine
        made = engine.again()
    except (DBAPIError, PoolTimeout) as error:
        log.warning("%s: its rules cannot be read now: %s", name, error)
        return engine
    except (CannotUnseal, NoKeys) as error:
        log.error("%s: its new key cannot be used, the old one stays: %s", name, error)
        return engine
    log.info("%s: rules or keys were changed and are in force from now on", name)
    return made
