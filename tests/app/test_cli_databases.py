"""The database as the command line meets it: empty, behind, ahead, broken, away; and prepared."""

import sqlite3

import pytest
from cli_user import User, refusal

COMMANDS_ON_BOOKS = (
    pytest.param(("charges",), id="charges"),
    pytest.param(("run",), id="run"),
    pytest.param(("forecast",), id="forecast"),
    pytest.param(("audit",), id="audit"),
    pytest.param(("worker",), id="worker"),
    pytest.param(("serve", "--port", "0"), id="serve"),
)


def set_revision(user: User, revision: str) -> None:
    books = sqlite3.connect(user.folder / "var" / "autopay.db")
    with books:
        books.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    books.close()


@pytest.mark.parametrize("command", COMMANDS_ON_BOOKS)
def test_an_empty_database_is_told_what_to_do(autopay: User, command: tuple[str, ...]) -> None:
    assert refusal(autopay(*command)).endswith("prepare it with: autopay migrate")


@pytest.mark.parametrize("command", COMMANDS_ON_BOOKS[:2])
def test_a_database_behind_is_not_touched(shop: User, command: tuple[str, ...]) -> None:
    set_revision(shop, "0001")
    line = refusal(shop(*command))
    assert "is at revision 0001" in line
    assert line.endswith("run: autopay migrate")


def test_a_database_of_a_newer_program_is_refused(shop: User) -> None:
    set_revision(shop, "9999")
    assert "newer version of autopay" in refusal(shop("charges"))


@pytest.mark.parametrize("command", ["migrate", "charges"])
@pytest.mark.parametrize(
    ("url", "told"),
    [
        pytest.param("sqlite:////proc/none/x.db", "/proc/none", id="folder cannot be made"),
        pytest.param("sqlite:///.", "AUTOPAY_DATABASE_URL", id="a folder, not a file"),
        pytest.param("sqlite:///notes.txt", "not a database", id="some other file"),
        pytest.param(
            "postgresql://u:p@127.0.0.1:1/x", "check AUTOPAY_DATABASE_URL", id="nobody answers"
        ),
    ],
)
def test_a_database_that_cannot_be_opened_is_one_line(
    autopay: User, command: str, url: str, told: str
) -> None:
    (autopay.folder / "notes.txt").write_text("milk, bread and a long list of other things\n" * 99)
    assert told in refusal(autopay(command, database_url=url))


def test_migrating_again_changes_nothing(autopay: User) -> None:
    first, second = autopay("migrate", "--json"), autopay("migrate", "--json")
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.json["before"] is None
    assert second.json["before"] == second.json["after"] == first.json["after"]
    assert "already" in autopay("migrate").output
