"""The room's door lists exactly what other rooms may use, and nothing slips in behind it."""

import inspect

import plans


def test_all_is_exactly_what_the_door_imports():
    offered = {
        name
        for name, thing in vars(plans).items()
        if not name.startswith("_") and not inspect.ismodule(thing)
    }
    assert offered == set(plans.__all__)


def test_all_is_sorted_and_without_repeats():
    assert list(plans.__all__) == sorted(set(plans.__all__), key=_as_ruff_sorts)


def _as_ruff_sorts(name: str) -> tuple[int, str]:
    """CONSTANTS first, then Classes, then functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)
