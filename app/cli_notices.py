"""The command lines `autopay notices …` and `autopay webhooks …`; the work is in `app.commands`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli_options import MOST, At, Json, Lang, instant

notices_cli = typer.Typer(
    help="What customers and staff are told: look, read, send.", no_args_is_help=True
)
webhooks_cli = typer.Typer(
    help="What the shop's programs are told: addresses, events, replay.", no_args_is_help=True
)

Code = Annotated[str, typer.Argument(help="name of the webhook")]


@notices_cli.command("list")
def notices_list(
    subscription: Annotated[str | None, typer.Option(help="only of this subscription")] = None,
    kind: Annotated[str | None, typer.Option(help="only of this kind, such as charged")] = None,
    state: Annotated[
        Literal["waiting", "sent", "dead"] | None,
        typer.Option(help="only with a delivery in this state"),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="how many")] = 50,
    as_json: Json = False,
) -> None:
    """The newest notices, and what became of each of their mails and webhooks.

    Example: autopay notices list --state dead
    """
    from app.commands import notices

    notices.list_them(
        subscription=subscription, kind=kind, state=state, limit=limit, as_json=as_json
    )


@notices_cli.command("preview")
def notices_preview(
    notice: Annotated[
        int,
        typer.Argument(
            min=1, max=MOST, help="the number of the notice, as `autopay notices list` shows it"
        ),
    ],
    as_json: Json = False,
) -> None:
    """The mail of a notice: as it was sent, else as it would be sent now.

    Example: autopay notices preview 1
    """
    from app.commands import notices

    notices.preview(notice_id=notice, as_json=as_json)


@notices_cli.command("send")
def notices_send(
    dead: Annotated[bool, typer.Option("--dead", help="also mails that were given up")] = False,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Send what is due now, once; a worker does so all the time.

    Example: autopay notices send
    """
    from app.commands import notices

    notices.send(dead=dead, at=instant(at), as_json=as_json)


@notices_cli.command("words")
def notices_words(
    kind: Annotated[str, typer.Argument(help="kind of notice, such as charged")],
    file: Annotated[
        Path | None, typer.Option(help="new words: the subject, an empty line, the text")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="back to the program's words")] = False,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """The words of a kind of mail and their placeholders; or put words of your own over them.

    Example: autopay notices words charged --lang en
    """
    from app.commands import notices

    notices.words(kind=kind, language=lang, file=file, reset=reset, as_json=as_json)


@notices_cli.command("language")
def notices_language(
    customer: Annotated[str, typer.Argument(help="id of the customer")],
    language: Annotated[Literal["ja", "en", "default"], typer.Argument(help="of their mails")],
) -> None:
    """Write to one customer in another language than the merchant's.

    Example: autopay notices language cust-00003 en
    """
    from app.commands import notices

    notices.set_language(customer=customer, language=None if language == "default" else language)


@webhooks_cli.command("add")
def webhooks_add(
    code: Code,
    url: Annotated[str, typer.Argument(help="https address")],
    at: At = None,
    as_json: Json = False,
) -> None:
    """Tell an address every event from now on; prints the secret that signs them, once.

    Example: autopay webhooks add shop https://shop.example/hooks
    """
    from app.commands import webhooks

    webhooks.add(code=code, url=url, at=instant(at), as_json=as_json)


@webhooks_cli.command("list")
def webhooks_list(as_json: Json = False) -> None:
    """Every webhook and how it fares.

    Example: autopay webhooks list
    """
    from app.commands import webhooks

    webhooks.list_them(as_json=as_json)


@webhooks_cli.command("test")
def webhooks_test(code: Code, as_json: Json = False) -> None:
    """Send a signed event of type `test` at once; exits 1 when it is not taken.

    Example: autopay webhooks test shop
    """
    from app.commands import webhooks

    webhooks.test(code=code, as_json=as_json)


@webhooks_cli.command("rotate")
def webhooks_rotate(
    code: Code,
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=720, help="how long the old secret signs too")
    ] = 24,
    as_json: Json = False,
) -> None:
    """Give a webhook a new secret and print it; the old one signs too for a while.

    Example: autopay webhooks rotate shop --overlap-hours 48
    """
    from app.commands import webhooks

    webhooks.rotate(code=code, overlap_hours=overlap_hours, as_json=as_json)


@webhooks_cli.command("disable")
def webhooks_disable(
    code: Code,
    reason: Annotated[str, typer.Option(help="why, for whoever looks next")] = "by staff",
    as_json: Json = False,
) -> None:
    """Send nothing more to an address.

    Example: autopay webhooks disable shop --reason "moving house"
    """
    from app.commands import webhooks

    webhooks.disable(code=code, reason=reason, as_json=as_json)


@webhooks_cli.command("enable")
def webhooks_enable(code: Code, as_json: Json = False) -> None:
    """Send to an address again; what it missed comes by a replay.

    Example: autopay webhooks enable shop
    """
    from app.commands import webhooks

    webhooks.enable(code=code, as_json=as_json)


@webhooks_cli.command("events")
def webhooks_events(
    after: Annotated[int, typer.Option(min=0, max=MOST, help="cursor: only events behind it")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="how many")] = 100,
    as_json: Json = False,
) -> None:
    """Events in order; with --json one line each. The last line's cursor is where to go on.

    Example: autopay webhooks events --after 120 --json
    """
    from app.commands import webhooks

    webhooks.events(after=after, limit=limit, as_json=as_json)


@webhooks_cli.command("replay")
def webhooks_replay(
    code: Code,
    after: Annotated[int, typer.Option(min=0, max=MOST, help="cursor: events behind it")] = 0,
    since: Annotated[str | None, typer.Option("--from", help="from this instant on")] = None,
    until: Annotated[str | None, typer.Option("--to", help="until before this instant")] = None,
    as_json: Json = False,
) -> None:
    """Have up to 1,000 events sent again under their own ids, by the worker or `notices send`.

    Example: autopay webhooks replay shop --after 120
    """
    from app.commands import webhooks

    webhooks.replay(
        code=code,
        after=after,
        since=instant(since, option="--from"),
        until=instant(until, option="--to"),
        as_json=as_json,
    )
