"""The rules of the house that a reader of source code can check; each offence names its remedy."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator

from support.house import DOORS, ROOMS, Module

FUNCTION_LINES = 70
MODULE_LINES = 450

CLOCK = frozenset(
    {
        *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today"),
        *("datetime.date.today", "time.time", "time.time_ns", "time.localtime", "time.gmtime"),
        *("time.ctime", "time.strftime", "sqlalchemy.func.now", "sqlmodel.func.now"),
        *("sqlalchemy.func.current_timestamp", "sqlmodel.func.current_timestamp"),
        *("sqlalchemy.func.current_date", "sqlmodel.func.current_date"),
    }
)
SQL_CLOCK = re.compile(r"\b(CURRENT_TIMESTAMP|CURRENT_DATE|CURRENT_TIME)\b|\bnow\(\)|'now'", re.I)


def clock_reads(module: Module) -> Iterator[str]:
    """Every place that reads the time of day, whether it calls a clock or only hands one on."""
    names = _imported_names(module.tree)
    remedy = "take `at` or `on` as an argument; only scheduler/ and app/ read a clock"
    for node in ast.walk(module.tree):
        dotted = _dotted(node, names)
        if dotted in CLOCK:
            yield f"{module.path}:{_line(node)}: {dotted}: {remedy}"
    for text in _plain_strings(module.tree):
        if found := SQL_CLOCK.search(str(text.value)):
            yield f"{module.path}:{text.lineno}: SQL {found.group()}: {remedy}"


def inexact_arithmetic(module: Module) -> Iterator[tuple[str, str]]:
    """Every use of float, `/` or round(): (qualified name of the function around it, offence)."""
    for scope, node in _with_scope(module.tree, ()):
        if what := _inexact(node):
            yield (
                f"{module.path}::{scope or '<module>'}",
                f"{module.path}:{_line(node)}: {what}: yen are int; multiply first, keep fractions"
                " in fractions.Fraction and round once by the named rule",
            )


def long_functions(module: Module, *, limit: int = FUNCTION_LINES) -> Iterator[str]:
    """Every function longer than can be seen whole."""
    for function in module.functions():
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        if length > limit:
            yield (
                f"{module.path}:{function.lineno}: {function.name} has {length} lines, the limit is"
                f" {limit}: keep the branching here and move the arithmetic into pure functions"
            )


def long_module(module: Module, *, limit: int = MODULE_LINES) -> Iterator[str]:
    """The module itself when it holds more than one idea's worth of lines."""
    length = len(module.text.splitlines())
    if length > limit:
        yield f"{module.path}: {length} lines, the limit is {limit}: two ideas, make two files"


def back_door_imports(module: Module) -> Iterator[str]:
    """Every import from inside another room instead of from its public door."""
    own = module.dotted.split(".")[0]
    for node in ast.walk(module.tree):
        for target in _import_targets(node):
            room = target.split(".")[0]
            if room in ROOMS and room != own and target not in DOORS:
                yield (
                    f"{module.path}:{_line(node)}: imports {target}: import from `{room}`, and let"
                    f" {room}/__init__.py list the name in __all__ if others may use it"
                )


def public_door_faults(package: str) -> Iterator[str]:
    """What is wrong with a package's public door: `__all__`, its names and their docstrings."""
    door = importlib.import_module(package)
    names = getattr(door, "__all__", None)
    if names is None:
        yield f"{package}/__init__.py has no __all__: list there what other rooms may use"
        return
    if not (door.__doc__ or "").strip():
        yield f"{package}/__init__.py has no docstring: say in a line or two what the room is for"
    for name in names:
        thing = getattr(door, name, None)
        if not hasattr(door, name):
            yield f"{package}.__all__ names {name}, which does not exist: remove or import it"
        elif (inspect.isfunction(thing) or inspect.isclass(thing)) and not inspect.getdoc(thing):
            yield f"{package}.{name} has no docstring: say what the caller gets, units and errors"


def _imported_names(tree: ast.Module) -> dict[str, str]:
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _dotted(node: ast.AST, names: dict[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value, names)
        return f"{owner}.{node.attr}" if owner else None
    return None


def _plain_strings(tree: ast.Module) -> Iterator[ast.Constant]:
    """String literals that are not a statement of their own, as docstrings are."""
    standing_alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in standing_alone:
            continue
        if isinstance(node.value, str):
            yield node


def _with_scope(node: ast.AST, scope: tuple[str, ...]) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        inner = scope
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = (*scope, child.name)
        yield ".".join(scope), child
        yield from _with_scope(child, inner)


def _inexact(node: ast.AST) -> str | None:
    match node:
        case ast.Constant(value=float() as value):
            return f"float literal {value}"
        case ast.Name(id="float" | "round" as name):
            return name
        case ast.BinOp(op=ast.Div(), right=right) if not _is_text(right):
            return "true division"
        case ast.AugAssign(op=ast.Div()):
            return "true division"
    return None


def _is_text(node: ast.AST) -> bool:
    """True for the right side of `folder / "name"`, which joins paths and divides nothing."""
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _import_targets(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module


def _line(node: ast.AST) -> int:
    return getattr(node, "lineno", 0)
