"""A price list as YAML: read whole, checked whole, every fault told at once with its place.

The file holds `plans:`, a list, and may hold `add_ons:`, `coupons:`, `families:`, `migrations:`
and `dunning:`. docs/catalogue-file.md explains every key.
"""

from __future__ import annotations

from datetime import date

import yaml

from plans.catalogue.catalogue import Catalogue
from plans.catalogue.checks import Parts, whole_faults
from plans.catalogue.prices import Plan, Price
from plans.catalogue_file.offers import SECTIONS, read_offers
from plans.catalogue_file.parts import code_text, refuse_at
from plans.catalogue_file.prices import PLAN_KEYS, read_plan, read_prices
from plans.catalogue_file.yaml_nodes import (
    Fields,
    Findings,
    Problem,
    Value,
    expanded_size,
    read_fields,
    read_list,
)
from plans.errors import PlansError

__all__ = ["CatalogueProblems", "parse_catalogue"]


# A plan takes about 30; reading this many takes seconds. An alias is counted as what it repeats.
_NODES_MAX = 1_000_000


class CatalogueProblems(PlansError):
    """The price list has faults and nothing of it is used; `problems` holds them in file order."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


def parse_catalogue(text: str) -> Catalogue:
    """Read a price list; raises CatalogueProblems with every fault, and then uses nothing."""
    findings = Findings()
    parts = _read_file(_compose(text), findings)
    if findings.problems:
        raise CatalogueProblems(tuple(sorted(findings.problems, key=_place)))
    return Catalogue.of_parts(parts)


def _place(problem: Problem) -> tuple[int, int]:
    return problem.line, problem.column


def _compose(text: str) -> yaml.Node:
    """Turn the text into nodes without constructing anything; syntax faults end the reading."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        size = 0 if root is None else expanded_size(root)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _not_yaml(line, column, fault.problem or "is not YAML") from fault
    except yaml.reader.ReaderError as fault:
        before = text[: fault.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise _not_yaml(line, column, "holds a character that YAML does not allow") from fault
    except RecursionError as fault:
        raise _not_yaml(1, 1, "is nested too deeply to be a price list") from fault
    except (OverflowError, ValueError) as fault:  # so PyYAML ends at the escape \UFFFFFFFF
        raise _not_yaml(1, 1, "holds an escape that stands for no character") from fault
    if root is None:
        raise _not_yaml(1, 1, "is empty")
    if size > _NODES_MAX:
        raise _not_yaml(1, 1, f"holds more than {_NODES_MAX:,} values, aliases written out")
    return root


def _not_yaml(line: int, column: int, rule: str) -> CatalogueProblems:
    remedy = "mend the file there; it starts with plans: and a list"
    return CatalogueProblems((Problem(line, column, "file", None, rule, remedy),))


def _read_file(root: yaml.Node, findings: Findings) -> Parts:
    file = read_fields(Value(root, "", findings), known=["plans", *SECTIONS])
    if file is None:
        return Parts((), ())
    plans, prices, guessed, entries = _read_plans(file)
    placed = list(read_offers(file))
    parts = Parts.of(plans, prices, [offer for offer, _ in placed], guessed=guessed)
    places: dict[tuple[str, str, date], Fields] = {
        (offer.section, offer.code, offer.valid_from): fields for offer, fields in placed
    }
    places |= {("plans", code, date.min): fields for code, fields in entries.items()}
    for fault in whole_faults(parts):
        refuse_at(places[fault.section, fault.code, fault.valid_from], fault.problem)
    return parts


def _read_plans(file: Fields) -> tuple[list[Plan], list[Price], set[str], dict[str, Fields]]:
    """Read plans and prices, name the plans that have faults, and say where each stands."""
    plans: dict[str, Plan] = {}
    places: dict[str, Fields] = {}
    prices: list[Price] = []
    guessed: set[str] = set()
    for entry in file.required("plans", read_list) or []:
        fields = read_fields(entry, known=PLAN_KEYS)
        if fields is None:
            continue
        code = fields.required("code", code_text)
        known = len(entry.findings.problems)
        plan = read_plan(fields, code or "unnamed")
        dated = read_prices(fields, plan)
        if len(entry.findings.problems) > known:
            guessed.add(plan.code)
        if code in plans:
            fields.values["code"].refuse(
                rule="another plan has this code", remedy="give every plan a code of its own"
            )
        elif code:
            plans[code], places[code] = plan, fields
            prices.extend(dated)
    return list(plans.values()), prices, guessed, places
