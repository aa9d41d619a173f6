"""Reads `--set NAME=VALUE`: every switch of `Options` that has no option of its own."""

from dataclasses import asdict
from typing import Final, Literal, get_args, get_origin, get_type_hints

from amazonpay.sandbox.options import Options

Value = int | bool | str | tuple[str, ...]

_OWN_OPTIONS: Final = frozenset(
    {"throttle", "cap_zone", "amount_limit_yen", "refunds_restore_cap", "fault_seed"}
)
SWITCHES: Final[dict[str, Value]] = {
    name: default for name, default in asdict(Options()).items() if name not in _OWN_OPTIONS
}
"""Names and defaults, in the order of `Options`."""
_CHOICES: Final[dict[str, dict[str, Value]]] = {
    name: {str(choice): choice for choice in get_args(hint)}
    for name, hint in get_type_hints(Options).items()
    if get_origin(hint) is Literal
}
_HIGHEST: Final = {"ms": 10**12, "seconds": 10**9, "yen": 10**7}
_HIGHEST_COUNT: Final = 1_000
_TRUTHS: Final = {"true": True, "false": False}


def parse_switch(text: str) -> tuple[str, Value]:
    """Name and value of `NAME=VALUE`.

    A value is one of a few choices, true or false, a whole number from 0, or words with commas.
    Raises ValueError naming the switch, the value and the rule.
    """
    name, equals, value = text.partition("=")
    default = SWITCHES.get(name)
    if default is None or not equals:
        raise ValueError(f"{text!r} is not NAME=VALUE; names are {', '.join(SWITCHES)}")
    if name in _CHOICES:
        return name, _choice(name, value)
    if isinstance(default, bool):
        return name, _truth(name, value)
    if isinstance(default, int):
        return name, _whole(name, value)
    return name, tuple(word for word in value.split(",") if word)


def _choice(name: str, value: str) -> Value:
    choices = _CHOICES[name]
    if value not in choices:
        raise ValueError(f"{name} is {value!r:.40}; write {' or '.join(choices)}")
    return choices[value]


def _truth(name: str, value: str) -> bool:
    if value not in _TRUTHS:
        raise ValueError(f"{name} is {value!r}; write true or false")
    return _TRUTHS[value]


def _whole(name: str, value: str) -> int:
    highest = _HIGHEST.get(name.rpartition("_")[2], _HIGHEST_COUNT)
    if not (value.isascii() and value.isdigit() and len(value) < 14 and int(value) <= highest):
        raise ValueError(f"{name} is {value!r:.40}; write a whole number from 0 to {highest}")
    return int(value)
