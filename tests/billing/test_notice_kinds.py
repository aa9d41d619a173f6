"""Every kind of notice that the program writes is listed, so that it has words and a reader."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import billing
from billing.deliveries import KINDS

ROOM = Path(billing.__file__).parent
WRITERS = {"notice_row", "agreement_notice", "merchant_notice", "_notice"}


def written_kinds() -> Iterator[tuple[str, str]]:
    """(kind, file) of each kind that stands as a text where a notice is made."""
    for file in sorted(ROOM.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield from ((kind, file.name) for kind in _texts_of(node))
            if isinstance(node, ast.FunctionDef) and _writes_told(node):
                yield from ((kind, file.name) for kind in _assigned_to_told(node))


def _texts_of(call: ast.Call) -> Iterator[str]:
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    given: list[ast.expr] = []
    if name in WRITERS:
        given = [each.value for each in call.keywords if each.arg == "kind"] + call.args[1:2]
    elif name == "append" and isinstance(call.func, ast.Attribute) and call.args:
        # `told.append((kind, …))`, from which a notice is made further down.
        told = getattr(call.func.value, "id", "") == "told"
        given = call.args[0].elts[:1] if told and isinstance(call.args[0], ast.Tuple) else []
    yield from _words(given)


def _writes_told(function: ast.FunctionDef) -> bool:
    """Whether a notice of the kind `told` is made here."""
    return any(
        each.arg == "kind" and getattr(each.value, "id", "") == "told"
        for call in ast.walk(function)
        if isinstance(call, ast.Call)
        for each in call.keywords
    )


def _assigned_to_told(function: ast.FunctionDef) -> Iterator[str]:
    """The last text of what is assigned: `told = "x"`, or `report, told = …, "x"`."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and "told" in ast.unparse(node.targets[0]):
            value = node.value
            yield from _words(value.elts[-1:] if isinstance(value, ast.Tuple) else [value])


def _words(given: Iterable[ast.expr]) -> Iterator[str]:
    for each in given:
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def test_every_kind_that_is_written_has_words_and_a_reader() -> None:
    found = dict(written_kinds())
    assert {"charged", "permission_expires", "refund_declined", "webhook_disabled"} <= set(found)
    assert {kind: file for kind, file in found.items() if kind not in KINDS} == {}
