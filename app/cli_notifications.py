"""The command line `autopay notifications …`; the work is in `app.commands.notifications`."""

from typing import Annotated, Literal

import typer

from app.cli_options import Json

notifications_cli = typer.Typer(
    help="What Amazon has notified us of: look at it, work it off, look again.",
    no_args_is_help=True,
)

MessageId = Annotated[str, typer.Argument(help="id of the message")]


@notifications_cli.command("list")
def list_(
    state: Annotated[
        Literal["waiting", "parked", "done", "attention"] | None,
        typer.Option(help="only messages in this state"),
    ] = None,
    about: Annotated[
        str | None, typer.Option(help="only about this charge, refund or charge permission")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="how many, newest first")] = 50,
    refused: Annotated[
        bool, typer.Option("--refused", help="counts of refused deliveries instead")
    ] = False,
    as_json: Json = False,
) -> None:
    """The newest messages and what became of them.

    Example: autopay notifications list --state attention
    """
    from app.commands import notifications

    if refused:
        notifications.list_refused(as_json=as_json)
    else:
        notifications.list_messages(state=state, about=about, limit=limit, as_json=as_json)


@notifications_cli.command("show")
def show(message_id: MessageId, as_json: Json = False) -> None:
    """One message with everything that is kept of it.

    Example: autopay notifications show 00000000-0000-4000-8000-000000000001
    """
    from app.commands import notifications

    notifications.show(message_id=message_id, as_json=as_json)


@notifications_cli.command("process")
def process(as_json: Json = False) -> None:
    """Look into everything that waits, as a worker does all the time.

    Example: autopay notifications process
    """
    from app.commands import notifications

    notifications.process(as_json=as_json)


@notifications_cli.command("retry")
def retry(message_id: MessageId, as_json: Json = False) -> None:
    """Look into a message again, as if it had just come.

    Example: autopay notifications retry 00000000-0000-4000-8000-000000000001
    """
    from app.commands import notifications

    notifications.retry(message_id=message_id, as_json=as_json)


@notifications_cli.command("sweep")
def sweep(as_json: Json = False) -> None:
    """Read the permissions of the coming charges now; each is read once a day at most.

    Example: autopay notifications sweep
    """
    from app.commands import notifications

    notifications.sweep(as_json=as_json)
