"""What the last screen shows and keeps as evidence: the six items of the law, drawn once.

What is shown and what is stored are the same bytes: the page puts this very text into itself.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

from fastapi import Request
from jinja2 import Environment, meta

from app.web.shell import Shell, words_of
from app.web.shell.rendering import environment
from app.web.shell.words import catalogue_files
from billing.checkouts import ConsentShown, Offer
from billing.deliveries import NoticeRules
from plans import AnchorRule, CancellationFee, Unit, cancellation_fee
from plans.lifecycle import EarlyLeave, Policy

TEMPLATE = "mypage/offer.html"
CUTOFF_DAYS = Policy().cutoff_days
# A month has these days at least; later ones need a word about short months.
SHORTEST_MONTH = 28


@dataclass(frozen=True, slots=True)
class TimeWords:
    """The rule of the charge dates in figures that the words need.

    `day` is the day of the month (0 for cycles of weeks and days), `at_month_end` when it is the
    last one, `may_lack` when short months do not have it. `free_from` is the first day on which
    the minimum term is done.
    """

    unit: str
    count: int
    day: int
    at_month_end: bool
    may_lack: bool
    free_from: date | None

    @classmethod
    def of(cls, offer: Offer) -> "TimeWords":
        """Of an offer, by its own anchor."""
        interval, first = offer.price.interval, offer.first_paid_on
        monthly = interval.unit in (Unit.MONTH, Unit.YEAR)
        day = offer.plan.anchor_day or (first.day if first is not None and monthly else 0)
        month_end = offer.plan.anchor_rule is AnchorRule.LAST_DAY
        return cls(
            unit=interval.unit.value,
            count=interval.count,
            day=0 if month_end else day,
            at_month_end=monthly and month_end,
            may_lack=monthly and not month_end and day > SHORTEST_MONTH,
            free_from=_free_from(offer),
        )


def consent_shown(
    shell: Shell,
    request: Request,
    *,
    kind: str,
    rules: NoticeRules,
    offer: Offer | None,
    figures: Mapping[str, object],
    extra: Mapping[str, object],
) -> ConsentShown:
    """Draw the offer as it is to be shown and kept; `figures` are its plain values."""
    return drawn_consent(
        shell,
        request,
        template=TEMPLATE,
        kind=kind,
        figures=figures,
        values={
            "offer": offer,
            "times": None if offer is None else TimeWords.of(offer),
            "rules": rules,
            "cutoff_days": CUTOFF_DAYS,
            "early_fee": None if offer is None else _early_fee(shell, offer),
            **extra,
        },
    )


def _early_fee(shell: Shell, offer: Offer) -> CancellationFee | None:
    """What leaving after the first payment costs; None where nobody may leave so early."""
    fee = cancellation_fee(price=offer.price, quantity=offer.wanted.quantity, cycles_done=1)
    return fee if fee.yen and EarlyLeave(shell.leave_early) is EarlyLeave.FOR_FEE else None


def drawn_consent(
    shell: Shell,
    request: Request,
    *,
    template: str,
    kind: str,
    figures: Mapping[str, object],
    values: Mapping[str, object],
) -> ConsentShown:
    """Draw a part of a last screen that is to be shown and kept, from any template."""
    words = words_of(request)
    html = environment().get_template(template).render(t=words, merchant=shell.merchant, **values)
    return ConsentShown(
        kind=kind,
        html=html.strip(),
        language=words.language,
        wording=wording_version(template, words.language),
        offer=figures,
        source=request.client.host if request.client else "",
        agent=request.headers.get("user-agent", ""),
    )


def sources_of(templates: Environment, template: str) -> dict[str, str]:
    """The text of a template and of all that it imports or includes, by name."""
    if templates.loader is None:
        raise AssertionError("templates without a loader")
    found: dict[str, str] = {}
    wanted = [template]
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        found[name], _, _ = templates.loader.get_source(templates, name)
        named = meta.find_referenced_templates(templates.parse(found[name]))
        wanted += [each for each in named if each is not None]
    return found


@cache
def wording_version(template: str, language: str) -> str:
    """Which words and layout these are: a fingerprint of the templates and of the catalogue."""
    return wording_of(environment(), template, language)


def wording_of(templates: Environment, template: str, language: str) -> str:
    """The same, worked out anew from given templates."""
    made = hashlib.sha256()
    for name, source in sorted(sources_of(templates, template).items()):
        made.update(f"{name}\0{source}\0".encode())
    for file in catalogue_files(language):
        if file.name.startswith("mypage"):
            made.update(file.read_bytes())
    return f"{language}-{made.hexdigest()[:12]}"


def _free_from(offer: Offer) -> date | None:
    """The first day on which a cancellation may take effect; None without a minimum term."""
    minimum = offer.price.minimum_cycles
    cycles = [b for b in (*offer.quote.today, *offer.quote.coming) if b.cycle is not None]
    return cycles[minimum].on if 0 < minimum < len(cycles) else None
