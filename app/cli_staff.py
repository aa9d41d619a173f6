"""The command line `autopay staff …`; the work is in `app.commands.staff`."""

from typing import Annotated, Literal

import typer

from app.cli_options import Json

staff_cli = typer.Typer(help="Who may use the back office, and as what.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="name to log in with")]
By = Annotated[str, typer.Option(help="your name, for the books")]
RoleName = Annotated[
    Literal["viewer", "support", "finance", "owner"], typer.Option(help="what they may do")
]
PasswordFile = Annotated[
    str | None,
    typer.Option("--password-file", help="file with the password, - for standard input"),
]


@staff_cli.command("add")
def add(
    name: Name,
    role: RoleName = "viewer",
    password_file: PasswordFile = None,
    by: By = "command line",
    as_json: Json = False,
) -> None:
    """Make an account; without a file a random first password is made and printed once.

    Example: autopay staff add hanako --role support
    """
    from app.commands import staff as command

    command.add(name=name, role=role, password_file=password_file, by=by, as_json=as_json)


@staff_cli.command("list")
def list_all(as_json: Json = False) -> None:
    """Every account with its role, state and second factor.

    Example: autopay staff list
    """
    from app.commands import staff as command

    command.show(as_json=as_json)


@staff_cli.command("role")
def role(name: Name, role: RoleName, by: By = "command line", as_json: Json = False) -> None:
    """Give another role; whoever is logged in with the old one is logged out.

    Example: autopay staff role hanako --role finance
    """
    from app.commands import staff as command

    command.role(name=name, role=role, by=by, as_json=as_json)


@staff_cli.command("reset")
def reset(
    name: Name,
    password_file: PasswordFile = None,
    keep_second_factor: Annotated[
        bool, typer.Option("--keep-second-factor", help="only the password is new")
    ] = False,
    by: By = "command line",
    as_json: Json = False,
) -> None:
    """Give a new password and take the second factor away, as after a lost telephone.

    Example: autopay staff reset hanako
    """
    from app.commands import staff as command

    command.reset(
        name=name,
        password_file=password_file,
        keep_second_factor=keep_second_factor,
        by=by,
        as_json=as_json,
    )


@staff_cli.command("disable")
def disable(name: Name, by: By = "command line", as_json: Json = False) -> None:
    """Let somebody in no more, and log them out everywhere; what they did stays on record.

    Example: autopay staff disable hanako
    """
    from app.commands import staff as command

    command.state(name=name, state="disabled", by=by, as_json=as_json)


@staff_cli.command("enable")
def enable(name: Name, by: By = "command line", as_json: Json = False) -> None:
    """Let somebody in again who was disabled.

    Example: autopay staff enable hanako
    """
    from app.commands import staff as command

    command.state(name=name, state="active", by=by, as_json=as_json)
