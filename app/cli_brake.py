"""The command line `autopay brake …`; the work is in `app.commands.brake`."""

from typing import Annotated

import typer

from app.cli_options import Json

brake_cli = typer.Typer(help="Stop new charges at once, and let them go on.", no_args_is_help=True)

By = Annotated[str, typer.Option(help="your name, for the books")]
Everything = Annotated[bool, typer.Option("--all", help="all merchants of the database")]


@brake_cli.command("show")
def show(as_json: Json = False) -> None:
    """Say whether new charges are stopped, since when, by whom and why.

    Example: autopay brake show
    """
    from app.commands import brake as command

    command.show(as_json=as_json)


@brake_cli.command("pull")
def pull(
    reason: Annotated[str, typer.Option(help="why, for whoever looks next")],
    by: By = "staff",
    everything: Everything = False,
    as_json: Json = False,
) -> None:
    """Stop new charges and refunds in every worker; what is under way is still resolved.

    Example: autopay brake pull --reason "charged twice? looking at it"
    """
    from app.commands import brake as command

    command.pull(reason=reason, by=by, everything=everything, as_json=as_json)


@brake_cli.command("release")
def release(
    reason: Annotated[str, typer.Option(help="why it is safe again")],
    by: By = "staff",
    everything: Everything = False,
    as_json: Json = False,
) -> None:
    """Let charging go on from now.

    Example: autopay brake release --reason "false alarm, books and Amazon agree"
    """
    from app.commands import brake as command

    command.release(reason=reason, by=by, everything=everything, as_json=as_json)
