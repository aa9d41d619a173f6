"""The command line `autopay dunning …`; the work is in `app.commands.dunning`."""

from typing import Annotated

import typer

from app.cli_options import At, Json, Lang, day, instant

dunning_cli = typer.Typer(
    help="Declined charges: when they are tried again, and what that brings in.",
    no_args_is_help=True,
)


@dunning_cli.command("preview")
def preview(
    plan: Annotated[str | None, typer.Option(help="code of a plan")] = None,
    subscription: Annotated[
        str | None, typer.Option(help="a subscription: its plan, and the room under its cap")
    ] = None,
    declined_on: Annotated[
        str | None, typer.Option(metavar="DATE", help="day of the first decline; today unless told")
    ] = None,
    reason: Annotated[str, typer.Option(help="Amazon's reason code")] = "SoftDeclined",
    taken: Annotated[
        list[str] | None,
        typer.Option(metavar="MONTH=YEN", help="suppose this much of a month's cap is taken"),
    ] = None,
    at: At = None,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """Print the day of every try after a decline, why it is that day, and how it ends.

    Example: autopay dunning preview --plan light --declined-on 2027-02-20 --reason SoftDeclined
    """
    from app.commands import dunning

    dunning.preview(
        plan=plan,
        subscription=subscription,
        declined_on=day(declined_on, option="--declined-on"),
        reason=reason,
        taken=taken or [],
        at=instant(at),
        language=lang,
        as_json=as_json,
    )


@dunning_cli.command("show")
def show(at: At = None, as_json: Json = False) -> None:
    """The schedules in force, and how many unpaid invoices stand at which step.

    Example: autopay dunning show
    """
    from app.commands import dunning

    dunning.show(at=instant(at), as_json=as_json)


@dunning_cli.command("recovery")
def recovery(
    date_from: Annotated[str | None, typer.Option("--from", help="first day of the tries")] = None,
    date_to: Annotated[str | None, typer.Option("--to", help="last day of the tries")] = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """What the tries of a period brought in, by reason and step; the last 30 days unless told.

    Example: autopay dunning recovery --from 2026-12-01 --to 2026-12-31
    """
    from app.commands import dunning

    dunning.recovery(
        date_from=day(date_from, option="--from"),
        date_to=day(date_to, option="--to"),
        at=instant(at),
        as_json=as_json,
    )
