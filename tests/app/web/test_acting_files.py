"""Import of subscribers and export for spreadsheets, on the pages."""

import re
from collections.abc import Iterator

import httpx
import pytest
from acting_shop import ActingShop, acting
from support.sandbox import Sandbox

HEADER = (
    "external_id,name,kana,email,plan,quantity,started_on,anchor_day,next_charge_on,status,"
    "resume_on,charge_permission_id,buyer_id,postal_code,minimum_cycles_done,note"
)
GOOD = "new-{0},{1},,n{0}@example.jp,basic,1,2026-11-01,1,2026-12-01,active,,{2},b{0},,,"
SAME = "C03-000010{}-0000001"


@pytest.fixture
def desk(database_url: str, sandbox: Sandbox) -> Iterator[ActingShop]:
    with acting(database_url, sandbox) as shop:
        yield shop


def row(number: int, name: str = "佐藤") -> str:
    return GOOD.format(number, name, SAME.format(number))


def upload(desk: ActingShop, lines: list[str], how: str = "import") -> httpx.Response:
    browser = desk.who("support")
    fields = browser.form_of("/imports?lang=en", "/imports") | {"how": how}
    file = ("subscribers.csv", "\n".join([HEADER, *lines]).encode(), "text/csv")
    return browser.send("POST", "/imports", data=fields, files={"file": file})


def subscribers(desk: ActingShop) -> int:
    return len(desk.shop.rows("SELECT id FROM subscription"))


def export(desk: ActingShop, **fields: str) -> httpx.Response:
    defaults = {"kind": "customers", "encoding": "cp932", "on_fault": "stop"}
    form = desk.who("finance").form_of("/exports?lang=en", "/exports")
    return desk.who("finance").send("POST", "/exports", data=form | defaults | fields)


def test_files_go_in_whole_and_come_out_harmless(desk: ActingShop) -> None:
    nothing_is_taken_unless_all_is_good(desk)
    what_is_too_large_is_told_with_its_way_in(desk)
    what_comes_out_runs_nowhere(desk)
    assert desk.shop.faults() == []


def nothing_is_taken_unless_all_is_good(desk: ActingShop) -> None:
    bad = upload(desk, [row(1), "x,y", row(2).replace("basic", "unknown"), row(3, "")])
    assert bad.status_code == 422
    for line, column in (("3", "row"), ("4", "plan"), ("5", "name")):
        assert f">{line}<" in bad.text.replace("</span>", "<"), line
        assert column in bad.text
    assert "nothing was imported" in bad.text
    assert subscribers(desk) == 6
    dry = upload(desk, [row(1), row(2, "𠮷田"), row(3, "=cmd()")], how="dry")
    assert dry.status_code == 200
    assert "All 3 rows are good" in dry.text
    assert subscribers(desk) == 6
    assert upload(desk, [row(1), row(2, "𠮷田"), row(3, "=cmd()")]).status_code == 303
    assert subscribers(desk) == 9
    assert upload(desk, [row(1)]).status_code == 303, "the same row again is no fault"
    differs = upload(desk, [row(4), row(1).replace("basic", "studio")])
    assert differs.status_code == 422
    assert subscribers(desk) == 9, "not even the good row"
    empty = upload(desk, [])
    assert empty.status_code == 422
    assert "no rows below its first line" in empty.text
    assert desk.audit("desk_imported")[0] == ("desk_imported", "support")
    for role in ("viewer", "finance"):
        desk.get("/imports", role, status=403)


def what_is_too_large_is_told_with_its_way_in(desk: ActingShop) -> None:
    """17.0 MB of rows: 16 MB are the most. What was chosen beside the file is still chosen."""
    line = row(1).encode() + b"\n"
    content = HEADER.encode() + b"\n" + line * ((17 * 1024 * 1024 - 500) // len(line))
    browser = desk.who("support")
    for language, said in (
        ("en", ("This file is 17 MB; pages take 16 MB", "autopay subscribers import")),
        ("ja", ("このファイルは17 MBです", "autopay subscribers import")),
    ):
        fields = browser.form_of(f"/imports?lang={language}", "/imports") | {"how": "import"}
        file = ("many.csv", content, "text/csv")
        answer = browser.send("POST", "/imports", data=fields, files={"file": file})
        assert answer.status_code == 413
        assert 'id="problem-file"' in answer.text
        for words in said:
            assert words in answer.text, words
        assert re.search(r'value="import"[^>]*checked', answer.text), "what was chosen is kept"
    assert subscribers(desk) == 9
    # A list of names that is cut would move others than were meant: nothing of it is read.
    form = browser.form_of("/bulk/move", "/bulk/move") | {"names": "sub-001\n" * 300_000}
    none = {"file": ("", b"", "text/csv")}
    answer = browser.send("POST", "/bulk/move", data=form, files=none)
    assert answer.status_code == 413
    assert "problem-" not in answer.text


def what_comes_out_runs_nowhere(desk: ActingShop) -> None:
    stopped = export(desk)
    assert stopped.status_code == 422
    assert "U+20BB7" in stopped.text
    made = export(desk, on_fault="geta")
    assert made.status_code == 200
    text = made.content.decode("cp932")
    assert "〓田" in text
    assert "'=cmd()" in text
    utf8 = export(desk, encoding="utf-8").content.decode("utf-8")
    assert utf8.startswith("\ufeff")
    assert "𠮷田" in utf8
    charges = export(desk, kind="charges", first="2026-11-30", last="2026-11-30", encoding="utf-8")
    lines = charges.content.decode("utf-8").splitlines()
    assert len(lines) == 1 + 5, lines
    assert "29800" in charges.text
    subscriptions = export(desk, kind="subscriptions", encoding="utf-8").text
    assert len(subscriptions.splitlines()) == 10
    for fields in ({"first": "2026-13-01"}, {"kind": "secrets"}, {"encoding": "utf-7"}):
        assert export(desk, **fields).status_code == 422, fields
    desk.get("/exports", "viewer", status=403)
    assert len(desk.audit("desk_exported")) == 4
