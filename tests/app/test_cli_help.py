"""Every command explains itself, and bad usage is told apart from a refusal by its exit code."""

import re

import pytest
from cli_user import User, refusal

COMMANDS = (
    *("demo", "migrate", "catalogue import", "subscribers import", "run", "worker", "serve"),
    *("charge show", "charge retry", "charge refund"),
    *("forecast", "quote change", "charges", "audit", "settings", "sandbox", "calc"),
    *("quote show", "subscription show", "subscription change", "subscription pause"),
    *("subscription resume", "subscription skip", "subscription cancel", "subscription undo"),
    "subscription reactivate",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_help_with_an_example(autopay: User, command: str) -> None:
    said = autopay(*command.split(), "--help")
    assert (said.exit_code, said.errors) == (0, "")
    assert re.search(r"example:?", said.output, re.IGNORECASE)
    assert command.split()[0] in said.output


def test_the_overview_names_every_command(autopay: User) -> None:
    said = autopay("--help")
    assert said.exit_code == 0
    for command in COMMANDS:
        assert f"\n  {command.split()[0]} " in said.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(("nonsense",), "No such command", id="unknown command"),
        pytest.param(("charges", "--nope"), "No such option", id="unknown option"),
        pytest.param(("subscribers", "import"), "Missing argument", id="missing file"),
        pytest.param(("charges", "--format", "xml"), "--format", id="unknown format"),
        pytest.param(("charges", "--from", "2026-13-01"), "is not a day", id="no such month"),
        pytest.param(("charges", "--to", "tomorrow"), "write 2026-12-01", id="a word for a day"),
        pytest.param(("run", "--at", "yesterday"), "is not an instant", id="a word for an instant"),
        pytest.param(("run", "--at", "2026-12-01T09:00"), "has no zone", id="no zone"),
        pytest.param(("forecast", "--days", "0"), "--days", id="no days"),
        pytest.param(("demo", "--months", "0"), "--months", id="no months"),
        pytest.param(("serve", "--port", "99999"), "--port", id="no such port"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(
    autopay: User, arguments: tuple[str, ...], told: str
) -> None:
    assert told in refusal(autopay(*arguments), code=2)
    assert not list(autopay.folder.iterdir()), "a command that was not understood left something"
