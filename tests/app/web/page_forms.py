"""Reads the forms of a page as a browser does, to fill them in and to see what stands in them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

TYPED = ("text", "email", "search", "tel", "date", "number", "password")


@dataclass
class PageForm:
    """A form: where it goes, what is in it, and the names of the fields to write in."""

    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    writable: list[str] = field(default_factory=list)

    def written(self) -> dict[str, str]:
        """What stands in the fields that somebody writes in."""
        return {name: value for name, value in self.fields if name in self.writable}

    def filled(self, text: str) -> dict[str, str]:
        """What is sent when `text` is written into every field."""
        return dict(self.fields) | dict.fromkeys(self.writable, text)


@dataclass
class Page:
    """The language of a page, its forms, the links of its header, and all that it says.

    `faults` are the ids of what it says beside fields.
    """

    language: str = ""
    forms: list[PageForm] = field(default_factory=list)
    wishes: dict[str, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def form(self, path: str) -> PageForm | None:
        """The form that is sent to an address."""
        return next((each for each in self.forms if each.action.split("?")[0] == path), None)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._form: PageForm | None = None
        self._area = self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.page.language = found["lang"]
        if found.get("id", "").startswith("problem-"):
            self.page.faults.append(found["id"])
        if tag == "a" and "hreflang" in found:
            self.page.wishes[found["hreflang"]] = found["href"]
        if tag == "a" and " theme-" in found.get("class", ""):
            self.page.wishes[found["class"].split("theme-")[1].split()[0]] = found["href"]
        if tag == "form" and found.get("method") == "post":
            self._form = PageForm(found["action"])
            self.page.forms.append(self._form)
        self.page.texts.append(found.get("value", ""))
        if self._form is not None and "name" in found:
            self._field(self._form, tag, found)
        if tag == "option" and self._form is not None and self._select and found.get("value"):
            names = [name for name, _ in self._form.fields]
            if "selected" in found or self._select not in names:
                self._form.fields.append((self._select, found["value"]))

    def _field(self, form: PageForm, tag: str, found: dict[str, str]) -> None:
        name, kind = found["name"], found.get("type", "text")
        if tag == "select":
            self._select = name
        elif tag == "textarea" or (tag == "input" and kind in TYPED):
            form.fields.append((name, found.get("value", "")))
            form.writable.append(name)
            self._area = name if tag == "textarea" else ""
        elif (
            kind == "hidden"
            or (kind in ("radio", "checkbox") and "checked" in found)
            or (tag == "button" and name not in dict(form.fields))
        ):
            form.fields.append((name, found.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag == "select":
            self._select = ""
        if tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        self.page.texts.append(data)
        if self._form is not None and self._area:
            # A browser takes the line break after the tag away.
            self._form.fields.append((self._area, data.removeprefix("\n")))


def read_page(text: str) -> Page:
    """What a page holds."""
    reader = _Reader()
    reader.feed(text)
    return reader.page
