"""`autopay migrate` and `autopay settings`."""

from pathlib import Path
from uuid import uuid4

from pydantic import SecretStr
from sqlalchemy import Engine, make_url
from sqlalchemy.exc import OperationalError

from app.context import open_database
from app.migrations import migrate as upgrade
from app.output import say, write_json, write_table
from app.problems import Refused
from app.settings import Settings, load_settings, settings_file
from billing import writing
from billing.store.environment import mark_environment
from scheduler import SystemClock


def migrate(*, as_json: bool) -> None:
    """Upgrade the database of the settings."""
    settings = load_settings()
    database = open_database(settings)
    url = make_url(settings.database_url).render_as_string(hide_password=True)
    try:
        before, after = upgrade(database)
        _mark(settings, database)
    except OperationalError as error:
        reason = str(error.orig).splitlines()[0]
        raise Refused(
            f"the database {url} cannot be opened ({reason}); check AUTOPAY_DATABASE_URL"
        ) from error
    finally:
        database.dispose()
    if as_json:
        write_json({"database": url, "before": before, "after": after})
    elif before == after:
        say(f"{url} is at revision {after} already.")
    else:
        say(f"{url}: revision {before or 'none'} → {after}.")


def _mark(settings: Settings, database: Engine) -> None:
    """A new database learns which environment it belongs to; one that knows it keeps it."""
    at = SystemClock().now()
    name, uid = settings.environment_name, uuid4().hex
    writing(database, lambda c: mark_environment(c, name=name, uid=uid, at=at, by="migrate"))


def show_settings(*, as_json: bool) -> None:
    """Every setting with value, origin and meaning; secrets only say whether they are set."""
    settings = load_settings()
    rows = [_setting_row(settings, name) for name in Settings.model_fields]
    if as_json:
        write_json({name: {"value": value, "from": origin} for name, value, origin, _ in rows})
        return
    file = settings_file()
    read_from = f"{file}" if file.exists() else f"{file} (absent)"
    write_table(("Setting", "Value", "From", "Meaning"), rows, title=f"Settings file: {read_from}")


def _setting_row(settings: Settings, name: str) -> tuple[str, str, str, str]:
    value = getattr(settings, name)
    if isinstance(value, SecretStr):
        shown = "(set)"
    elif isinstance(value, Path):
        shown = str(value)
    elif name == "database_url":
        shown = make_url(value).render_as_string(hide_password=True)
    else:
        shown = "" if value is None else str(value)
    origin = "given" if name in settings.model_fields_set else "default"
    meaning = Settings.model_fields[name].description or ""
    return f"AUTOPAY_{name.upper()}", shown, origin, meaning
