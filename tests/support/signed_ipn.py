"""Signed deliveries for tests outside the room of `amazonpay.notifications`, whose own they are."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

_FOLDER = Path(__file__).resolve().parents[1] / "amazonpay" / "notifications"


def _loaded(name: str) -> ModuleType:
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, _FOLDER / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


ipn = _loaded("ipn_helpers")
"""Envelopes, signatures, fetchers that count: see tests/amazonpay/notifications/ipn_helpers.py."""


def hostile_urls() -> dict[str, str]:
    """Certificate URLs that must lead to no connection, by what is wrong with them."""
    found: dict[str, str] = _loaded("test_ipn_hostile_urls").HOSTILE
    return found
