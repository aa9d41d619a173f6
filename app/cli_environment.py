"""`autopay environment …`, `restore …` and `database …`: where the books belong, who may what."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli_options import At, Json, instant

__all__ = ["database_cli", "environment_cli", "restore_cli"]

environment_cli = typer.Typer(help="Which environment the books belong to.", no_args_is_help=True)
restore_cli = typer.Typer(
    help="Books that were restored from a backup, until they equal Amazon's.", no_args_is_help=True
)
database_cli = typer.Typer(help="Rights in the database.", no_args_is_help=True)

By = Annotated[str, typer.Option(help="your name, for the books")]
Why = Annotated[str, typer.Option(help="why, for the books")]


@environment_cli.command("show")
def environment_show(as_json: Json = False) -> None:
    """Say where the books belong and where they are; exits 1 when that differs.

    Example: autopay environment show
    """
    from app.commands import environment as command

    command.show(as_json=as_json)


@environment_cli.command("confirm")
def environment_confirm(
    by: By,
    reason: Why,
    moved: Annotated[
        bool,
        typer.Option("--moved", help="everything was stopped before the copy: nothing is lost"),
    ] = False,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Say that the books belong here from now on; unless --moved, they first are compared.

    Example: autopay environment confirm --by hanako --reason "restored on the new server"
    """
    from app.commands import environment as command

    command.confirm(by=by, reason=reason, moved=moved, at=instant(at), as_json=as_json)


@restore_cli.command("begin")
def restore_begin(by: By, reason: Why, at: At = None, as_json: Json = False) -> None:
    """Stop everything new: the books come from a backup. What they hold open is still replayed.

    Example: autopay restore begin --by hanako --reason "disk failed, backup of 03:00"
    """
    from app.commands import restore as command

    command.begin(by=by, reason=reason, at=instant(at), as_json=as_json)


@restore_cli.command("reconcile")
def restore_reconcile(
    report: Annotated[
        list[Path] | None,
        typer.Option(help="report of Seller Central that names charges; may be given again"),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="the reports hold all since this instant")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="the reports hold all until this instant")
    ] = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Compare with Amazon and book what the backup did not know; exits 1 while something is open.

    Example: autopay restore reconcile --report transactions.csv --from 2026-11-29T00:00+09:00
    --until 2026-12-02T00:00+09:00
    """
    from app.commands import restore as command

    command.reconcile_books(
        reports=report or [],
        since=instant(since, option="--from"),
        until=instant(until, option="--until"),
        at=instant(at),
        as_json=as_json,
    )


@restore_cli.command("show")
def restore_show(as_json: Json = False) -> None:
    """The newest restoration: since when, what was found, who has approved its end.

    Example: autopay restore show
    """
    from app.commands import restore as command

    command.show(as_json=as_json)


@restore_cli.command("reopen")
def restore_reopen(
    by: By,
    reason: Why,
    without_report: Annotated[
        bool,
        typer.Option("--without-report", help="no report can be had: both people must say so"),
    ] = False,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Approve that charging goes on; it does when a second person has approved as well.

    Example: autopay restore reopen --by hanako --reason "compared with Amazon, nothing open"
    """
    from app.commands import restore as command

    command.approve(
        by=by, reason=reason, without_report=without_report, at=instant(at), as_json=as_json
    )


@database_cli.command("grants")
def database_grants(
    role: Annotated[str, typer.Option(help="role of the workers, which does not own the tables")],
    apply: Annotated[bool, typer.Option("--apply", help="run them, as the owner")] = False,
) -> None:
    """The SQL that lets workers add to the books but never change or delete what is in them.

    Example: autopay database grants --role autopay_worker --apply
    """
    from app.commands import environment as command

    command.grants(role=role, apply=apply)
