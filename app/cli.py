"""The command line `autopay`. The work is in `app.commands`; heavy imports wait until then."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli_audit import audit_cli
from app.cli_brake import brake_cli
from app.cli_doubts import doubt_cli
from app.cli_dunning import dunning_cli
from app.cli_environment import database_cli, environment_cli, restore_cli
from app.cli_notices import notices_cli, webhooks_cli
from app.cli_notifications import notifications_cli
from app.cli_one_off import one_off, replace_permission
from app.cli_options import MOST, Actor, At, Json, Lang, Reason
from app.cli_options import day as _day
from app.cli_options import instant as _instant
from app.cli_shipping import chargeback, shipment_cli
from app.cli_staff import staff_cli
from app.cli_subscription import subscription_cli

cli = typer.Typer(
    help="Recurring billing for Amazon Pay in Japan.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
catalogue_cli = typer.Typer(help="The merchant's price list.", no_args_is_help=True)
subscribers_cli = typer.Typer(help="The merchant's subscribers.", no_args_is_help=True)
cli.add_typer(catalogue_cli, name="catalogue")
cli.add_typer(subscribers_cli, name="subscribers")
quote_cli = typer.Typer(help="What a change would cost, before it is made.", no_args_is_help=True)
cli.add_typer(quote_cli, name="quote")
charge_cli = typer.Typer(
    help="One charge: look at it, retry it, give it back.", no_args_is_help=True
)
cli.add_typer(charge_cli, name="charge")
charge_cli.command("chargeback")(chargeback)
charge_cli.command("one-off")(one_off)
subscription_cli.command("replace-permission")(replace_permission)
cli.add_typer(subscription_cli, name="subscription")
cli.add_typer(shipment_cli, name="shipment")
cli.add_typer(doubt_cli, name="doubt")
cli.add_typer(dunning_cli, name="dunning")
cli.add_typer(notifications_cli, name="notifications")
cli.add_typer(notices_cli, name="notices")
cli.add_typer(webhooks_cli, name="webhooks")
cli.add_typer(brake_cli, name="brake")
cli.add_typer(audit_cli, name="audit")
cli.add_typer(environment_cli, name="environment")
cli.add_typer(restore_cli, name="restore")
cli.add_typer(staff_cli, name="staff")
cli.add_typer(database_cli, name="database")

Port = Annotated[int, typer.Option(min=0, max=65535, help="port of the web pages; 0 = any")]


@cli.command()
def demo(
    serve: Annotated[bool, typer.Option(help="serve the web pages after the play")] = True,
    months: Annotated[int, typer.Option(min=1, max=60, help="months of renewals to play")] = 3,
    catalogue: Annotated[Path | None, typer.Option(help="another price list (YAML)")] = None,
    subscribers: Annotated[Path | None, typer.Option(help="other subscribers (CSV)")] = None,
    directory: Annotated[Path, typer.Option("--dir", help="folder of the demo")] = Path("var/demo"),
    port: Port = 8000,
    as_json: Json = False,
) -> None:
    """Play months of renewals of the sample merchant through a local Amazon Pay.

    Example: autopay demo --no-serve --months 12
    """
    from app.commands import demo as command

    command.demo(
        serve=serve,
        months=months,
        catalogue=catalogue,
        subscribers=subscribers,
        directory=directory,
        port=port,
        as_json=as_json,
    )


@cli.command()
def migrate(as_json: Json = False) -> None:
    """Bring the database to the newest schema; running it again changes nothing.

    Example: autopay migrate
    """
    from app.commands import books

    books.migrate(as_json=as_json)


@catalogue_cli.command("import")
def catalogue_import(
    file: Annotated[Path, typer.Argument(help="the price list, a YAML file")],
    as_json: Json = False,
) -> None:
    """Import a price list; all its problems are told, and nothing is imported unless all is good.

    Example: autopay catalogue import catalogue.yaml
    """
    from app.commands import imports

    imports.import_catalogue(file, as_json=as_json)


@subscribers_cli.command("import")
def subscribers_import(
    file: Annotated[Path, typer.Argument(help="the subscribers, a CSV file")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="check only, write nothing")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="import the good rows")] = False,
    as_json: Json = False,
) -> None:
    """Import subscribers from CSV; every bad row is told, nothing is imported unless all are good.

    Example: autopay subscribers import subscribers.csv --dry-run
    """
    from app.commands import imports

    imports.import_subscribers(file, dry_run=dry_run, skip_bad=skip_bad, as_json=as_json)


@cli.command()
def run(
    once: Annotated[bool, typer.Option("--once", help="accepted for clarity; a run is one")] = True,
    at: Annotated[str | None, typer.Option(help="pretend it is this instant (ISO 8601)")] = None,
    as_json: Json = False,
) -> None:
    """Process what is due now, once.

    Example: autopay run --once --at 2026-12-01T09:00+09:00
    """
    from app.commands import charging

    charging.run(at=_instant(at), as_json=as_json)


@cli.command()
def worker(
    all_merchants: Annotated[
        bool, typer.Option("--all-merchants", help="serve every merchant of the database")
    ] = False,
    metrics_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="serve this process's counts to Prometheus here"),
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="address of that port")] = "127.0.0.1",
) -> None:
    """Run a scheduler worker until Ctrl-C; on PostgreSQL start as many as you like.

    Example: autopay worker --metrics-port 9100
    """
    from app.commands import charging

    charging.worker(
        all_merchants=all_merchants,
        metrics=None if metrics_port is None else (metrics_host, metrics_port),
    )


@cli.command()
def serve(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Port = 8000,
    with_worker: Annotated[
        bool | None, typer.Option("--worker/--no-worker", help="charge too (default on SQLite)")
    ] = None,
) -> None:
    """Serve the web pages, and charge from the same process on SQLite.

    Example: autopay serve --port 8080
    """
    from app.commands import web

    web.serve(host=host, port=port, with_worker=with_worker)


@cli.command()
def forecast(
    days: Annotated[int, typer.Option(min=1, max=3660, help="how far to look")] = 30,
    at: Annotated[str | None, typer.Option(help="look from this instant (ISO 8601)")] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="totals per month only, and who hits the cap when")
    ] = False,
    as_json: Json = False,
) -> None:
    """Every coming charge with date, amount, why and what the cap says; totals per day.

    Example: autopay forecast --days 60
    """
    if summary:
        from app.commands import summary as command

        command.summary(days=days, at=_instant(at), as_json=as_json)
        return
    from app.commands import reports

    reports.forecast(days=days, at=_instant(at), as_json=as_json)


@quote_cli.command("change")
def quote_change(
    subscription: Annotated[str, typer.Argument(help="id of the subscription")],
    plan: Annotated[str, typer.Option(help="code of the plan to move to")],
    quantity: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="seats from then on")
    ] = None,
    on: Annotated[str | None, typer.Option(help="day of the change, 2026-12-16")] = None,
    when: Annotated[
        Literal["now", "renewal"] | None,
        typer.Option(help="upgrades are made now and other changes at renewal, unless told"),
    ] = None,
    reason: Reason = "",
    actor: Actor = "staff",
    at: At = None,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """What moving to a plan costs today and in the next 12 months; nothing is changed.

    Example: autopay quote change cust-00003 --plan pro --when now
    """
    from app.commands import quotes

    quotes.quote_change(
        subscription=subscription,
        plan=plan,
        quantity=quantity,
        on_date=_day(on, option="--on"),
        when=when,
        at=_instant(at),
        actor=actor,
        reason=reason,
        language=lang,
        as_json=as_json,
    )


@quote_cli.command("show")
def quote_show(
    quote: Annotated[str, typer.Argument(help="id of the quote")],
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """A quote that was kept, and what became of it.

    Example: autopay quote show 0123456789abcdef0123456789abcdef
    """
    from app.commands import quotes

    quotes.quote_show(quote_id=quote, language=lang, as_json=as_json)


@cli.command()
def charges(
    date_from: Annotated[str | None, typer.Option("--from", help="first day, 2026-12-01")] = None,
    date_to: Annotated[str | None, typer.Option("--to", help="last day, 2026-12-31")] = None,
    state: Annotated[str | None, typer.Option(help="only attempts in this state")] = None,
    search: Annotated[str | None, typer.Option(help="id, name, e-mail or charge id")] = None,
    output: Annotated[
        Literal["table", "csv", "json"], typer.Option("--format", help="table, csv or json lines")
    ] = "table",
    limit: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="at most so many rows; a table has 100")
    ] = None,
    after: Annotated[
        str | None, typer.Option(help="go on behind the place that the last page named")
    ] = None,
    as_json: Json = False,
) -> None:
    """The charge history, newest first.

    Example: autopay charges --from 2026-12-01 --state declined
    """
    from app.commands import charges as history

    history.charges(
        date_from=_day(date_from, option="--from"),
        date_to=_day(date_to, option="--to"),
        state=state,
        search=search,
        output="json" if as_json else output,
        page=history.Page(limit, after),
    )


@charge_cli.command("show")
def charge_show(
    reference: Annotated[str, typer.Argument(help="reference, charge id or refund")],
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """What is owed and why, each try to charge it, its refunds and its journals.

    Example: autopay charge show cust-00005-0014-renewal
    """
    from app.commands import charge_desk

    charge_desk.show(name=reference, language=lang, as_json=as_json)


@charge_cli.command("retry")
def charge_retry(
    reference: Annotated[str, typer.Argument(help="reference of what is to be charged now")],
    at: At = None,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """Charge what is due later or waits for its buyer now; exits 1 when it is not paid by that.

    Example: autopay charge retry cust-00005-0014-renewal
    """
    from app.commands import charge_desk

    charge_desk.retry(name=reference, at=_instant(at), language=lang, as_json=as_json)


@charge_cli.command("refund")
def charge_refund(
    charge: Annotated[str, typer.Argument(help="charge id, reference, or a whole subscription")],
    reason: Annotated[str, typer.Option(help="why, for the books")],
    amount: Annotated[int | None, typer.Option(min=1, max=MOST, help="yen to give back")] = None,
    everything: Annotated[bool, typer.Option("--all", help="all that can be given back")] = False,
    request_id: Annotated[
        str | None, typer.Option(help="the same id again gives nothing back again")
    ] = None,
    paid_by_hand: Annotated[
        str | None,
        typer.Option(help="the bank's number of a transfer: book it, send nothing to Amazon"),
    ] = None,
    on: Annotated[str | None, typer.Option(help="day of that transfer (default today)")] = None,
    by: Annotated[str, typer.Option("--by", help="who gives it back, for the books")] = "staff",
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    at: At = None,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """Give money back: shows what will happen, asks, sends; exits 1 when Amazon declines.

    Example: autopay charge refund cust-00005-0014-renewal --amount 500 --reason goodwill
    """
    from app.commands import charge_desk

    charge_desk.refund(
        name=charge,
        amount_yen=amount,
        everything=everything,
        reason=reason,
        request_id=request_id,
        paid_by_hand=paid_by_hand,
        paid_on=_day(on, option="--on"),
        actor=by,
        at=_instant(at),
        language=lang,
        as_json=as_json,
        yes=yes,
    )


@cli.command()
def settings(as_json: Json = False) -> None:
    """Every setting with its value and meaning; secrets are not shown.

    Example: autopay settings
    """
    from app.commands import books

    books.show_settings(as_json=as_json)


@cli.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def sandbox(context: typer.Context) -> None:
    """Start the local Amazon Pay.

    Example: autopay sandbox --port 8100 --throttle sandbox --json
    """
    from amazonpay.sandbox import main as start

    raise typer.Exit(start(context.args, program=context.command_path))


@cli.command()
def health(
    rules: Annotated[
        bool, typer.Option("--rules", help="print the alarms as alerting rules of Prometheus")
    ] = False,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Say whether charging is well; exits 1 and names the runbooks when something is not.

    Example: autopay health
    """
    from app.commands import health as command

    if rules:
        command.rules()
    else:
        command.health(at=_instant(at), as_json=as_json)


@cli.command()
def calc() -> None:
    """Answer JSON lines from standard input, one JSON line each.

    Example: echo '{"op":"registration_number","value":"T4011001098993"}' | autopay calc
    """
    from app.calc import run as answer_lines

    with (
        open(sys.stdin.fileno(), encoding="utf-8", errors="replace", closefd=False) as lines,
        open(sys.stdout.fileno(), "w", encoding="utf-8", closefd=False) as answers,
    ):
        answer_lines(lines, answers)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `autopay`; exit 0 = done, 1 = refused or found a fault, 2 = bad usage."""
    from app.errors import explained, open_streams

    open_streams()
    sys.exit(explained(lambda: cli(arguments, standalone_mode=False, prog_name="autopay")))
