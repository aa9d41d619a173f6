"""Passkeys of the staff: made, used at the log-in and for what weighs much, refused, removed."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from passkey_house import (
    ACCOUNT,
    BEGIN,
    CODE,
    MAKE,
    House,
    asked,
    gives,
    question_of,
    quick_passwords,
    works,
)
from sqlalchemy import text
from support.authenticator import Authenticator
from web_books import PASSWORD, open_books

from app.problems import Refused
from app.web.shell import Role, StaffMember
from app.web.staff import forget_second_factor
from app.web.staff.passkeys import passkeys_of, remove_passkey
from billing import reading, writing

OLD = timedelta(minutes=5)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    books = open_books(f"sqlite:///{tmp_path_factory.mktemp('passkeys') / 'a.sqlite3'}")
    with quick_passwords():
        yield House(books)
    books.database.dispose()


def test_a_passkey_is_made_and_opens_the_pages(house: House) -> None:
    hana = house.member("hana")
    other = hana.log_in()
    assert gives(other, "").status_code == 401
    key = hana.with_passkey("Hana's telephone")
    page = hana.browser.get(f"{ACCOUNT}?passkey=added").text
    assert "Hana&#39;s telephone" in page
    assert "Never yet" in page
    assert other.get(CODE).headers["location"].startswith("/login"), "sessions of before end"
    again = hana.log_in()
    assert not works(again), "the password alone opens nothing"
    assert "data-passkey" in again.get(CODE).text
    answer = gives(again, key.prove(asked(again)))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert works(again)
    assert "Never yet" not in again.get(ACCOUNT).text
    assert house.audit("hana") == [("staff_passkey", 'passkey "Hana\'s telephone" added')]


def test_the_questions_ask_for_what_the_standard_has(house: House) -> None:
    ken = house.member("ken")
    question = json.loads(ken.asked_to_make())
    assert question["rp"]["id"] == "localhost"
    assert question["attestation"] == "none"
    assert question["authenticatorSelection"]["userVerification"] == "preferred"
    assert len(question["challenge"]) == 43, "32 random bytes"
    assert "ken" not in question["user"]["id"]
    key = Authenticator()
    assert ken.sends(key.make(json.dumps(question))).status_code == 303
    again = ken.log_in()
    first, second = json.loads(asked(again)), json.loads(asked(again))
    assert first["challenge"] != second["challenge"]
    assert [each["transports"] for each in first["allowCredentials"]] == [["internal"]]
    assert json.loads(ken.asked_to_make())["excludeCredentials"] == first["allowCredentials"]


def test_a_passkey_is_made_only_by_who_proved_right_before(house: House) -> None:
    mio = house.member("mio")
    assert mio.browser.get(MAKE).headers["location"] == BEGIN
    refused = mio.browser.post_form(BEGIN, BEGIN, code="000000")
    assert refused.status_code == 422
    assert mio.browser.get(MAKE).headers["location"] == BEGIN
    made = Authenticator().make(mio.asked_to_make())
    form = mio.browser.form_of(MAKE, MAKE)
    house.wall.at += OLD
    assert mio.browser.get(MAKE).headers["location"] == BEGIN
    late = mio.browser.send("POST", MAKE, data=form | {"name": "late", "passkey": made})
    assert late.status_code == 422
    assert "five minutes were over" in late.text
    assert house.audit("mio") == []


def test_a_passkey_there_is_opens_the_making_of_another(house: House) -> None:
    sora = house.member("sora")
    key = sora.with_passkey()
    proof = key.prove(asked(sora.browser, ACCOUNT))
    assert sora.browser.post_form(BEGIN, BEGIN, passkey=proof).headers["location"] == MAKE
    assert sora.sends(Authenticator().make(question_of(sora.browser)), "Second").status_code == 303
    assert len(house.audit("sora")) == 2


def test_one_passkey_is_never_two_peoples(house: House) -> None:
    rin, aoi = house.member("rin"), house.member("aoi")
    key = rin.with_passkey()
    taken = aoi.sends(key.make(aoi.asked_to_make()))
    assert taken.status_code == 422
    assert "registered already" in taken.text
    assert house.audit("aoi") == []


def test_somebody_elses_passkey_opens_nothing(house: House) -> None:
    emi, ren = house.member("emi"), house.member("ren")
    emis, rens = emi.with_passkey(), ren.with_passkey()
    stolen = emi.log_in()
    answer = gives(stolen, rens.prove(asked(stolen)))
    assert answer.status_code == 401
    assert "was not accepted" in answer.text
    named = rens.prove(asked(stolen), id=json.loads(emis.prove(asked(stolen)))["id"])
    assert gives(stolen, named).status_code == 401, "a false name needs the right signature"
    assert not works(stolen)


def test_a_challenge_is_good_once_and_in_one_session(house: House) -> None:
    jun = house.member("jun")
    key = jun.with_passkey()
    first, second = jun.log_in(), jun.log_in()
    question = asked(first)
    asked(second)
    proof = key.prove(question)
    assert gives(second, proof).status_code == 401, "it was another session's"
    assert gives(first, proof).status_code == 303
    proof = key.prove(asked(second))
    second.post_form(CODE, CODE, passkey=key.prove(question))
    assert gives(second, proof).status_code == 401, "a wrong answer used the challenge up"


def test_an_answer_cannot_be_sent_twice(house: House) -> None:
    yui = house.member("yui")
    key = yui.with_passkey(counts=False)
    browser = yui.browser
    fields = {"passkey": key.prove(asked(browser, ACCOUNT)), "act": "remove"}
    page = re.findall(r'href="(/account/passkeys/\d+)"', browser.get(ACCOUNT).text)[0]
    assert browser.post_form(BEGIN, BEGIN, passkey=fields["passkey"]).status_code == 303
    assert browser.post_form(page, page, **fields).status_code == 422
    assert len(house.audit("yui")) == 1


def test_a_challenge_grows_too_old(house: House) -> None:
    nao = house.member("nao")
    key = nao.with_passkey()
    browser = nao.log_in()
    proof = key.prove(asked(browser))
    house.wall.at += OLD
    assert gives(browser, proof).status_code == 401
    asked(browser)
    with reading(house.books.database) as connection:
        left = connection.execute(text("SELECT count(*) FROM passkey_challenge")).scalar_one()
    assert left == 1, "old ones are not kept"


def test_a_copied_passkey_is_refused_and_reported(house: House) -> None:
    kai = house.member("kai")
    key = kai.with_passkey()
    browser = kai.log_in()
    assert gives(browser, key.prove(asked(browser), count=7)).status_code == 303
    for count in (7, 6):
        browser = kai.log_in()
        assert gives(browser, key.prove(asked(browser), count=count)).status_code == 401
        assert not works(browser)
    told = [what for kind, what in house.audit("kai") if kind == "staff_passkey_copied"]
    assert told == [f"passkey 'Key' counted {n} after 7: it was copied" for n in (7, 6)]
    assert house.told("kai") == ["passkey_added", "passkey_copied"]
    forged = kai.log_in()
    gives(forged, key.prove(asked(forged), count=1, signature=b"0"))
    assert len(house.audit("kai")) == 3, "only what is signed is reported"


def test_a_passkey_that_does_not_count_goes_on(house: House) -> None:
    mei = house.member("mei")
    key = mei.with_passkey(counts=False)
    for _ in range(2):
        browser = mei.log_in()
        assert gives(browser, key.prove(asked(browser))).status_code == 303


def test_wrong_passkeys_wait_as_wrong_codes_do(house: House) -> None:
    thief = house.member("taro")
    key = thief.with_passkey()
    browser = thief.log_in()
    answers = [
        gives(browser, key.prove(asked(browser), signature=b"0")).status_code for _ in range(3)
    ]
    answers.append(browser.post_form(CODE, CODE, code="000000").status_code)
    answers.append(gives(browser, key.prove(asked(browser))).status_code)
    assert answers == [401, 401, 401, 429, 429], "codes and passkeys are counted together"
    house.wall.at += timedelta(minutes=1)
    assert gives(browser, key.prove(asked(browser))).status_code == 303
    assert house.log_in("taro"), "and a right one forgives"


def test_a_passkey_has_a_name_and_an_end(house: House) -> None:
    ryo, eve = house.member("ryo"), house.member("eve")
    key = ryo.with_passkey("Old")
    page = re.findall(r'href="(/account/passkeys/\d+)"', ryo.browser.get(ACCOUNT).text)[0]
    for act in ("rename", "remove"):
        fields = eve.browser.form_of(ACCOUNT, "/account/sign-out-everywhere")
        answer = eve.browser.send("POST", page, data=fields | {"act": act, "name": "Mine"})
        assert answer.status_code == 404, "nobody else's"
    assert eve.browser.get(page).status_code == 404
    assert ryo.browser.post_form(page, page, act="rename", name="").status_code == 422
    assert ryo.browser.post_form(page, page, act="rename", name="New").status_code == 303
    assert ryo.browser.post_form(page, page, act="remove").status_code == 422, "a code is needed"
    other = ryo.log_in()
    assert gives(other, key.prove(asked(other))).status_code == 303
    answer = other.post_form(page, page, act="remove", code=ryo.code())
    assert answer.headers["location"] == "/account?passkey=removed"
    assert works(other)
    assert not works(ryo.browser), "all other log-ins end"
    last = ryo.log_in()
    assert asked(last) == "null"
    assert gives(last, key.prove('{"challenge": "", "rpId": "localhost"}')).status_code == 401
    assert last.post_form(CODE, CODE, code=ryo.code()).status_code == 303, "the codes stay"
    assert house.told("ryo") == ["passkey_added", "passkey_removed"]
    assert [what for _, what in house.audit("ryo")] == [
        "passkey 'Old' added",
        "passkey 'Old' is now 'New'",
        "passkey 'New' removed",
    ]


def test_a_passkey_removed_meanwhile_opens_nothing(house: House) -> None:
    leo = house.member("leo")
    key = leo.with_passkey()
    browser = leo.log_in()
    proof = key.prove(asked(browser))
    with house.books.database.begin() as connection:
        connection.execute(text("DELETE FROM passkey WHERE name = 'Key'"))
    assert gives(browser, proof).status_code == 401


def test_nobody_is_left_with_passkeys_alone(house: House) -> None:
    yuki = house.member("yuki")
    yuki.with_passkey()
    who = {"merchant_id": "web", "at": house.wall.now()}
    staff_id = int(re.findall(r"\d+", str(_ids(house, "yuki")))[0])
    member = StaffMember(staff_id, "yuki", Role.VIEWER, 1, "")
    with house.books.database.begin() as connection:
        connection.execute(text("UPDATE staff_user SET sealed_totp = NULL WHERE name = 'yuki'"))
        (mine,) = passkeys_of(connection, member)
        with pytest.raises(Refused, match="no authenticator"):
            remove_passkey(connection, member, merchant_id="web", passkey=mine, at=who["at"])
    writing(house.books.database, lambda c: forget_second_factor(c, name="yuki", by="owner", **who))
    with reading(house.books.database) as connection:
        assert passkeys_of(connection, member) == [], "a lost telephone takes them along"


def _ids(house: House, name: str) -> list[int]:
    with reading(house.books.database) as connection:
        found = connection.execute(text("SELECT id FROM staff_user WHERE name = :n"), {"n": name})
        return [int(row.id) for row in found]


def test_without_an_authenticator_there_is_no_passkey(house: House) -> None:
    browser = house.log_in("staff")
    assert "Set up an authenticator first" in browser.get(ACCOUNT).text
    assert browser.get(BEGIN).headers["location"] == "/account#passkeys"
    token = {"form_token": browser.token(ACCOUNT)}
    assert browser.send("POST", BEGIN, data=token).headers["location"] == "/account#passkeys"
    assert browser.get(MAKE).headers["location"] == BEGIN


def test_what_weighs_much_takes_a_passkey_as_a_code(house: House) -> None:
    owner = house.member("owner", Role.OWNER)
    key = owner.with_passkey()
    page, wanted = "/settings/staff/new", {"name": "newcomer", "role": "finance"}
    assert "data-passkey" in owner.browser.get(page).text
    proof = key.prove(asked(owner.browser, page))
    refused = owner.browser.post_form(page, page, **wanted, passkey=f"{proof[:-3]}}}")
    assert refused.status_code == 422
    assert "was not accepted" in refused.text
    assert proof not in refused.text
    proof = key.prove(asked(owner.browser, page))
    assert owner.browser.post_form(page, page, **wanted, passkey=proof).status_code == 303
    again = owner.browser.post_form(page, page, name="another", role="finance", passkey=proof)
    assert again.status_code == 422, "it counts once"
    for _ in range(3):
        again = owner.browser.post_form(page, page, name="another", role="finance", passkey="{}")
    assert "Too many failures" in again.text, "guesses wait as those of codes do"


@pytest.mark.parametrize(
    ("public_url", "host", "right"),
    [
        pytest.param("https://my.example.jp", "https://my.example.jp", True, id="public"),
        pytest.param("https://my.example.jp", "https://evil.example", False, id="another origin"),
        pytest.param("https://my.example.jp", "http://my.example.jp", False, id="http"),
        pytest.param("https://my.example.jp", "https://my.example.jp:444", False, id="port"),
    ],
)
def test_the_address_is_the_one_of_the_settings(
    house: House, public_url: str, host: str, right: bool
) -> None:
    """Never that of the `Host` header, which is whatever a stranger writes there."""
    far = House(house.books, public_url=public_url)
    name = f"far{len(_all(house))}"
    far.wall.at = house.wall.at
    person = far.member(name)
    question = person.asked_to_make()
    assert json.loads(question)["rp"]["id"] == "my.example.jp"
    answer = person.sends(Authenticator(origin=host).make(question))
    assert (answer.status_code == 303) is right


def _all(house: House) -> list[str]:
    with reading(house.books.database) as connection:
        return [row.name for row in connection.execute(text("SELECT name FROM staff_user"))]


def test_a_passkey_of_another_address_is_not_asked_for(house: House) -> None:
    moved = house.member("moved")
    moved.with_passkey()
    far = House(house.books, public_url="https://my.example.jp")
    far.wall.at = house.wall.at
    browser = far.log_in("moved")
    assert asked(browser) == "null"
    assert browser.post_form(CODE, CODE, code=moved.code()).status_code in (303, 401)
    assert PASSWORD not in browser.get(CODE).text


def test_postgresql_keeps_them_as_sqlite_does(postgres_url: str) -> None:
    """Made, used and removed where rows are locked and numbers have sizes."""
    books = open_books(postgres_url)
    with quick_passwords():
        hana = House(books).member("hana")
        key = hana.with_passkey()
        browser = hana.log_in()
        most = 2**32 - 1
        assert gives(browser, key.prove(asked(browser), count=most)).status_code == 303
        again = hana.log_in()
        assert gives(again, key.prove(asked(again), count=most)).status_code == 401
        page = re.findall(r'href="(/account/passkeys/\d+)"', browser.get(ACCOUNT).text)[0]
        proof = key.prove(asked(browser, ACCOUNT), count=most)
        assert browser.post_form(page, page, act="remove", passkey=proof).status_code == 422
        assert browser.post_form(page, page, act="remove", code=hana.code()).status_code == 303
    books.database.dispose()
