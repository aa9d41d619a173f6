"""Bad usage in the house's words: what was typed, which rule it breaks, what to give instead.

The library that reads the command line speaks of types and inputs; whoever typed knows neither.
"""

from typing import Any

import typer
from pydantic import ValidationError

__all__ = ["usage_words"]

_LONGEST_SHOWN = 60


def usage_words(error: typer.TyperException) -> str:
    """One line about a command line that was not understood."""
    context, parameter = getattr(error, "ctx", None), getattr(error, "param", None)
    seen = "" if context is None else f"{context.command_path} --help"
    cause = error.__cause__
    if parameter is None and isinstance(error, typer.BadParameter):
        return error.format_message()  # a command's own words, which say what to write
    if parameter is None:
        said = error.format_message().rstrip(".")
        return f"{said}; see: {seen}" if seen else said
    if isinstance(cause, ValidationError):
        first = cause.errors()[0]
        typed, rule = _shown(first["input"]), _rule(parameter, dict(first))
        return f"{_name(parameter)} {typed}: {rule}; {_remedy(parameter, seen)}"
    if isinstance(error, typer.BadParameter) and not error.message:
        return f"{error.format_message().rstrip('.')}; {_remedy(parameter, seen)}"
    return error.format_message()


def _name(parameter: Any) -> str:
    options: list[str] = parameter.opts
    return max(options, key=len)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def _rule(parameter: Any, problem: dict[str, Any]) -> str:
    choices = getattr(parameter.type_descriptor.annotation, "__args__", ())
    kind = str(problem["type"])
    if kind.startswith(("greater_than", "less_than")) or kind == "int_parsing_size":
        return f"is not from {parameter.min:,} to {parameter.max:,}"
    if kind.startswith("int_"):
        return "is not a whole number"
    if choices and all(isinstance(choice, str) for choice in choices):
        return f"is none of {', '.join(choices)}"
    return str(problem["msg"])


def _remedy(parameter: Any, seen: str) -> str:
    return f"give {parameter.help}; {seen} has an example"
