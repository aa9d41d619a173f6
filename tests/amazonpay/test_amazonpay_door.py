"""The public door lists exactly what the package offers."""

import types

import amazonpay


def test_the_door_lists_exactly_what_it_offers():
    offered = {
        name
        for name, value in vars(amazonpay).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert offered == set(amazonpay.__all__)


def test_the_list_is_sorted_and_without_repetition():
    constants = sorted(n for n in amazonpay.__all__ if n.isupper())
    classes = sorted(n for n in amazonpay.__all__ if n[0].isupper() and not n.isupper())
    functions = sorted(n for n in amazonpay.__all__ if n[0].islower())
    assert amazonpay.__all__ == constants + classes + functions
    assert len(set(amazonpay.__all__)) == len(amazonpay.__all__)
