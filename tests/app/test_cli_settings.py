"""Settings: a bad value is one line that names the variable; secrets are never shown."""

import json

import pytest
from cli_user import User, refusal

CANARY = "canary5f2d"


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        pytest.param("charge_hour", "25", "less than or equal to 23", id="hour"),
        pytest.param("cap_yen", "abc", "is not a whole number", id="yen"),
        pytest.param("paced", "perhaps", "is neither true nor false", id="yes or no"),
        pytest.param("cap_rule", "hope", "'refuse', 'defer' or 'split'", id="cap rule"),
        pytest.param("environment", "test", "'sandbox' or 'live'", id="environment"),
        pytest.param("timezone", "Asia/Nowhere", "must be a zone such as", id="zone"),
        pytest.param(
            "timezone", "../etc/passwd", "must be a zone such as", id="zone that is a path"
        ),
        pytest.param("dunning_days", "1,x", "whole days", id="dunning words"),
        pytest.param("dunning_days", "7,3", "ascend", id="dunning order"),
        pytest.param("dunning_days", "1,400", "365", id="dunning for years"),
        pytest.param("in_flight", "0", "greater than or equal to 1", id="in flight"),
        pytest.param("amazon_url", "nonsense", "scheme and host", id="amazon url"),
        pytest.param("amazon_url", "https://x.jp/v2", "scheme and host", id="amazon url with path"),
        pytest.param("database_url", "nonsense", "write sqlite:///FILE", id="database url"),
        pytest.param("database_url", "", "write sqlite:///FILE", id="empty database url"),
        pytest.param(
            "database_url", "postgresql://u@h:port/x", "write sqlite:///FILE", id="port in words"
        ),
        pytest.param("database_url", "sqlite://", "books in memory", id="books in memory"),
        pytest.param("merchant", "m" * 65, "at most 64 characters", id="merchant"),
    ],
)
def test_a_bad_value_names_its_variable_and_the_rule(
    autopay: User, name: str, value: str, rule: str
) -> None:
    line = refusal(autopay("settings", **{name: value}))
    assert line.startswith(f"autopay: AUTOPAY_{name.upper()} is ")
    assert rule in line
    assert "Input should" not in line
    assert not list(autopay.folder.iterdir())


@pytest.mark.parametrize("flags", [(), ("--json",)], ids=["table", "json"])
def test_settings_show_no_secret(autopay: User, flags: tuple[str, ...]) -> None:
    said = autopay(
        "settings",
        *flags,
        master_key=CANARY,
        staff_password=CANARY,
        database_url=f"postgresql://user:{CANARY}@db.example/books",
    )
    assert said.exit_code == 0
    assert CANARY not in said.output + said.errors
    assert "(set)" in said.output
    assert "db.example" in said.output


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"mysql://user:{CANARY}@h/x", id="unknown kind"),
        pytest.param(f"postgresql://user:{CANARY}@127.0.0.1:1/x", id="nobody answers"),
        pytest.param(f"postgresql://user:{CANARY}@127.0.0.1:port/x", id="not a URL"),
    ],
)
def test_a_refused_database_does_not_tell_its_password(autopay: User, url: str) -> None:
    line = refusal(autopay("migrate", database_url=url))
    assert CANARY not in line
    assert "postgresql://" in line


def test_a_file_that_is_no_text_is_refused(autopay: User) -> None:
    (autopay.folder / ".env").write_bytes(b"AUTOPAY_MERCHANT=\xff\xfe\n")
    assert ".env is not UTF-8 text; save it as UTF-8" in refusal(autopay("settings"))


def test_settings_of_a_file_hold_and_the_environment_wins(autopay: User) -> None:
    (autopay.folder / ".env").write_text("AUTOPAY_CHARGE_HOUR=7\nAUTOPAY_CAP_YEN=1000\n")
    shown = json.loads(autopay("settings", "--json", cap_yen=2_000).output)
    assert shown["AUTOPAY_CHARGE_HOUR"] == {"value": "7", "from": "given"}
    assert shown["AUTOPAY_CAP_YEN"] == {"value": "2000", "from": "given"}
    assert shown["AUTOPAY_IN_FLIGHT"]["from"] == "default"
