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

from amazonpay import Transport
from app.problems import Refused
from billing import decode_master_key, new_master_key, parse_schedule
from billing.deliveries import BUYER_URL
from billing.notifications import parse_topics

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
    "notification_topics",
    "sweep_days",
    "pending_authorizations",
    "open_authorizations",
    "cap_of_canceled",
    "authorization_days",
    "reauthorize_days",
    "refunds_per_charge",
    "refund_approval_yen",
)
"""Settings that are rules of the merchant and are kept with it in the database."""

NOTICE_RULES = {
    "notice_language": "language",
    "mail_reply_to": "reply_to",
    **{
        name: name
        for name in (
            *("upcoming_days", "mail_from", "mail_name", "staff_email", "buyer_url"),
            *("seller_name", "seller_postal_code", "seller_address"),
            *("seller_phone", "seller_url"),
        )
    },
}
"""Settings that are rules of a merchant's notices, by their names among those."""


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
    environment_name: Annotated[
        str, Field(description="name of this installation, such as production", min_length=1)
    ] = "main"
    sent_file: Annotated[
        Path | None, Field(description="newest attempt sent from here, kept outside the books")
    ] = None
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
    notification_topics: Annotated[
        str, Field(description="SNS topics that may notify us, parted by commas")
    ] = ""
    sweep_days: Annotated[
        int,
        Field(description="days before a charge from which its permission is read", ge=1, le=60),
    ] = 7
    paced: Annotated[bool, Field(description="stay under Amazon's throttle by our own pacing")] = (
        True
    )
    in_flight: Annotated[int, Field(description="calls in flight at once", ge=1, le=128)] = 16
    tick_seconds: Annotated[
        int,
        Field(description="seconds between two looks of a worker at what is due", ge=1, le=3600),
    ] = 60
    pending_authorizations: Annotated[
        bool, Field(description="authorisations of goods may stay pending at Amazon for a day")
    ] = False
    open_authorizations: Annotated[
        Literal["one", "many"],
        Field(description="whether a permission is charged beside an open authorisation"),
    ] = "one"
    cap_of_canceled: Annotated[
        Literal["kept", "released"],
        Field(description="whether a cancelled authorisation still counts in its month"),
    ] = "kept"
    authorization_days: Annotated[
        int, Field(description="days until an authorisation lapses at Amazon", ge=1, le=30)
    ] = 30
    reauthorize_days: Annotated[
        int, Field(description="days before that on which it is made anew", ge=0, le=29)
    ] = 3
    refunds_per_charge: Annotated[
        int, Field(description="refunds that Amazon makes of one charge", ge=1, le=100)
    ] = 10
    refund_approval_yen: Annotated[
        int,
        Field(description="refunds above this need a second person; 0 always", ge=0, le=9_999_999),
    ] = 10_000
    slices_at_once: Annotated[
        int, Field(description="slices that a worker works on at a time (PostgreSQL)", ge=1, le=64)
    ] = 4
    heartbeat_seconds: Annotated[
        float,
        Field(description="seconds between a worker's signs of life (PostgreSQL)", ge=0.2, le=15),
    ] = 5.0
    deadline_seconds: Annotated[
        float, Field(description="longest wait for one answer of Amazon", gt=0, le=120)
    ] = 10.0
    transport: Annotated[
        Transport, Field(description="what carries charges to Amazon; fast needs autopay[fast]")
    ] = "standard"
    doubt_signature_hours: Annotated[
        int,
        Field(description="hours in which Amazon may still take an old signature", ge=1, le=720),
    ] = 12
    doubt_patience_hours: Annotated[
        int,
        Field(description="hours of looking for proofs before a person is asked", ge=1, le=2160),
    ] = 72
    doubt_two_persons_yen: Annotated[
        int, Field(description="from this sum on two people decide about a doubt", ge=0)
    ] = 30_000
    doubt_report_hours: Annotated[
        int, Field(description="hours Amazon may take to list a charge in a report", ge=1, le=720)
    ] = 48
    public_url: Annotated[
        str, Field(description="where customers reach these pages, such as https://my.example.jp")
    ] = ""
    price_notice_days: Annotated[
        int,
        Field(description="days between the notice of a price change and it", ge=10, le=365),
    ] = 30
    leave_early: Annotated[
        Literal["refused", "for_fee"],
        Field(description="whether customers leave within the minimum term by agreeing to its fee"),
    ] = "refused"
    retention_offer: Annotated[
        Literal["none", "pause", "skip"],
        Field(description="what somebody who wants to leave is offered instead, once"),
    ] = "none"
    staff_password: Annotated[
        SecretStr | None, Field(description="password of `staff` on the web pages")
    ] = None
    passkey_verification: Annotated[
        Literal["required", "preferred", "discouraged"],
        Field(description="whether the staff's passkeys ask for a PIN, a finger or a face"),
    ] = "preferred"

    upcoming_days: Annotated[
        int, Field(description="days before a charge on which its customer is told; 0: never")
    ] = 10
    notice_language: Annotated[
        Literal["ja", "en"], Field(description="language of mails to who has chosen none")
    ] = "ja"
    mail_from: Annotated[
        str, Field(description="address that mails come from; without it none is sent")
    ] = ""
    mail_name: Annotated[str, Field(description="name that mails come from")] = ""
    mail_reply_to: Annotated[str, Field(description="address for answers to mails")] = ""
    staff_email: Annotated[
        str, Field(description="address of the people who look after what needs a person")
    ] = ""
    seller_name: Annotated[str, Field(description="who sells, under every mail")] = ""
    seller_postal_code: Annotated[str, Field(description="the seller's postal code")] = ""
    seller_address: Annotated[str, Field(description="the seller's address")] = ""
    seller_phone: Annotated[str, Field(description="the seller's telephone")] = ""
    seller_url: Annotated[
        str, Field(description="the seller's page by the Act on Specified Commercial Transactions")
    ] = ""
    buyer_url: Annotated[str, Field(description="Amazon's page of a permission, for its buyer")] = (
        BUYER_URL
    )
    smtp_host: Annotated[str, Field(description="mail server; without it mails wait")] = ""
    smtp_port: Annotated[int, Field(description="its port", ge=1, le=65535)] = 587
    smtp_security: Annotated[
        Literal["starttls", "tls", "none"], Field(description="how the way to it is secured")
    ] = "starttls"
    smtp_user: Annotated[str, Field(description="user at the mail server")] = ""
    smtp_password: Annotated[SecretStr | None, Field(description="password at the mail server")] = (
        None
    )
    smtp_ca_file: Annotated[
        Path | None, Field(description="certificate authority of a mail server of your own")
    ] = None
    webhook_loopback: Annotated[
        bool, Field(description="webhooks may go to this machine, for development")
    ] = False
    metrics_token: Annotated[
        SecretStr | None,
        Field(description="what a monitoring system sends to read /metrics; unset: nobody can"),
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

    @field_validator("public_url")
    @classmethod
    def _is_our_origin(cls, url: str) -> str:
        return cls._is_an_origin(url) if url else url

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

    @field_validator("notification_topics")
    @classmethod
    def _topics(cls, value: str) -> str:
        parse_topics(value)
        return value

    @cached_property
    def given_rules(self) -> dict[str, object]:
        """Rules of the merchant that were set on purpose; others stay as the merchant has them."""
        return {name: getattr(self, name) for name in RULES if name in self.model_fields_set}

    @cached_property
    def given_notice_rules(self) -> dict[str, object]:
        """Rules of notices that were set on purpose."""
        return {
            rule: getattr(self, name)
            for name, rule in NOTICE_RULES.items()
            if name in self.model_fields_set
        }

    def master_key_bytes(self) -> bytes:
        """The master key; a fresh one is made (file mode 0600) where there is none yet."""
        if self.master_key is not None:
            return decode_master_key(self.master_key.get_secret_value())
        file = self.master_key_file or self._folder_of_books() / "master.key"
        if not file.exists():
            _write_secret(file, new_master_key())
        return decode_master_key(file.read_text())

    def sent_file_path(self) -> Path:
        """Where the newest attempt sent from this machine is kept; beside the books if not said."""
        return self.sent_file or self._folder_of_books() / "sent.json"

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
    except UnicodeDecodeError:
        raise Refused(f"{settings_file()} is not UTF-8 text; save it as UTF-8") from None


_IN_WORDS = {
    "int_parsing": "is not a whole number",
    "int_parsing_size": "is not a whole number of this size",
    "bool_parsing": "is neither true nor false",
}
"""What the library says of types, in the words of people; the rest of its words can be read."""


def _why_not(found: Any) -> str:
    """What pydantic found, in the words of somebody who sets environment variables."""
    field = "_".join(str(part) for part in found["loc"])
    secret = field == "database_url" or "key" in field or "password" in field
    value = "not usable" if secret else repr(found["input"])
    said = found["msg"].removeprefix("Value error, ").replace("Input should", "must")
    rule = _IN_WORDS.get(found["type"], said)
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
