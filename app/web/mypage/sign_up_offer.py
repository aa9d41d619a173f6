"""What the last screen shows and keeps as evidence: the six items of the law, drawn once.

What is shown and what is stored are the same bytes: the page puts this very text into itself.
"""

import hashlib
from collections.abc import Mapping
from functools import cache, partial

from fastapi import Request
from jinja2 import Environment, meta

from app.web.mypage.charge_days import ChargeDays
from app.web.shell import Shell, local_time, words_of
from app.web.shell.rendering import environment
from app.web.shell.words import catalogue_files
from billing.checkouts import ConsentShown, Offer
from billing.deliveries import NoticeRules
from plans import CancellationFee, Price, cancellation_fee
from plans.lifecycle import EarlyLeave, Policy

TEMPLATE = "mypage/offer.html"
CUTOFF_DAYS = Policy().cutoff_days


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
            "times": None if offer is None else ChargeDays.of(offer),
            "rules": rules,
            "cutoff_days": CUTOFF_DAYS,
            "local": partial(local_time, timezone=shell.merchant.timezone),
            "early_fee": None if offer is None else _early_fee(shell, offer),
            **extra,
        },
    )


def _early_fee(shell: Shell, offer: Offer) -> CancellationFee | None:
    fee = first_fee(price=offer.price, quantity=offer.wanted.quantity)
    return charged_fee(shell, fee)


def first_fee(*, price: Price, quantity: int) -> CancellationFee:
    """What leaving after the first payment costs; before it a trial is free to leave."""
    return cancellation_fee(price=price, quantity=quantity, cycles_done=1)


def charged_fee(shell: Shell, fee: CancellationFee) -> CancellationFee | None:
    """The fee as a last screen says it; None where nobody may leave within the minimum term."""
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
        for each in meta.find_referenced_templates(templates.parse(found[name])):
            if each is None:
                raise AssertionError(f"{name} names a template by a figure, so nobody knows which")
            wanted.append(each)
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
