"""`autopay catalogue import` and `autopay subscribers import`: the whole file first, then all rows.

Every bad row is told on standard error (and in the JSON document); nothing is half imported.
"""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from app.catalogue_file import read_catalogue as parse_file
from app.context import Books, opened_books
from app.output import Advance, note, progress_bar, say, write_json
from app.problems import Refused
from app.settings import load_settings
from app.subscribers_file import ParsedFile, RowProblem, read_subscribers
from billing import (
    CatalogueChange,
    PriceList,
    RowRefused,
    SubscriberRow,
    SubscribersChange,
    TermsAlreadySet,
    load_price_list,
    reading,
    store_catalogue,
    store_subscribers,
    writing,
)
from plans import BadInput, Catalogue, CatalogueProblems
from scheduler import SystemClock


def import_catalogue(file: Path, *, as_json: bool) -> None:
    """Import a price list into the books of the settings."""
    catalogue = read_catalogue(file)
    with opened_books(load_settings(), new_merchant=True) as books:
        change = save_catalogue(books, catalogue)
    if as_json:
        write_json({"file": str(file), "imported": True, **_catalogue_figures(change)})
        return
    say(
        f"{file}: {change.plans_added} plans and {change.prices_added} prices added, "
        f"{change.plans_renamed} plans renamed, {change.unchanged} prices unchanged."
    )
    if catalogue.offers:
        say(
            "Add-ons, coupons, families, migrations and dunning: "
            f"{change.offers_added} added, {change.offers_renamed} renamed, "
            f"{change.offers_unchanged} unchanged."
        )


def read_catalogue(file: Path) -> Catalogue:
    """Read a price list; raises `Refused` after telling every problem of the file."""
    try:
        return parse_file(_read(file))
    except CatalogueProblems as found:
        for problem in found.problems:
            note(f"{file}, {problem}")
        raise Refused(f"{file}: {len(found.problems)} problems; nothing was imported") from found


def save_catalogue(books: Books, catalogue: Catalogue) -> CatalogueChange:
    """Store a price list; raises `Refused` for terms that are set already, or do not fit them."""
    try:
        return writing(books.database, lambda c: store_catalogue(c, books.merchant.id, catalogue))
    except (TermsAlreadySet, BadInput) as error:
        raise Refused(str(error)) from error


def _catalogue_figures(change: CatalogueChange) -> dict[str, int]:
    return {
        "plans_added": change.plans_added,
        "plans_renamed": change.plans_renamed,
        "prices_added": change.prices_added,
        "unchanged": change.unchanged,
        "offers_added": change.offers_added,
        "offers_renamed": change.offers_renamed,
        "offers_unchanged": change.offers_unchanged,
    }


def import_subscribers(file: Path, *, dry_run: bool, skip_bad: bool, as_json: bool) -> None:
    """Import subscribers into the books of the settings; exit 1 when any row is bad."""
    with opened_books(load_settings()) as books:
        parsed = parse_subscribers(books, file)
        problems = list(parsed.problems)
        stops = bool(problems) and not skip_bad
        change = SubscribersChange(added=0, unchanged=0, differing=())
        if not stops and not dry_run:
            change = _save(books, parsed.rows, SystemClock().now())
            problems += [_as_problem(row, refused) for row, refused in change.differing]
    imported = not stops and not dry_run and not change.differing
    if as_json:
        write_json(_subscribers_figures(file, parsed, problems, change, imported, dry_run))
    _tell(file, parsed, problems, change, imported=imported, dry_run=dry_run, quiet=as_json)


def parse_subscribers(books: Books, file: Path) -> ParsedFile:
    """Read and check the whole file under the merchant's prices and cap."""
    data = _read(file)
    with reading(books.database) as connection:
        prices = load_price_list(connection, books.merchant.id)
    if not prices.by_plan_code:
        raise Refused(
            f"merchant {books.merchant.id!r} has no prices yet; "
            "import them first: autopay catalogue import FILE"
        )
    with progress_bar("rows read", total=data.count(b"\n")) as advance:
        return _parse(books, data, prices, advance)


def _parse(books: Books, data: bytes, prices: PriceList, advance: Advance) -> ParsedFile:
    return read_subscribers(
        data,
        prices=prices,
        cap_yen=books.merchant.cap_yen,
        cap_rule=books.merchant.cap_rule,
        on_progress=advance,
    )


def parse_all(books: Books, file: Path) -> Sequence[SubscriberRow]:
    """The rows of a file of which every row must be good; raises `Refused` after telling why."""
    parsed = parse_subscribers(books, file)
    nothing = SubscribersChange(added=0, unchanged=0, differing=())
    if parsed.problems:
        _tell(file, parsed, parsed.problems, nothing, imported=False, dry_run=True, quiet=True)
    return parsed.rows


def save_subscribers(
    books: Books, rows: Sequence[SubscriberRow], *, at: datetime
) -> SubscribersChange:
    """Store checked rows; raises `Refused` when one differs from what is stored."""
    change = _save(books, rows, at)
    if change.differing:
        raise Refused("; ".join(str(refused) for _, refused in change.differing))
    return change


def _save(books: Books, rows: Sequence[SubscriberRow], at: datetime) -> SubscribersChange:
    return writing(books.database, lambda c: store_subscribers(c, books.merchant, rows, at=at))


def _as_problem(row: SubscriberRow, refused: RowRefused) -> RowProblem:
    return RowProblem(
        line=row.line,
        column=refused.column,
        value=refused.value or row.external_id,
        rule=refused.rule,
        remedy=refused.remedy,
        ja=refused.ja,
    )


def _subscribers_figures(
    file: Path,
    parsed: ParsedFile,
    problems: Sequence[RowProblem],
    change: SubscribersChange,
    imported: bool,
    dry_run: bool,
) -> dict[str, Any]:
    return {
        "file": str(file),
        "imported": imported,
        "dry_run": dry_run,
        "good_rows": len(parsed.rows),
        "bad_rows": len(problems),
        "added": change.added,
        "unchanged": change.unchanged,
        "problems": [_problem_json(problem) for problem in problems],
    }


def _problem_json(problem: RowProblem) -> dict[str, Any]:
    return {
        "line": problem.line,
        "column": problem.column,
        "value": problem.value,
        "rule": problem.rule,
        "remedy": problem.remedy,
        "ja": problem.ja,
    }


def _tell(
    file: Path,
    parsed: ParsedFile,
    problems: Sequence[RowProblem],
    change: SubscribersChange,
    *,
    imported: bool,
    dry_run: bool,
    quiet: bool,
) -> None:
    for remark in parsed.notes:
        note(remark.en)
    for problem in problems:
        note(problem.text_en)
    good, bad = len(parsed.rows), len(problems)
    if problems and not imported:
        raise Refused(
            f"{file}: {bad} bad rows, {good} good ones; nothing was imported. Correct the rows"
            + ("" if change.differing else ", or import the good ones with --skip-bad")
        )
    if quiet:
        return
    if dry_run:
        say(f"{file}: {good} rows are good; --dry-run, so nothing was written.")
        return
    skipped = f", {bad} bad rows skipped" if bad else ""
    say(f"{file}: {change.added} subscribers added, {change.unchanged} unchanged{skipped}.")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Refused(f"{file} cannot be read ({error.strerror}); check the name") from error


def first_charge_date(rows: Sequence[SubscriberRow]) -> date:
    """The earliest next charge of the rows; raises `Refused` when there is none."""
    dates = [row.next_charge_on for row in rows if row.next_charge_on is not None]
    if not dates:
        raise Refused("no subscriber of the file has a next charge; there is nothing to charge")
    return min(dates)
