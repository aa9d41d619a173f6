"""The command lines `autopay charge one-off` and `autopay subscription replace-permission`."""

from typing import Annotated, Literal

import typer

from app.cli_options import MOST, At, Json, Lang, instant

Why = Annotated[str, typer.Option("--reason", help="why, for the books")]
Tax = Literal["standard", "reduced", "exempt", "non_taxable", "out_of_scope"]
By = Annotated[str, typer.Option("--by", help="who does it, for the books")]


def one_off(
    subscription: Annotated[str, typer.Argument(help="whose charge permission is charged")],
    reference: Annotated[
        str, typer.Option(help="id of your own order; the same one again charges nothing again")
    ],
    price: Annotated[int, typer.Option(min=1, max=MOST, help="yen that one costs, with tax")],
    name_ja: Annotated[str, typer.Option(help="what it is, for the invoice, in Japanese")],
    name_en: Annotated[str, typer.Option(help="the same in English")],
    reason: Why,
    quantity: Annotated[int, typer.Option(min=1, max=MOST, help="how many")] = 1,
    tax: Annotated[Tax, typer.Option(help="how consumption tax sees it")] = "standard",
    by: By = "staff",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show it, charge nothing")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    at: At = None,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """Charge a subscription's permission once, beside its cycles; exits 1 when it is not paid.

    Example: autopay charge one-off cust-00005 --reference order-77 --price 3300 --name-ja ミル
    --name-en Mill --reason "bought by telephone" --by sato
    """
    from app.commands import one_off_desk

    one_off_desk.one_off(
        subscription=subscription,
        reference=reference,
        item=(name_ja, name_en, price, quantity, tax),
        reason=reason,
        actor=by,
        dry_run=dry_run,
        yes=yes,
        at=instant(at),
        language=lang,
        as_json=as_json,
    )


def replace_permission(
    subscription: Annotated[str, typer.Argument(help="whose charges go to another permission")],
    charge_permission: Annotated[str, typer.Argument(help="Amazon's id of the new permission")],
    reason: Why,
    by: By = "staff",
    at: At = None,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """Charge a subscription to a new permission from now on; what waited is charged at once.

    Example: autopay subscription replace-permission cust-00005 C03-0000001-0000002
    --reason "new account" --by sato
    """
    from app.commands import one_off_desk

    one_off_desk.replace(
        subscription=subscription,
        charge_permission=charge_permission,
        reason=reason,
        actor=by,
        at=instant(at),
        language=lang,
        as_json=as_json,
    )
