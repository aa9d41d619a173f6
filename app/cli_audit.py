"""`autopay audit …`: once, again and again, and the heads of the hash chain."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli_options import Json

__all__ = ["audit_cli"]

audit_cli = typer.Typer(invoke_without_command=True)


@audit_cli.callback()
def audit(
    context: typer.Context,
    amazon: Annotated[
        bool | None,
        typer.Option(help="also ask Amazon about every charge (default, but not with --every)"),
    ] = None,
    head: Annotated[
        Path | None, typer.Option(help="heads kept elsewhere that the chain must still hold")
    ] = None,
    every: Annotated[
        int | None,
        typer.Option(min=1, max=86_400, help="audit again and again, so many seconds apart"),
    ] = None,
    pull_brake: Annotated[
        bool, typer.Option("--pull-brake", help="stop charging when money may be wrong")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check the books against themselves, their hash chain and Amazon; exits 1 on any fault.

    Example: autopay audit
    Example: autopay audit --every 300 --pull-brake
    """
    if context.invoked_subcommand is not None:
        return
    if every is not None:
        from app.commands import watchdog

        watchdog.watch(
            every=every,
            amazon=bool(amazon),
            as_json=as_json,
            head=head,
            pull_brake=pull_brake,
        )
        return
    from app.commands import audit as command

    asked = True if amazon is None else amazon
    command.audit(amazon=asked, as_json=as_json, head=head, pull_brake=pull_brake)


@audit_cli.command("head")
def audit_head(
    output: Annotated[Path | None, typer.Option(help="write them to a file")] = None,
) -> None:
    """Print the newest link of every chained book, to be kept where the database's owner is not.

    Example: autopay audit head --output heads-2026-12-01.json
    """
    from app.commands import audit as command

    command.show_head(output=output)
