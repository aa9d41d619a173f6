"""Messages about CV1 objects: only ids are taken, and the XML cannot do any harm."""

import pytest
from ipn_helpers import MERCHANT_ID, notification, receive, signed

from amazonpay.notifications import (
    MalformedNotification,
    NotificationRules,
    NotificationType,
    WrongEnvironment,
    WrongMerchant,
)

ORDER = "S03-5797829-1888777"
AGREEMENT = "C03-8824045-7416542"
NAMESPACE = "https://mws.amazonservices.com/ipn/OffAmazonPayments/2013-01-01"


def xml(*elements, root="Notification"):
    """A CV1 text: elements, given as (name, text), below two others."""
    inner = "".join(f"<{name}>{text}</{name}>" for name, text in elements)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{NAMESPACE}">\n'
        f"  <Details><Total><Amount>1980</Amount></Total>{inner}</Details>\n</{root}>"
    )


def v1(kind, data, **changes):
    """A message in the format of CV1; None leaves a key out."""
    members = {
        "NotificationReferenceId": "1111111-1111-11111-1111-11111EXAMPLE",
        "MarketplaceID": "A1VC38T7YXB528",
        "NotificationType": kind,
        "SellerId": MERCHANT_ID,
        "ReleaseEnvironment": "Sandbox",
        "Version": "2013-01-01",
        "NotificationData": data,
        "Timestamp": "2026-04-01T00:00:01.000Z",
    } | changes
    return {name: value for name, value in members.items() if value is not None}


def delivered(inner, **options):
    return receive(signed(notification(inner)), **options)


def authorized(value=f"{ORDER}-A043451"):
    return v1("PaymentAuthorize", xml(("AmazonAuthorizationId", value)))


@pytest.mark.parametrize(
    ("kind", "elements", "object_type", "object_id", "permission_id"),
    [
        pytest.param(
            "PaymentAuthorize",
            [("AmazonAuthorizationId", f"{ORDER}-A043451"), ("IdList", "")],
            *("CHARGE", f"{ORDER}-C043451", None),
            id="authorization: A in place 21 becomes C",
        ),
        pytest.param(
            "PaymentCapture",
            [("AmazonCaptureId", f"{ORDER}-C043451")],
            *("CHARGE", f"{ORDER}-C043451", None),
            id="capture",
        ),
        pytest.param(
            "PaymentRefund",
            [("AmazonRefundId", f"{ORDER}-R043451")],
            *("REFUND", f"{ORDER}-R043451", None),
            id="refund",
        ),
        pytest.param(
            "OrderReferenceNotification",
            [("AmazonOrderReferenceId", ORDER)],
            *("CHARGE_PERMISSION", ORDER, ORDER),
            id="order reference",
        ),
        pytest.param(
            "BillingAgreementNotification",
            [("AmazonBillingAgreementId", AGREEMENT)],
            *("CHARGE_PERMISSION", AGREEMENT, AGREEMENT),
            id="billing agreement",
        ),
        pytest.param(
            "SomeBillingAgreementStatus",
            [("AmazonBillingAgreementId", AGREEMENT)],
            *("CHARGE_PERMISSION", AGREEMENT, AGREEMENT),
            id="billing agreement by another name",
        ),
        pytest.param(
            "ChargebackDetailedNotification",
            [("AmazonOrderReferenceId", ORDER), ("AmazonCaptureId", f"{ORDER}-C043451")],
            *("CHARGEBACK", f"{ORDER}-C043451", ORDER),
            id="chargeback",
        ),
        pytest.param(
            "ProviderCredit",
            [("AmazonProviderCreditId", f"{ORDER}-P043451")],
            *("ProviderCredit", None, None),
            id="a kind that is not ours",
        ),
    ],
)
def test_a_cv1_message_becomes_the_same_value_with_a_cv2_id(
    kind, elements, object_type, object_id, permission_id
):
    received = delivered(v1(kind, xml(*elements)))
    assert (received.object_type, received.object_id) == (object_type, object_id)
    assert received.charge_permission_id == permission_id
    assert received.version == "V1"
    assert received.merchant_id == MERCHANT_ID
    assert received.notification_type is NotificationType.STATE_CHANGE
    assert received.notification_id == "1111111-1111-11111-1111-11111EXAMPLE"
    assert received.raw["NotificationType"] == kind


def test_both_ids_of_an_authorization_are_kept():
    received = delivered(authorized())
    assert (received.cv1_id, received.object_id) == (f"{ORDER}-A043451", f"{ORDER}-C043451")


