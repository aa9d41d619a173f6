"""A year of charges of a million subscriptions: totals, verdicts of the cap, who hits it when.

It says what `forecast` says, charge by charge, but works in columns and keeps only totals. It is
a door of its own, because it needs numpy and `forecast` does not.
"""

from billing.mass_forecast.cap import VERDICTS, Judged, Parts
from billing.mass_forecast.columns import (
    Agreements,
    Charges,
    Horizon,
    OpenCharges,
    Slice,
    TakenRoom,
)
from billing.mass_forecast.reading import HitNames, names_of_hits
from billing.mass_forecast.whole import (
    CapHit,
    MassForecast,
    MonthTotal,
    VerdictTotal,
    forecast_in_mass,
    forecast_of_slices,
    horizon_of,
    judged_pieces,
    totals_of,
)

__all__ = [
    "VERDICTS",
    "Agreements",
    "CapHit",
    "Charges",
    "HitNames",
    "Horizon",
    "Judged",
    "MassForecast",
    "MonthTotal",
    "OpenCharges",
    "Parts",
    "Slice",
    "TakenRoom",
    "VerdictTotal",
    "forecast_in_mass",
    "forecast_of_slices",
    "horizon_of",
    "judged_pieces",
    "names_of_hits",
    "totals_of",
]
