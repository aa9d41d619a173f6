"""Whatever a room refuses, the command line explains; what was typed wrongly, it names."""

import contextlib
import importlib
import io
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import typer

from app.cli import cli
from app.errors import BAD_USAGE, REFUSED, explained, foreseen
from app.output import say, write_table
from app.problems import Refused
from plans import UnknownPlan

ROOMS = ("amazonpay", "plans", "billing", "scheduler")
# Never seen by who calls the room: another error of the same room is raised from it.
INTERNAL = {
    "amazonpay.exchange._TooLong": "becomes an unknown outcome of the call",
    "amazonpay.notifications.certificates.UnreadableCertificate": "becomes UntrustedCertificate",
    "amazonpay.notifications.fetching.FetchFailed": "becomes TryLater",
    "amazonpay.reading.MalformedResponse": "becomes an unknown outcome of the call",
    "billing.approvals.store.UnknownApproval": "no command asks for one; a page says not found",
    "billing.settings.account.KeyOfTheOther": "a page of settings says it beside the field",
    "billing.settings.account.KeyWithoutFile": "a page of settings says it beside the field",
    "billing.settings.plan_tests.NoTestKeys": "a page of settings says what is missing",
    "billing.settings.plan_tests.OtherTermsInTest": "a page of settings says what differs",
    "billing.settings.rules.CapTooLow": "a page of settings says it beside the field",
    "billing.settings.rules.ChangedMeanwhile": "a page of settings shows the rules anew",
    "billing.bulk_work.move_question.LeftOut": "becomes the reason of a row of bulk work",
    "billing.bulk_work.values.UnknownBulkJob": "no command asks for one; a page says not found",
    "billing.deliveries.mails.UnusableAddress": "becomes the outcome of a delivery",
    "billing.store.database.CommitNotConfirmed": "inside an OperationalError: it is away",
    "scheduler.checkouts._NotCompleted": "becomes the end of a checkout",
}
# A process of its own that answers its caller over the network and prints its own refusals.
APART = ("amazonpay.sandbox.",)


def domain_errors() -> Iterator[type[Exception]]:
    """Every error class of the rooms, whether their doors show it or not."""
    for room in ROOMS:
        package = importlib.import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            if not module.name.startswith(APART):
                importlib.import_module(module.name)
    for error in _below(Exception):
        if error.__module__.split(".")[0] in ROOMS and not error.__module__.startswith(APART):
            yield error


def _below(base: type[Exception]) -> Iterator[type[Exception]]:
    for error in base.__subclasses__():
        yield error
        yield from _below(error)


def test_every_error_of_the_rooms_is_explained_or_stays_inside() -> None:
    names = {
        f"{error.__module__}.{error.__qualname__}"
        for error in domain_errors()
        if not issubclass(error, foreseen())
    }
    assert names == set(INTERNAL)


def said_of(*words: str) -> tuple[int, str]:
    """Exit code and standard error of a command that ends before it needs any books."""
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        code = explained(lambda: cli(words, standalone_mode=False, prog_name="autopay"))
    return code, errors.getvalue()