def test_a_chargeback_need_not_be_xml():
    received = delivered(v1("ChargebackDetailedNotification", "see Seller Central"))
    assert (received.object_type, received.object_id) == ("CHARGEBACK", None)


def bomb():
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    return f'<!DOCTYPE a [<!ENTITY e0 "x">{entities}]><a>&e11;</a>'


HOSTILE_XML = {
    "entity bomb": bomb(),
    "external entity": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "external DTD": '<!DOCTYPE a SYSTEM "http://example.test/a.dtd"><a/>',
    "DTD after blanks": '\n  <!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    "lower-case doctype": "<!doctype a><a/>",
    "comment": "<a><!-- x --></a>",
    "CDATA": f"<a><AmazonCaptureId><![CDATA[{ORDER}-C043451]]></AmazonCaptureId></a>",
    "unknown entity": "<a>&x;</a>",
    "no XML": "AmazonCaptureId",
    "empty": "<a></b>",
    "two roots": "<a/><b/>",
    "cut short": "<a><AmazonCaptureId>",
    "too deep": "<a>" * 30_000 + "</a>" * 30_000,
    "too deep, with an id": "<a>" * 40
    + xml(("AmazonCaptureId", f"{ORDER}-C043451"))[39:]
    + "</a>" * 40,
    "unbalanced and deep": "<a>" * 60_000,
    "no id": xml(),
    "empty id": xml(("AmazonCaptureId", "")),
    "two ids": xml(("AmazonCaptureId", f"{ORDER}-C043451"), ("AmazonCaptureId", f"{ORDER}-C04345")),
    "id of another kind": xml(("AmazonCaptureId", f"{ORDER}-R043451")),
    "id without shape": xml(("AmazonCaptureId", "../x")),
    "endless id": xml(("AmazonCaptureId", "S" * 50_000)),
    "UTF-16 promised": f'<?xml version="1.0" encoding="UTF-16"?><a>{"é" * 9}</b>',
    "unknown encoding": '<?xml version="1.0" encoding="none"?><a></b>',
}


@pytest.mark.parametrize("data", HOSTILE_XML.values(), ids=HOSTILE_XML.keys())
def test_harmful_or_useless_xml_is_malformed(data):
    with pytest.raises(MalformedNotification) as refused:
        delivered(v1("PaymentCapture", data))
    assert "passwd" not in refused.value.reason


@pytest.mark.parametrize("name", ["entity bomb", "external entity", "too deep", "no XML"])
@pytest.mark.parametrize("kind", ["ChargebackDetailedNotification", "ProviderCredit"])
def test_nothing_is_read_from_harmful_xml_of_the_vaguer_kinds(kind, name):
    assert delivered(v1(kind, HOSTILE_XML[name])).object_id is None


@pytest.mark.parametrize(
    "changes",
    [
        {"SellerId": None},
        {"NotificationType": None},
        {"NotificationData": None},
        {"NotificationData": 5},
    ],
    ids=str,
)
def test_a_cv1_message_with_a_gap_is_malformed(changes):
    with pytest.raises(MalformedNotification, match=next(iter(changes))):
        delivered(
            authorized() | changes
            if None not in changes.values()
            else {k: v for k, v in authorized().items() if k not in changes}
        )


def test_a_cv1_message_for_another_merchant_is_refused():
    with pytest.raises(WrongMerchant):
        delivered(authorized() | {"SellerId": "A3STRANGER001"})


@pytest.mark.parametrize(
    ("environment", "letter", "released", "accepted"),
    [
        ("sandbox", "S", "Sandbox", True),
        ("sandbox", "S", "SANDBOX", True),
        ("sandbox", "S", None, True),
        ("sandbox", "S", "Live", False),
        ("sandbox", "P", "Sandbox", False),
        ("live", "P", "Live", True),
        ("live", "P", "Production", True),
        ("live", "P", "Sandbox", False),
        ("live", "S", "Live", False),
    ],
)
def test_the_environment_must_agree_in_both_places(environment, letter, released, accepted):
    inner = authorized(f"{letter}{ORDER[1:]}-A043451") | {"ReleaseEnvironment": released}
    if accepted:
        assert delivered(inner, environment=environment).version == "V1"
        return
    with pytest.raises(WrongEnvironment):
        delivered(inner, environment=environment)


def test_the_stated_environment_counts_even_when_letters_do_not():
    rules = NotificationRules(check_environment_letter=False)
    with pytest.raises(WrongEnvironment):
        delivered(authorized() | {"ReleaseEnvironment": "Live"}, rules=rules)
