"""Settings from environment variables `AUTOPAY_*` and a `.env` file, checked on reading.

One place, so that `autopay settings` can show every one of them with its value and meaning.
"""

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url

from app.problems import Refused
from billing import decode_master_key, new_master_key, parse_schedule

# After `make demo` every command works on the demo's books, unless other settings are given.
DEMO_SETTINGS = Path("var/demo/autopay.env")

RULES = (
    "timezone",
    "charge_hour",
    "cap_yen",
    "cap_rule",
    "tax_rounding",
    "dunning_days",
    "dunning_end",
)
"""Settings that are rules of the merchant and are kept with it in the database."""


class Settings(BaseSettings):
    """Every setting; `description` is what `autopay settings` shows."""

    model_config = SettingsConfigDict(env_prefix="AUTOPAY_", env_file=".env", extra="ignore")

    database_url: Annotated[
        str, Field(description="SQLite file or PostgreSQL address of the books")
    ] = "sqlite:///var/autopay.db"
    merchant: Annotated[
        str, Field(description="merchant that commands work for", max_length=64)
    ] = "main"
    environment: Annotated[
        Literal["sandbox", "live"], Field(description="environment of the merchant's keys")
    ] = "sandbox"
    amazon_url: Annotated[str, Field(description="where Amazon Pay is reached")] = (
        "https://pay-api.amazon.jp"
    )
    amazon_ca_file: Annotated[
        Path | None, Field(description="certificate authority of a local Amazon Pay")
    ] = None
    local_amazon_dir: Annotated[
        Path | None, Field(description="folder of a local Amazon Pay that commands may start")
    ] = None
    seller_id: Annotated[str, Field(description="seller id from Seller Central")] = ""
    store_id: Annotated[str, Field(description="store (client) id from Seller Central")] = ""
    public_key_id: Annotated[str, Field(description="id of the public key in Seller Central")] = ""
    private_key_file: Annotated[
        Path | None, Field(description="PEM file; read once, then kept sealed in the database")
    ] = None
    master_key: Annotated[
        SecretStr | None, Field(description="32 bytes in base64 that seal private keys")
    ] = None
    master_key_file: Annotated[
        Path | None, Field(description="file with the master key; made beside the books if absent")
    ] = None
    timezone: Annotated[str, Field(description="zone of the merchant's dates")] = "Asia/Tokyo"
    charge_hour: Annotated[int, Field(description="hour of the day of charges", ge=0, le=23)] = 9
    cap_yen: Annotated[
        int, Field(description="yen per charge permission and calendar month", ge=0)
    ] = 50_000
    cap_rule: Annotated[
        Literal["refuse", "defer", "split"],
        Field(description="what happens to a charge that does not fit under the cap"),
    ] = "split"
    tax_rounding: Annotated[
        Literal["floor", "half_up", "ceil"], Field(description="rounding of tax, once per rate")
    ] = "floor"
    dunning_days: Annotated[
        str, Field(description="days after the first decline on which to try again")
    ] = "1,3,7,14"
    dunning_end: Annotated[
        Literal["pause", "cancel", "keep_open"], Field(description="what ends an unpaid agreement")
    ] = "pause"
    paced: Annotated[bool, Field(description="stay under Amazon's throttle by our own pacing")] = (
        True
    )
    in_flight: Annotated[int, Field(description="calls in flight at once", ge=1, le=128)] = 16
    tick_seconds: Annotated[
        int,
        Field(description="seconds between two looks of a worker at what is due", ge=1, le=3600),
    ] = 60
    deadline_seconds: Annotated[
        float, Field(description="longest wait for one answer of Amazon", gt=0, le=120)
    ] = 10.0
    staff_password: Annotated[
        SecretStr | None, Field(description="password of `staff` on the web pages")
    ] = None

    @field_validator("database_url")
    @classmethod
    def _is_a_database(cls, url: str) -> str:
        """The value may hold a password, so these messages never repeat it."""
        try:
            parsed = make_url(url)
        except Exception as error:  # its kind depends on which part of the URL is wrong
            raise ValueError("write sqlite:///FILE or postgresql://HOST/NAME") from error
        if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
            raise ValueError("books in memory would be lost at once; write sqlite:///FILE")
        return url

    @field_validator("amazon_url")
    @classmethod
    def _is_an_origin(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise ValueError("write scheme and host only, such as https://pay-api.amazon.jp")
        return url

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("it must be a zone such as Asia/Tokyo")
        return value

    @field_validator("dunning_days")
    @classmethod
    def _ascending_days(cls, value: str) -> str:
        parse_schedule(value)
        return value

    @cached_property
    def given_rules(self) -> dict[str, object]:
        """Rules of the merchant that were set on purpose; others stay as the merchant has them."""
        return {name: getattr(self, name) for name in RULES if name in self.model_fields_set}

    def master_key_bytes(self) -> bytes:
        """The master key; a fresh one is made (file mode 0600) where there is none yet."""
        if self.master_key is not None:
            return decode_master_key(self.master_key.get_secret_value())
        file = self.master_key_file or self._folder_of_books() / "master.key"
        if not file.exists():
            _write_secret(file, new_master_key())
        return decode_master_key(file.read_text())

    def _folder_of_books(self) -> Path:
        url = make_url(self.database_url)
        if url.get_backend_name() == "sqlite" and url.database:
            return Path(url.database).parent
        return Path("var")


def load_settings() -> Settings:
    """Read the settings; raises `Refused` naming the variable, its value and the rule."""
    try:
        return Settings(_env_file=settings_file())  # type: ignore[call-arg] # pydantic-settings' own argument
    except ValidationError as error:
        # The cause is left out: it repeats the values, and one of them may hold a password.
        raise Refused(_why_not(error.errors()[0])) from None


def _why_not(found: Any) -> str:
    """What pydantic found, in the words of somebody who sets environment variables."""
    field = "_".join(str(part) for part in found["loc"])
    secret = field == "database_url" or "key" in field or "password" in field
    value = "not usable" if secret else repr(found["input"])
    rule = found["msg"].removeprefix("Value error, ")
    return f"AUTOPAY_{field.upper()} is {value}: {rule}; correct it and try again"


def settings_file() -> Path:
    """`.env` of the current folder; else the demo's, when nothing else was said."""
    told = any(name.startswith("AUTOPAY_") for name in os.environ)
    if told or Path(".env").exists() or not DEMO_SETTINGS.exists():
        return Path(".env")
    return DEMO_SETTINGS


def _write_secret(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text + "\n")
