"""What an outside review found about values: nothing leaks, nothing breaks where it is kept."""

import copy
import dataclasses
import json
import pickle
from time import process_time

import pytest
from wire_helpers import NOW, charge_json, throwaway_key, vectors

from amazonpay import (
    AddressDetails,
    Algorithm,
    Buyer,
    Charge,
    CheckoutSession,
    Credentials,
    DefiniteRefusal,
    ErrorCode,
    FrequencyUnit,
    InvalidArgument,
    RecurringMetadata,
    UnknownOutcome,
    UnreadableSettlement,
    UnusableKey,
    load_private_key,
    parse_settlement_report,
)
from amazonpay.answers import HttpAnswer, read_answer, server_time
from amazonpay.calls import get_authorization_token
from amazonpay.notifications import BadSignature, TryLater, WrongTopic
from amazonpay.reading import MalformedResponse, read_object
from amazonpay.wire import Wire

NAME = "山田太郎"
SESSION = {"checkoutSessionId": "s-1", "statusDetails": {"state": "Completed"}}
ADDRESS = {"address_line1": "1-1", "postal_code": "100-0001", "state_or_region": "東京都"}


def answer(body, status=200, **headers):
    return HttpAnswer(status=status, headers=headers, body=json.dumps(body).encode())


@pytest.mark.parametrize("number", ["1e999", "-1e999", "[1e400]"])
def test_a_number_that_no_database_can_keep_is_no_json(number):
    with pytest.raises(MalformedResponse):
        read_object(b'{"conversionRate": %b}' % number.encode())


def test_finite_fractions_are_kept():
    assert read_object(b'{"conversionRate": 1.5}') == {"conversionRate": 1.5}


def test_a_date_beyond_the_calendar_is_no_date():
    at = "Fri, 31 Dec 9999 23:59:59 -1400"
    assert server_time(answer({}, date=at)) is None


@pytest.mark.parametrize(
    "again",
    [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_an_answer_can_be_copied_and_handed_to_another_process(again):
    charge = Charge.from_json(charge_json(somethingNew={"kept": [1]}), request_id="r")
    other = again(charge)
    assert other == charge
    assert (other.raw, other.request_id) == (charge.raw, "r")


def test_an_answer_becomes_a_plain_dict():
    source = charge_json(somethingNew={"kept": [1]})
    assert dataclasses.asdict(Charge.from_json(source))["raw"] == source


def test_the_whole_answer_cannot_be_changed_and_its_repr_names_fields_only():
    charge = Charge.from_json(charge_json(secret=NAME))
    with pytest.raises(TypeError):
        charge.raw["chargeId"] = "other"
    assert NAME not in repr(charge.raw)
    assert "secret" in repr(charge.raw)


@pytest.mark.parametrize(
    "refused",
    [
        WrongTopic("arn:aws:sns:ap-northeast-1:123456789012:t", verified=True),
        TryLater("not now", retry_after_seconds=7),
        BadSignature("no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_refusal_survives_the_way_to_another_process(refused):
    refused.tries = 2
    other = pickle.loads(pickle.dumps(refused))
    assert type(other) is type(refused)
    assert (str(other), vars(other)) == (str(refused), vars(refused))


@pytest.mark.parametrize("value", [True, 1.0, 1.5, "1"])
def test_a_frequency_is_a_whole_number(value):
    with pytest.raises(InvalidArgument, match="frequency_value"):
        RecurringMetadata(frequency_unit=FrequencyUnit.MONTH, frequency_value=value)


@pytest.mark.parametrize(
    "field", ["name", "address_line1", "address_line2", "city", "postal_code", "phone_number"]
)
def test_an_address_is_refused_without_repeating_it(field):
    with pytest.raises(InvalidArgument) as caught:
        AddressDetails(**{"name": "x", **ADDRESS, field: NAME * 100})
    assert caught.value.field == field
    assert NAME not in f"{caught.value} {caught.value!r} {caught.value.value}"


@pytest.mark.parametrize("field", ["name", "email", "phoneNumber", "shippingAddress"])
def test_buyer_data_of_an_unknown_form_is_not_repeated(field):
    wrong = [NAME] if field == "shippingAddress" else {"kanji": NAME}
    with pytest.raises(UnknownOutcome, match=field) as caught:
        read_answer(answer({"buyerId": "b", field: wrong}), read=Buyer.from_json)
    assert NAME not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"


@pytest.mark.parametrize(
    "strange",
    [
        {"buyer": {"buyerId": "b", "name": {"kanji": NAME}}},
        {"shippingAddress": {"city": [NAME]}},
        {"billingAddress": NAME},
        {"shippingAddressList": [NAME]},
        {"paymentPreferences": [NAME]},
    ],
    ids=lambda strange: next(iter(strange)),
)
def test_a_completed_checkout_is_completed_whatever_form_the_buyers_data_have(strange):
    session = read_answer(answer({**SESSION, **strange}), read=CheckoutSession.from_json)
    assert session.state == "Completed"
    assert session.raw.items() >= strange.items()


def test_a_reason_code_cannot_begin_a_line_of_its_own_in_the_log():
    forged = ErrorCode("Strange\n2026-04-01 root logged in")
    for error in (
        DefiniteRefusal(400, forged, "m", None),
        UnknownOutcome("cause", 500, forged, "m"),
    ):
        assert "\n" not in str(error)


def test_a_key_may_be_given_as_text():
    pem = vectors()["throwawayKey"]["privateKeyPkcs8Pem"].encode()
    assert load_private_key(pem.decode()).fingerprint() == load_private_key(pem).fingerprint()
    with pytest.raises(UnusableKey):
        load_private_key("\ud800 no key")


def test_tokens_stand_in_no_repr():
    wire = Wire(
        credentials=Credentials(
            public_key_id="SANDBOX-A", private_key=throwaway_key(), algorithm=Algorithm.V2
        ),
        environment="sandbox",
        base_url="https://pay-api.amazon.jp",
        region="jp",
        clock=lambda: NOW,
        auth_token="DELEGATED",
    )
    call = get_authorization_token("MWSTOKEN", merchant_id="A1")
    said = repr(call) + repr(wire.sign(call)) + repr(answer({"authorizationToken": "NEWTOKEN"}))
    assert not [secret for secret in ("DELEGATED", "MWSTOKEN", "NEWTOKEN") if secret in said]


def test_a_report_with_very_many_columns_is_read_in_one_pass():
    few, many = (
        min(_seconds_for(columns=columns) for _ in range(3)) for columns in (3_000, 30_000)
    )
    assert many < 40 * few  # ten times the work; comparing each with each is a hundred times


def _seconds_for(*, columns: int) -> float:
    facts = "SellerId\tA\nSettlementStartDate\t2026-04-01T00:00:00+0900\n"
    names = "\t".join(f"c{number}" for number in range(columns))
    started = process_time()
    with pytest.raises(UnreadableSettlement):
        parse_settlement_report(f"{facts}TransactionPostedDate\t{names}\tc1\n")
    parse_settlement_report(
        f"{facts}SettlementEndDate\t2026-04-15T00:00:00+0900\nTransactionPostedDate\tSettlementId\t"
        f"TransactionType\tCurrencyCode\tTransactionAmount\tNetTransactionAmount\t{names}\n"
    )
    return process_time() - started
