"""Sets the stage: a folder with books, keys, a local Amazon Pay and the sample merchant in it."""

import secrets
import shutil
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from app.local_amazon import LocalAmazon, start_local_amazon
from app.problems import Refused
from app.settings import Settings

MARK = ".autopay-demo"
SAMPLE = Path(__file__).parent.parent / "sample"
# What a buyer of the sample consents to; the mission's figure, which Amazon enforces here too.
AMOUNT_LIMIT_YEN = 50_000
MERCHANT = "demo"


def clear_folder(folder: Path) -> None:
    """Make an empty demo folder; a folder that is not a demo's own is never emptied."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise Refused(
            f"--dir {folder} is not empty and not a demo's folder; nothing in it was touched. "
            "Name another folder"
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARK).touch()


def start_amazon(folder: Path) -> LocalAmazon:
    """A local Amazon Pay in a folder of the demo's own, unthrottled: months pass in seconds."""
    return start_local_amazon(folder=folder / "amazon", arguments=("--throttle", "off"))


def write_settings(folder: Path, amazon: LocalAmazon) -> Settings:
    """Settings of the demo, also written to a file so that later commands find them."""
    folder = folder.resolve()
    values = {
        "AUTOPAY_DATABASE_URL": f"sqlite:///{folder / 'autopay.db'}",
        "AUTOPAY_MERCHANT": MERCHANT,
        "AUTOPAY_ENVIRONMENT": "sandbox",
        "AUTOPAY_AMAZON_URL": amazon.base_url,
        "AUTOPAY_LOCAL_AMAZON_DIR": str(folder / "amazon"),
        "AUTOPAY_SELLER_ID": amazon.merchant_id,
        "AUTOPAY_STORE_ID": amazon.store_id,
        "AUTOPAY_PUBLIC_KEY_ID": amazon.public_key_id,
        "AUTOPAY_PRIVATE_KEY_FILE": str(amazon.private_key_file.resolve()),
        "AUTOPAY_MASTER_KEY_FILE": str(folder / "master.key"),
        "AUTOPAY_PACED": "false",
        # The local Amazon Pay answers within milliseconds: more in flight would only wait.
        "AUTOPAY_IN_FLIGHT": "8",
        "AUTOPAY_NOTIFICATION_TOPICS": amazon.ipn_topic_arn,
        # Whoever changes a card from My Page does it at the local Amazon Pay.
        "AUTOPAY_BUYER_URL": f"{amazon.base_url}/jr/your-account/ba/{{charge_permission_id}}",
        "AUTOPAY_STAFF_PASSWORD": secrets.token_urlsafe(9),
    }
    file = folder / "autopay.env"
    file.touch(mode=0o600)
    file.write_text("".join(f"{name}='{value}'\n" for name, value in values.items()))
    return Settings(_env_file=file)  # type: ignore[call-arg] # pydantic-settings' own argument


def starting_moment(first_charge: date, *, timezone: str) -> datetime:
    """Noon of the day before the first charge."""
    day = first_charge - timedelta(days=1)
    return datetime.combine(day, time(12), tzinfo=ZoneInfo(timezone)).astimezone(UTC)