def test_a_refusal_of_the_ground_floor_is_no_fault_of_ours(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refusing() -> None:
        raise UnknownPlan(plan_code="nope", known=("light", "pro"))

    assert explained(refusing) == REFUSED
    assert capsys.readouterr().err == (
        "autopay: plan 'nope': not in the catalogue; use one of: light, pro, or import a price "
        "list that has it\n"
    )


def test_foreign_text_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A name in a file, or a driver's message, may hold escape sequences."""

    def refusing() -> None:
        raise Refused("name '\x1b]0;owned\x07\x9b31m髙橋\u202e': is no name\nreally")

    assert explained(refusing) == REFUSED
    assert capsys.readouterr().err == (
        "autopay: name '\ufffd]0;owned\ufffd\ufffd31m髙橋\ufffd': is no name really\n"
    )
    # A wide space, a joined emoji and a choice of a character's form are text.
    name = "髙橋\u3000花 👩\u200d🌾 葛\U000e0100城"
    write_table(("Name",), [("\x1b[2Jgone",), (name,)])
    say(f"\x1b[2Jgone {name}")
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert shown.count("\ufffd[2Jgone") == 2
    assert shown.count(name) == 2


HUGE = "9" * 30


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        pytest.param(
            "notices preview charged",
            "notice 'charged': is not a whole number; give the number of the notice, as "
            "`autopay notices list` shows it; autopay notices preview --help has an example",
            id="a word for a number",
        ),
        pytest.param(
            "notices list --limit 0",
            "--limit '0': is not from 1 to 1,000; give how many",
            id="too low",
        ),
        pytest.param("notices list --limit 1001", "is not from 1 to 1,000", id="too high"),
        pytest.param("notices list --limit 1.5", "is not a whole number", id="a part"),
        pytest.param("notices list --limit ''", "--limit '': is not a whole number", id="empty"),
        pytest.param(f"notices preview {HUGE}", "is not from 1 to", id="a huge number"),
        pytest.param(f"webhooks events --after {HUGE}", "--after '999", id="a huge cursor"),
        pytest.param(
            "charges --format xml", "--format 'xml': is none of table, csv, json", id="choice"
        ),
        pytest.param(
            "notices preview",
            "Missing argument 'notice'; give the number of the notice",
            id="no argument",
        ),
        pytest.param(
            "doubt release x --by y",
            "Missing option '--reason'; give why, for whoever",
            id="no option",
        ),
        pytest.param(
            "webhooks replay shop --from yesterday",
            "--from: 'yesterday' is not an instant; write 2026-12-01T09:00+09:00",
            id="no instant",
        ),
        pytest.param(
            "webhooks replay shop --to 2026-12-01T09:00",
            "--to: '2026-12-01T09:00' has no zone; write 2026-12-01T09:00+09:00 or",
            id="no zone",
        ),
        pytest.param("charges --from ''", "--from: '' is not a day", id="an empty day"),
        pytest.param(
            "charges --from 0001-01-01",
            "--from: '0001-01-01' is not of the years 2000 to 2199",
            id="the first day there is",
        ),
        pytest.param(
            "health --at 9999-12-31T23:59:59-12:00", "years 2000 to 2199", id="the last instant"
        ),
        pytest.param(
            "charges --from 2026-02-30",
            "--from: '2026-02-30' is not a day; write 2026-12-01",
            id="no day",
        ),
    ],
)
def test_bad_usage_names_what_was_typed_and_what_to_give(typed: str, told: str) -> None:
    words = tuple("" if word == "''" else word for word in typed.split())
    code, errors = said_of(*words)
    assert code == BAD_USAGE
    assert told in errors
    assert "Input should" not in errors
    assert len(errors.splitlines()) == 1


def numbers_of(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every whole number that the command line takes, as `command --option`."""
    inner: Mapping[str, Any] = getattr(command, "commands", {})
    for name, each in inner.items():
        yield from numbers_of(each, (*path, name))
    for parameter in command.params if not inner else ():
        if parameter.type_descriptor.annotation is int:
            yield f"{' '.join(path)} {parameter.opts[0]}", parameter


def test_every_number_of_the_command_line_has_bounds_that_a_database_can_hold() -> None:
    found = dict(numbers_of(typer.main.get_command(cli)))
    assert len(found) > 15
    without = {
        name
        for name, parameter in found.items()
        if parameter.min is None or parameter.max is None or parameter.max >= 2**63
    }
    assert without == set()


def test_every_argument_says_what_it_is() -> None:
    def silent(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
        inner: Mapping[str, Any] = getattr(command, "commands", {})
        for name, each in inner.items():
            yield from silent(each, (*path, name))
        for parameter in command.params if not inner else ():
            if not parameter.help and parameter.name != "help":
                yield f"{' '.join(path)} {parameter.name}"

    assert set(silent(typer.main.get_command(cli))) == set()
