"""The command line `autopay subscription …`; the work is in `app.commands.subscriptions`."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli_options import MOST, Actor, At, Json, Lang, Reason, day, instant

if TYPE_CHECKING:
    from app.commands.quote_words import Language
    from app.commands.subscriptions import Desk

subscription_cli = typer.Typer(
    help="One subscription: look at it, change, pause, resume, skip, cancel, undo.",
    no_args_is_help=True,
)

Sub = Annotated[str, typer.Argument(help="id of the subscription")]
When = Annotated[Literal["now", "renewal"] | None, typer.Option(help="now, or at the next renewal")]
On = Annotated[str | None, typer.Option(help="on this day, 2026-12-16")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="print and keep the quote, change nothing")]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask")]


@subscription_cli.command("show")
def show(
    subscription: Sub,
    charges: Annotated[int, typer.Option(min=0, max=1000, help="how many last charges")] = 10,
    at: At = None,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """Its terms, what is charged next and why, what waits, its charges and its history.

    Example: autopay subscription show cust-00003
    """
    from app.commands import subscriptions

    subscriptions.show(
        subscription=subscription,
        charges=charges,
        at=instant(at),
        language=lang,
        as_json=as_json,
    )


@subscription_cli.command("change")
def change(
    subscription: Sub,
    plan: Annotated[str | None, typer.Option(help="code of the plan to move to")] = None,
    quantity: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="seats from then on")
    ] = None,
    add_on: Annotated[
        str | None, typer.Option(metavar="CODE[=N]", help="take an add-on, or N pieces of it")
    ] = None,
    remove_add_on: Annotated[str | None, typer.Option(metavar="CODE", help="give it up")] = None,
    coupon: Annotated[str | None, typer.Option(metavar="CODE", help="put a coupon on")] = None,
    remove_coupon: Annotated[str | None, typer.Option(metavar="CODE", help="take it off")] = None,
    next_date: Annotated[
        str | None, typer.Option(metavar="DATE", help="day of the next charge; the rest stays")
    ] = None,
    anchor: Annotated[
        str | None, typer.Option(metavar="DATE", help="first day of the next cycle and all later")
    ] = None,
    trial_end: Annotated[
        str | None, typer.Option(metavar="DATE", help="first paid day after the trial")
    ] = None,
    quote: Annotated[
        str | None, typer.Option(metavar="ID", help="confirm this quote, without being asked")
    ] = None,
    when: When = None,
    on: On = None,
    reason: Reason = "",
    actor: Annotated[
        Literal["staff", "customer"] | None,
        typer.Option("--actor", "--as", help="whose rules hold; staff unless told"),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    at: At = None,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """Change one thing: shows what it costs, asks, charges; exits 1 when it was not made.

    Example: autopay subscription change cust-00003 --plan pro --when now
    """
    from app.commands import subscriptions

    subscriptions.change(
        _desk(subscription, actor or "staff", reason, at, lang, (as_json, dry_run, yes)),
        quote_id=quote,
        given={
            "--plan": plan,
            "--quantity": quantity,
            "--add-on": add_on,
            "--remove-add-on": remove_add_on,
            "--coupon": coupon,
            "--remove-coupon": remove_coupon,
            "--next-date": day(next_date, option="--next-date"),
            "--anchor": day(anchor, option="--anchor"),
            "--trial-end": day(trial_end, option="--trial-end"),
            "--when": when,
            "--on": day(on, option="--on"),
            "--actor": actor,
            "--reason": reason or None,
        },
    )


@subscription_cli.command("pause")
def pause(
    subscription: Sub,
    when: When = None,
    on: On = None,
    cycles: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="resume after so many cycles")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="first day of service again")
    ] = None,
    paid_days: Annotated[
        Literal["bank", "forfeit"], typer.Option(help="days that are paid: given back, or lost")
    ] = "bank",
    resume_mode: Annotated[
        Literal["same_anchor", "restart"], typer.Option(help="calendar after the pause")
    ] = "same_anchor",
    reason: Reason = "",
    actor: Actor = "staff",
    dry_run: DryRun = False,
    yes: Yes = False,
    at: At = None,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """Stop charging and serving at the next renewal, now or on a day; without an end until resumed.

    Example: autopay subscription pause cust-00003 --cycles 2
    """
    from app.commands import questions, subscriptions

    asks = questions.to_pause(
        moment=questions.moment_of(when, day(on, option="--on")),
        cycles=cycles,
        until=day(until, option="--until"),
        paid_days=paid_days,
        mode=resume_mode,
    )
    flags = (as_json, dry_run, yes)
    subscriptions.carry_out(_desk(subscription, actor, reason, at, lang, flags), asks)


@subscription_cli.command("resume")
def resume(
    subscription: Sub,
    on: On = None,
    mode: Annotated[
        Literal["same_anchor", "restart"] | None,
        typer.Option(help="calendar after the pause; as the pause said unless told"),
    ] = None,
    reason: Reason = "",
    actor: Actor = "staff",
    dry_run: DryRun = False,
    yes: Yes = False,
    at: At = None,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """End the pause now, or set the day it ends on.

    Example: autopay subscription resume cust-00003 --on 2027-02-20
    """
    from app.commands import questions, subscriptions

    asks = questions.to_resume(on_date=day(on, option="--on"), mode=mode)
    flags = (as_json, dry_run, yes)
    subscriptions.carry_out(_desk(subscription, actor, reason, at, lang, flags), asks)


@subscription_cli.command("skip")
def skip(
    subscription: Sub,
    cycles: Annotated[int, typer.Option(min=1, max=MOST, help="how many whole cycles")] = 1,
    from_cycle: Annotated[
        int | None,
        typer.Option(min=0, max=MOST, help="the first of them; the next one unless told"),
    ] = None,
    reason: Reason = "",
    actor: Actor = "staff",
    dry_run: DryRun = False,
    yes: Yes = False,
    at: At = None,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """Leave whole cycles out; those after them keep their dates.

    Example: autopay subscription skip cust-00003 --cycles 2
    """
    from app.commands import questions, subscriptions

    asks = questions.to_skip(cycles=cycles, from_cycle=from_cycle)
    flags = (as_json, dry_run, yes)
    subscriptions.carry_out(_desk(subscription, actor, reason, at, lang, flags), asks)


@subscription_cli.command("cancel")
def cancel(
    subscription: Sub,
    when: When = None,
    on: On = None,
    refund: Annotated[
        Literal["none", "prorated", "full"], typer.Option(help="of the last payment")
    ] = "none",
    reason: Reason = "",
    actor: Actor = "staff",
    dry_run: DryRun = False,
    yes: Yes = False,
    at: At = None,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """End it at the next renewal, now or on a day; an open invoice is given up when it ends now.

    Example: autopay subscription cancel cust-00003 --when renewal
    """
    from app.commands import questions, subscriptions

    moment = questions.moment_of(when, day(on, option="--on"))
    asks = questions.to_cancel(moment=moment, refund=refund)
    flags = (as_json, dry_run, yes)
    subscriptions.carry_out(_desk(subscription, actor, reason, at, lang, flags), asks)


@subscription_cli.command("undo")
def undo(
    subscription: Sub,
    change_id: Annotated[
        str | None, typer.Argument(help="the waiting change; may be left out if there is but one")
    ] = None,
    reason: Reason = "",
    actor: Actor = "staff",
    dry_run: DryRun = False,
    yes: Yes = False,
    at: At = None,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """Take back a change that still waits.

    Example: autopay subscription undo cust-00003 chg-2
    """
    from app.commands import questions, subscriptions

    asks = questions.to_undo(change_id)
    flags = (as_json, dry_run, yes)
    subscriptions.carry_out(_desk(subscription, actor, reason, at, lang, flags), asks)


@subscription_cli.command("reactivate")
def reactivate(
    subscription: Sub,
    reason: Reason = "",
    actor: Actor = "staff",
    dry_run: DryRun = False,
    yes: Yes = False,
    at: At = None,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """Go on after all: withdraw the waiting cancellation, or lift a pause nobody asked for.

    Example: autopay subscription reactivate cust-00003
    """
    from app.commands import questions, subscriptions

    asks = questions.to_reactivate()
    flags = (as_json, dry_run, yes)
    subscriptions.carry_out(_desk(subscription, actor, reason, at, lang, flags), asks)


def _desk(
    subscription: str,
    actor: str,
    reason: str,
    at: str | None,
    lang: "Language",
    flags: tuple[bool, bool, bool],
) -> "Desk":
    """The options that all verbs share; `flags` are --json, --dry-run and --yes."""
    from app.commands.subscriptions import Desk

    as_json, dry_run, yes = flags
    return Desk(
        subscription=subscription,
        actor=actor,
        reason=reason,
        at=instant(at),
        language=lang,
        as_json=as_json,
        dry_run=dry_run,
        yes=yes,
    )


@subscription_cli.command("close-permission")
def close_permission(
    subscription: Sub,
    actor: Annotated[str, typer.Option("--by", help="who says so, for the books")] = "staff",
    yes: Yes = False,
    at: At = None,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """Close the charge permission of an ended subscription at Amazon; it can never be undone.

    Example: autopay subscription close-permission cust-00003 --yes
    """
    from app.commands import chargeback_desk

    if not yes:
        raise typer.BadParameter(
            "closing cannot be undone, and who comes back must consent anew; add --yes",
            param_hint="--yes",
        )
    chargeback_desk.close_permission(
        subscription=subscription, actor=actor, at=instant(at), language=lang, as_json=as_json
    )
