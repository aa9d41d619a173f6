"""What the back office looks at: figures, lists and stories, read only.

Nothing here decides or writes. A question costs what it shows: open rows, one period, one customer.
"""

from billing.desk.charged import ChargedAgain, charged_again
from billing.desk.coming import Coming, ComingRow, cap_hits, coming_charges, coming_rows
from billing.desk.customer import (
    CustomerCard,
    InvoiceFacts,
    OwnedSubscription,
    PermissionFacts,
    customer_card,
    customer_of_subscription,
    invoices_of,
)
from billing.desk.days import (
    Amounts,
    DayFigures,
    DayTotals,
    day_bounds,
    day_figures,
    few_day_figures,
    first_charged_day,
    months_of_days,
)
from billing.desk.failures import (
    FAILURE_STATES,
    Declined,
    FailureGroup,
    FailureRow,
    declined_rows,
    failure_groups,
    failure_rows,
    failures_chosen,
)
from billing.desk.growth import GrowthMonth, growth, monthly_yen
from billing.desk.search import FoundCustomer, search_customers, subscriptions_named
from billing.desk.timeline import Step, StepKind, timeline
from billing.desk.today import Figure, OpenFigures, open_figures

__all__ = [
    "FAILURE_STATES",
    "Amounts",
    "ChargedAgain",
    "Coming",
    "ComingRow",
    "CustomerCard",
    "DayFigures",
    "DayTotals",
    "Declined",
    "FailureGroup",
    "FailureRow",
    "Figure",
    "FoundCustomer",
    "GrowthMonth",
    "InvoiceFacts",
    "OpenFigures",
    "OwnedSubscription",
    "PermissionFacts",
    "Step",
    "StepKind",
    "cap_hits",
    "charged_again",
    "coming_charges",
    "coming_rows",
    "customer_card",
    "customer_of_subscription",
    "day_bounds",
    "day_figures",
    "declined_rows",
    "failure_groups",
    "failure_rows",
    "failures_chosen",
    "few_day_figures",
    "first_charged_day",
    "growth",
    "invoices_of",
    "monthly_yen",
    "months_of_days",
    "open_figures",
    "search_customers",
    "subscriptions_named",
    "timeline",
]
