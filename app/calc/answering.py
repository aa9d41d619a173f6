"""One JSON line in, one JSON line out, whatever the line holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Any, TextIO

from amazonpay import InvalidArgument
from app.calc import agreement_ops, catalogue_ops, contract, paid_time_ops, quote_ops
from app.calc.reading import Input, Refusal, read_line
from plans import BadInput

__all__ = ["OPERATORS", "answer", "run"]

_Answer = dict[str, Any]

# Every operation by its name; each module of this package brings its own.
OPERATORS = MappingProxyType[str, Callable[[Input], _Answer]](
    {
        **contract.OPERATORS,
        **catalogue_ops.OPERATORS,
        **paid_time_ops.OPERATORS,
        **agreement_ops.OPERATORS,
        **quote_ops.OPERATORS,
    }
)


def run(lines: Iterable[str], out: TextIO) -> None:
    """Answer every line that is not blank, in order, one line each."""
    for line in lines:
        given = answer(line)
        if given is not None:
            out.write(_written(given) + "\n")


def answer(line: str) -> _Answer | None:
    """Answer one line; None for a blank one. Never raises for what a line may hold."""
    if not line.strip():
        return None
    try:
        return _dispatch(read_line(line))
    except Refusal as refusal:
        return _error(refusal.field, refusal.reason)
    except BadInput as fault:
        return _error(fault.field, fault.reason)
    except InvalidArgument as fault:
        return _error(fault.field, f"{fault.rule}; {fault.remedy}")


def _dispatch(request: Input) -> _Answer:
    name = request.text("op")
    if name not in OPERATORS:
        raise Refusal("op", f"unknown operator; use one of {', '.join(OPERATORS)}")
    return OPERATORS[name](request)


def _error(field: str | None, reason: str) -> _Answer:
    return {"error": {"field": field, "reason": reason}}


def _written(given: _Answer) -> str:
    text = json.dumps(given, ensure_ascii=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        # Half a surrogate pair came in, as \ud800; it can go out only as it came.
        return json.dumps(given, ensure_ascii=True)
    return text
