"""`autopay staff` as its users meet it."""

from cli_user import User, refusal


def test_accounts_are_made_changed_and_listed(shop: User) -> None:
    made = shop("staff", "add", "Hana", "--role", "owner", "--json").json
    assert made == {
        "name": "hana",
        "role": "owner",
        "state": "active",
        "second_factor": "none",
        "password_from": "account",
        "password": made["password"],
    }
    assert len(made["password"]) == 16
    sentence = "馬 電池 ホチキス 正解"
    added = shop("staff", "add", "ken", "--password-file", "-", stdin=sentence + "\n")
    assert added.output == "ken: viewer, active\n", "a password of their own is not repeated"
    assert shop("staff", "role", "ken", "--role", "finance").output == "ken: finance, active\n"
    assert shop("staff", "disable", "ken").output == "ken: finance, disabled\n"
    reset = shop("staff", "reset", "ken", "--json").json
    assert (reset["state"], len(reset["password"])) == ("disabled", 16)
    names = [(each["name"], each["role"]) for each in shop("staff", "list", "--json").lines]
    assert names == [("hana", "owner"), ("ken", "finance")]


def test_what_cannot_be_done_is_told_in_one_line(shop: User) -> None:
    shop("staff", "add", "hana", "--role", "owner")
    assert "is there already" in refusal(shop("staff", "add", "HANA"))
    assert "the only owner" in refusal(shop("staff", "disable", "hana"))
    assert "there is no staff 'ken'" in refusal(shop("staff", "role", "ken", "--role", "viewer"))
    weak = refusal(shop("staff", "add", "ken", "--password-file", "-", stdin="short"))
    assert "5 characters" in weak
