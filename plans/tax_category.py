"""How consumption tax sees what is sold; the rates themselves are dated and live in billing."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["TaxCategory"]


class TaxCategory(StrEnum):
    """How consumption tax sees a supply; a category, because two different rates may be 8 %."""

    STANDARD = "standard"  # 標準税率
    REDUCED = "reduced"  # 軽減税率
    EXEMPT = "exempt"  # 免税 (exports)
    NON_TAXABLE = "non_taxable"  # 非課税
    OUT_OF_SCOPE = "out_of_scope"  # 不課税 (対象外)
