"""The command line `autopay doubt …`; the work is in `app.commands.doubts`."""

from typing import Annotated, Literal

import typer

from app.cli_options import At, Json, Lang, instant

doubt_cli = typer.Typer(
    help="What waits for a person: charges and refunds nobody knows the end of, rows that fail.",
    no_args_is_help=True,
)

Reference = Annotated[str, typer.Argument(help="reference, as `autopay doubt list` shows it")]
Why = Annotated[str, typer.Option("--reason", help="why, for whoever looks at the books later")]
By = Annotated[str, typer.Option("--by", help="who decides")]


@doubt_cli.command("list")
def list_(lang: Lang = "ja", as_json: Json = False) -> None:
    """Everything that waits for a person or for proofs, the oldest first.

    Example: autopay doubt list
    """
    from app.commands import doubts

    doubts.list_all(language=lang, as_json=as_json)


@doubt_cli.command("show")
def show(reference: Reference, lang: Lang = "ja", as_json: Json = False) -> None:
    """One of them with its story and every proof that was seen.

    Example: autopay doubt show cust-00005-0014-renewal
    """
    from app.commands import doubts

    doubts.show(name=reference, language=lang, as_json=as_json)


@doubt_cli.command("resolve")
def resolve(
    reference: Reference,
    verdict: Annotated[
        Literal["happened", "did-not-happen"], typer.Argument(help="what became of it at Amazon")
    ],
    reason: Why,
    by: By,
    amazon_id: Annotated[
        str | None, typer.Option("--id", help="id of the charge or refund in Seller Central")
    ] = None,
    at: At = None,
    lang: Lang = "ja",
    as_json: Json = False,
) -> None:
    """Say what became of it; large sums need a second person who says the same.

    Example: autopay doubt resolve cust-00005-0014-renewal happened --id S01-0000001-0000001-C000001
    --reason "seen in Seller Central" --by sato
    """
    from app.commands import doubts

    doubts.resolve(
        name=reference,
        happened=verdict == "happened",
        reason=reason,
        by=by,
        amazon_id=amazon_id,
        at=instant(at),
        language=lang,
        as_json=as_json,
    )


@doubt_cli.command("report")
def report(at: At = None, lang: Lang = "ja", as_json: Json = False) -> None:
    """Ask Amazon for its list of transactions, read it, and let it speak about every doubt.

    Amazon may take a while to make it; the same command again goes on. Workers do it every day.

    Example: autopay doubt report
    """
    from app.commands import doubts

    doubts.report(at=instant(at), language=lang, as_json=as_json)


@doubt_cli.command("release")
def release(
    reference: Reference, reason: Why, by: By, at: At = None, as_json: Json = False
) -> None:
    """Give it back to the machine: the same key is sent again, a failing row is tried again.

    Example: autopay doubt release cust-00005-0014-renewal --reason "cause repaired" --by sato
    """
    from app.commands import doubts

    doubts.release(name=reference, reason=reason, by=by, at=instant(at), as_json=as_json)


@doubt_cli.command("abandon")
def abandon(
    reference: Reference, reason: Why, by: By, at: At = None, as_json: Json = False
) -> None:
    """Do not charge it any more; refused while any charge of it has no answer.

    Example: autopay doubt abandon cust-00005-0014-renewal --reason "paid by bank" --by sato
    """
    from app.commands import doubts

    doubts.abandon(name=reference, reason=reason, by=by, at=instant(at), as_json=as_json)
