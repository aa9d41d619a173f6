"""docs/local-amazon-pay.md names every control call, option and switch, and no others."""

import re
from types import SimpleNamespace
from typing import Any

from support.house import ROOT

from amazonpay.sandbox.cli import _parser
from amazonpay.sandbox.control import Control
from amazonpay.sandbox.desk import PREFIX
from amazonpay.sandbox.faults import KINDS, NOTIFICATION_KINDS
from amazonpay.sandbox.notifications.style import FIELDS
from amazonpay.sandbox.settlement.control_options import _NAMES
from amazonpay.sandbox.simulation import BEHAVIOURS, SIMULATION_CODES
from amazonpay.sandbox.switches import SWITCHES

PAGE = (ROOT / "docs/local-amazon-pay.md").read_text(encoding="utf-8")
TABLE = PAGE[PAGE.index("## Control surface") : PAGE.index("## Behaviours")]


def calls() -> set[tuple[str, str]]:
    """Method and path of every route of the control surface."""
    desk: Any = SimpleNamespace(world=SimpleNamespace(store=None), clock=None)
    nobody: Any = None
    routes: Any = Control(desk=desk, throttle=nobody, faults=nobody).app.routes
    return {
        (method, route.path.removeprefix(PREFIX))
        for route in routes
        for method in route.methods - {"HEAD"}
    }


def test_the_table_of_the_control_surface_is_complete() -> None:
    assert set(re.findall(r"`(GET|POST|PATCH|DELETE) (/[^` ]+)`", TABLE)) == calls()


def test_every_option_and_switch_is_named() -> None:
    options = {name for action in _parser()._actions for name in action.option_strings}
    named = set(re.findall(r"[A-Za-z0-9_-]+", PAGE))
    assert {*SWITCHES, *FIELDS, *_NAMES, *options} - {"-h", "--help"} <= named


def test_every_fault_behaviour_and_code_is_named() -> None:
    codes = {code for known in SIMULATION_CODES.values() for code in known}
    named = set(re.findall(r"`([^`\n]+)`", PAGE))
    assert {*KINDS, *NOTIFICATION_KINDS, *BEHAVIOURS, *codes} <= named
