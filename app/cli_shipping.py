"""The command line `autopay shipment …` and `autopay charge chargeback`."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli_options import MOST, At, Json, Lang, day, instant

shipment_cli = typer.Typer(
    help="Goods that were authorised: what waits for its shipment, what has left.",
    no_args_is_help=True,
)

Reference = Annotated[str, typer.Argument(help="reference of the charge, as in: shipment list")]


@shipment_cli.command("list")
def list_(lang: Lang = "ja", as_json: Json = False) -> None:
    """What is authorised and waits to be shipped, the soonest to lapse first.

    Example: autopay shipment list
    """
    from app.commands import shipping

    shipping.show_waiting(language=lang, as_json=as_json)


@shipment_cli.command("ship")
def ship(
    reference: Reference,
    amount: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="yen that were shipped, when not all was")
    ] = None,
    on: Annotated[str | None, typer.Option(help="day it left, 2026-12-01 (default today)")] = None,
    actor: Annotated[str, typer.Option("--by", help="who says so, for the books")] = "staff",
    at: At = None,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """Record that goods have left, and take their money; exits 1 when Amazon does not give it.

    Example: autopay shipment ship cust-00005-0014-renewal
    """
    from app.commands import shipping

    shipping.ship(
        reference=reference,
        amount_yen=amount,
        shipped_on=day(on, option="--on"),
        actor=actor,
        at=instant(at),
        language=lang,
        as_json=as_json,
    )


@shipment_cli.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV with reference,shipped_on,amount")],
    actor: Annotated[str, typer.Option("--by", help="who says so, for the books")] = "staff",
    at: At = None,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """Record a file of shipments, all or none, and take their money.

    Example: autopay shipment import shipped.csv
    """
    from app.commands import shipping

    shipping.import_file(file, actor=actor, at=instant(at), language=lang, as_json=as_json)


@shipment_cli.command("cancel")
def cancel(
    reference: Reference,
    reason: Annotated[str, typer.Option(help="why the goods are not shipped, for the books")],
    actor: Annotated[str, typer.Option("--by", help="who says so, for the books")] = "staff",
    at: At = None,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """Cancel an authorisation of goods that will not be shipped; this cycle costs nothing then.

    Example: autopay shipment cancel cust-00005-0014-renewal --reason "sold out" --by sato
    """
    from app.commands import shipping

    shipping.cancel(
        reference=reference,
        reason=reason,
        actor=actor,
        at=instant(at),
        language=lang,
        as_json=as_json,
    )


def chargeback(
    reference: Annotated[str, typer.Argument(help="reference or charge id")],
    amount: Annotated[int, typer.Option(min=1, max=MOST, help="yen that were taken back")],
    on: Annotated[str, typer.Option(help="day it was taken back, 2026-12-01")],
    reason: Annotated[str, typer.Option(help="why, for the books")],
    case: Annotated[
        str | None, typer.Option(help="id of the dispute; without it the day stands for it")
    ] = None,
    actor: Annotated[str, typer.Option("--by", help="who says so, for the books")] = "staff",
    at: At = None,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """Book money that a bank or Amazon took back; nothing moves by it, and no refund follows.

    Example: autopay charge chargeback cust-00005-0014-renewal --amount 3240 --on 2026-12-20
    --reason "card stolen"
    """
    from app.commands import chargeback_desk

    happened_on = day(on, option="--on")
    if happened_on is None:
        raise typer.BadParameter("give the day of the chargeback", param_hint="--on")
    chargeback_desk.chargeback(
        name=reference,
        amount_yen=amount,
        on=happened_on,
        reason=reason,
        case_id=case,
        actor=actor,
        at=instant(at),
        language=lang,
        as_json=as_json,
    )
