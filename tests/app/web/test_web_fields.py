"""Reading forms: what is understood, what is refused and in which words, what is kept."""

from datetime import date
from typing import Any

import pytest
from web_books import Browser

from app.web.shell import FormReader, SentForm, Words
from app.web.shell.forms import _parts


def reader(**fields: str) -> FormReader:
    return FormReader(SentForm(fields=tuple(fields.items())))


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        pytest.param("1234", 1234, id="digits"),
        pytest.param("1,234", 1234, id="separator"),
        pytest.param("１２３４円", 1234, id="full-width with unit"),
        pytest.param("¥ 1,234", 1234, id="yen sign"),
        pytest.param("０", 0, id="zero"),
    ],
)
def test_amounts_as_people_write_them(typed: str, understood: int) -> None:
    form = reader(amount=typed)
    assert form.yen("amount", least=0) == understood
    assert not form.problems


FAULTS: dict[str, tuple[str, str, Any]] = {
    "empty": ("", "field.required", lambda form: form.yen("x")),
    "letters": ("many", "field.whole", lambda form: form.yen("x")),
    "half a yen": ("1.5", "field.whole", lambda form: form.yen("x")),
    "negative": ("−5", "field.range", lambda form: form.yen("x")),
    "too much": ("1000", "field.range", lambda form: form.yen("x", most=999)),
    "huge": ("9" * 40, "field.whole", lambda form: form.yen("x")),
    "month 13": ("2026-13-01", "field.day", lambda form: form.day("x")),
    "year 1": ("0001-01-01", "field.year", lambda form: form.day("x")),
    "too early": ("2026-01-01", "field.day_range", lambda f: f.day("x", first=date(2026, 2, 1))),
    "no address": ("hanako@", "field.email", lambda form: form.email("x")),
    "two addresses": ("a@b.jp,c@d.jp", "field.email", lambda form: form.email("x")),
    "too long": ("x" * 11, "field.too_long", lambda form: form.text("x", most=10)),
    "NUL": ("a\0b", "field.letters", lambda form: form.text("x")),
    "line break in a line": ("a\nb", "field.letters", lambda form: form.text("x")),
    "unknown choice": ("c", "field.choice", lambda form: form.choice("x", ("a", "b"))),
    "unknown tick": ("c", "field.choice", lambda form: form.choices("x", ("a", "b"))),
    "nothing ticked": ("", "field.must", lambda form: form.flag("x", must=True)),
    "no file": ("", "field.file", lambda form: form.file("x", most_bytes=10)),
    "no password": ("", "field.required", lambda form: form.secret("x")),
}


@pytest.mark.parametrize("case", FAULTS.values(), ids=list(FAULTS))
def test_what_cannot_be_used_is_told_in_both_languages(case: tuple[str, str, Any]) -> None:
    typed, key, read = case
    form = reader(x=typed)
    read(form)
    assert form.problems["x"].key == key
    for language in ("ja", "en"):
        assert Words(language)(key, **form.problems["x"].figures)


@pytest.mark.parametrize(
    "typed", ["2026-12-01", "2026/12/1", "２０２６．１２．０１", "2026年12月1日"]
)
def test_days_as_people_write_them(typed: str) -> None:
    form = reader(on=typed)
    assert form.day("on") == date(2026, 12, 1)


def test_what_was_typed_is_kept_but_for_passwords() -> None:
    form = reader(mail="hanako@", password="a secret of mine")
    form.email("mail")
    form.secret("password")
    assert form.typed == {"mail": "hanako@"}
    assert "secret" not in repr(form.typed)


def test_names_stay_as_they_are_written() -> None:
    """㈱ and 髙 are what their owner typed; only spaces around and invisible marks go."""
    assert reader(name="　㈱髙﨑\u200b ").text("name") == "㈱髙﨑"
    assert reader(name="か\u3099").text("name") == "が"
    assert reader(code="ＡＢ－１").code("code") == "AB-1"


def test_ticks_come_in_the_order_of_the_page() -> None:
    form = FormReader(SentForm(fields=(("x", "b"), ("x", "a"))))
    assert form.choices("x", ("a", "b", "c")) == ["a", "b"]
    assert form.chosen["x"] == ["b", "a"]


def test_a_form_with_a_file_is_read_to_the_byte() -> None:
    content = b"id,name\r\n1,\x83\x65\x83\x58\r\xff\n\n"
    body = (
        b'--xx\r\nContent-Disposition: form-data; name="note"\r\n\r\n'
        + "備考".encode()
        + b'\r\n--xx\r\nContent-Disposition: form-data; name="table"; filename="a.csv"\r\n'
        b"Content-Type: text/csv\r\n\r\n" + content + b"\r\n--xx--\r\n"
    )
    form = _parts(body, "multipart/form-data; boundary=xx")
    assert form.get("note") == "備考"
    assert (form.files["table"].name, form.files["table"].content) == ("a.csv", content)


def test_a_broken_form_with_a_file_is_refused_in_words(staff: Browser) -> None:
    for content in (b"", b"--xx", b"--xx\r\n\r\nx\r\n--xx--"):
        answer = staff.send(
            "POST",
            "/logout",
            content=content,
            headers={"content-type": "multipart/form-data; boundary=xx"},
        )
        assert answer.status_code in (400, 403), content
        assert "<h1>" in answer.text


def test_the_faults_stand_beside_their_fields(staff: Browser) -> None:
    page = staff.get("/components").text
    assert 'aria-invalid="true" aria-describedby="hint-mail problem-mail"' in page
    assert 'id="problem-mail">「hanako@」はメール' in page
    assert 'value="hanako@"' in page
    assert "“hanako@” is not an e-mail" in staff.get("/components?lang=en").text
