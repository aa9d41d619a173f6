"""The merchant's rules as they are now: an owner may change them while the pages are served."""

import time
from dataclasses import dataclass, field
from threading import Lock

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from billing import Merchant, load_merchant, reading

SECONDS = 2.0
"""How old what a page goes by may be; whoever acts reads the rules anew in the transaction."""


@dataclass(slots=True)
class RulesOfNow:
    """One merchant's rules, read again every two seconds and after every change made here."""

    database: Engine
    _merchant: Merchant
    _read_at: float = field(default_factory=time.monotonic)
    _lock: Lock = field(default_factory=Lock)

    @property
    def merchant(self) -> Merchant:
        """The rules; those of before while the database does not answer."""
        if time.monotonic() - self._read_at < SECONDS:
            return self._merchant
        # One reader asks; the others go on by what they have.
        if self._lock.acquire(blocking=False):
            try:
                with reading(self.database) as connection:
                    self._merchant = load_merchant(connection, self._merchant.id)
            except (DBAPIError, PoolTimeout):
                pass
            finally:
                self._read_at = time.monotonic()
                self._lock.release()
        return self._merchant

    def forget(self) -> None:
        """Rules were changed just now: the next look reads them."""
        self._read_at = float("-inf")
