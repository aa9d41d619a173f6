"""What Amazon Pay says: read in any spelling, kept when unknown, refused when not meant for us."""

import json
import random

import pytest
from ipn_helpers import (
    CHARGE_ID,
    KINDS,
    PERMISSION_ID,
    message,
    notification,
    receive,
    signed,
)

from amazonpay.notifications import (
    MalformedNotification,
    NotificationRules,
    NotificationType,
    ObjectType,
    WrongEnvironment,
    WrongMerchant,
)


def delivered(inner, **options):
    return receive(signed(notification(inner)), **options)


def camel(inner):
    """The keys as the older schema spells them: merchantID, objectType, …"""
    return {name[0].lower() + name[1:]: value for name, value in inner.items()}


@pytest.mark.parametrize(
    "spelling",
    [
        pytest.param(camel, id="lower camel case"),
        pytest.param(lambda inner: {k.upper(): v for k, v in inner.items()}, id="upper case"),
        pytest.param(lambda inner: {k.lower(): v for k, v in inner.items()}, id="lower case"),
        pytest.param(lambda inner: dict(reversed(inner.items())), id="reversed"),
        pytest.param(lambda inner: dict(random.Random(7).sample([*inner.items()], 7)), id="shaken"),
        pytest.param(lambda inner: {**inner, "future": {"a": [1]}}, id="a new key"),
    ],
)
def test_neither_spelling_nor_order_matters(spelling):
    assert delivered(spelling(message())) == delivered(message())


def test_unknown_keys_are_kept():
    received = delivered(message(futureKey="日本語"))
    assert received.raw["futureKey"] == "日本語"
    assert "futureKey" not in repr(received)  # whatever it may hold
    with pytest.raises(TypeError):
        received.raw["futureKey"] = "changed"


def test_words_of_the_future_are_kept():
    received = delivered(message(ObjectType="DISPUTE", ObjectId="D-1", NotificationType="NEWS"))
    assert (received.object_type, received.notification_type) == ("DISPUTE", "NEWS")
    assert isinstance(received.object_type, ObjectType)
    assert not received.object_type.known
    assert isinstance(received.notification_type, NotificationType)
    assert not received.notification_type.known
    assert received.object_id == "D-1"


def test_a_version_of_the_future_is_read_as_far_as_it_goes():
    assert delivered(message(NotificationVersion="V3")).version == "V3"


def test_the_older_schema_names_no_permission():
    received = delivered(message(ChargePermissionId=None, NotificationId=None))
    assert (received.charge_permission_id, received.notification_id) == (None, None)


def test_a_permission_is_its_own_permission():
    inner = message(ObjectType="CHARGE_PERMISSION", ObjectId=PERMISSION_ID, ChargePermissionId=None)
    assert delivered(inner).charge_permission_id == PERMISSION_ID


@pytest.mark.parametrize(
    "inner",
    [
        pytest.param("You have chosen", id="no JSON"),
        pytest.param("[]", id="no object"),
        pytest.param('{"MerchantID":"A","MerchantID":"B"}', id="duplicate key"),
        pytest.param(message(merchantid="A2EXAMPLEJP0001"), id="duplicate key but for case"),
        pytest.param(message(MerchantID=None), id="no merchant"),
        pytest.param(message(MerchantID="a\nb"), id="merchant without shape"),
        pytest.param(message(MerchantID=["A2EXAMPLEJP0001"]), id="merchant in a list"),
        pytest.param(message(ObjectType=None), id="no object type"),
        pytest.param(message(ObjectId=None), id="no object id"),
        pytest.param(message(ObjectId="../refunds/x"), id="object id is a path"),
        pytest.param(message(ObjectId=CHARGE_ID + "\n"), id="object id with line break"),
        pytest.param(message(ObjectType="REFUND"), id="charge id for a refund"),
        pytest.param(message(ObjectType="CHARGE_PERMISSION"), id="charge id for a permission"),
        pytest.param(message(ObjectType="NEW", ObjectId="a/b"), id="new type, id is a path"),
        pytest.param(message(ObjectType="CHARGEBACK", ObjectId=".."), id="chargeback of dots"),
        pytest.param(message(ChargePermissionId="C03"), id="permission id without shape"),
        pytest.param(message(NotificationType=None), id="no notification type"),
        pytest.param(message(NotificationType=3), id="notification type is a number"),
        pytest.param(message(NotificationId=3), id="notification id is a number"),
        pytest.param(message(NotificationVersion=2), id="version is a number"),
        pytest.param(message(NotificationVersion=""), id="empty version"),
    ],
)
def test_a_message_that_is_none_of_amazon_pay_is_malformed(inner):
    with pytest.raises(MalformedNotification) as refused:
        delivered(inner)
    assert refused.value.http_status == 400


def test_a_foreign_letter_never_stands_for_one_of_ours():
    # A dotted capital I in lower case is an i with a second character after it.
    inner = {name.replace("i", "\u0130"): value for name, value in message().items()}
    with pytest.raises(MalformedNotification):
        delivered(inner)


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_for_another_merchant_is_refused(kind):
    with pytest.raises(WrongMerchant, match="A3STRANGER001") as refused:
        receive(signed(notification(message(MerchantID="A3STRANGER001"))), kind)
    assert refused.value.http_status == 403


def ids(letter, permission_letter):
    """A charge and its permission in the environment that the letters name."""
    return message(
        ObjectId=letter + CHARGE_ID[1:], ChargePermissionId=permission_letter + PERMISSION_ID[1:]
    )


@pytest.mark.parametrize(
    ("inner", "environment"),
    [
        pytest.param(ids("S", "C"), "sandbox", id="sandbox, recurring"),
        pytest.param(ids("S", "S"), "sandbox", id="sandbox, one-time"),
        pytest.param(ids("P", "B"), "live", id="live, recurring"),
        pytest.param(ids("P", "P"), "live", id="live, one-time"),
        pytest.param(
            message(ObjectType="CHARGEBACK", ObjectId="S03-5890444-1926095-B000001"),
            "sandbox",
            id="sandbox, chargeback",
        ),
    ],
)
def test_ids_of_the_own_environment_are_received(inner, environment):
    assert delivered(inner, environment=environment).object_id == inner["ObjectId"]
    other = "live" if environment == "sandbox" else "sandbox"
    with pytest.raises(WrongEnvironment) as refused:
        delivered(inner, environment=other)
    assert refused.value.http_status == 403


@pytest.mark.parametrize(
    "inner",
    [
        pytest.param(ids("P", "C"), id="live charge"),
        pytest.param(ids("S", "B"), id="live permission"),
        pytest.param(
            message(ObjectType="CHARGEBACK", ObjectId="P03-5890444-1926095-B000001"),
            id="live chargeback",
        ),
        pytest.param(message(ObjectType="NEW", ObjectId="B03-1"), id="live object of a new type"),
        pytest.param(message(ObjectType="NEW", ObjectId="X03-1"), id="letter of no environment"),
    ],
)
def test_one_id_of_the_other_environment_is_enough(inner):
    with pytest.raises(WrongEnvironment):
        delivered(inner)
    assert delivered(inner, rules=NotificationRules(check_environment_letter=False))


def test_a_refusal_never_repeats_free_text():
    secret = "buyer@example.test"
    for inner in (message(ObjectId=secret), message(NotificationType=[secret]), secret):
        with pytest.raises(MalformedNotification) as refused:
            delivered(inner if isinstance(inner, str) else json.dumps(inner))
        assert secret not in str(refused.value)
