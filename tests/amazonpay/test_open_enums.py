"""Words Amazon may add one day survive everything we do to them."""

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

import amazonpay
from amazonpay.states import OpenEnum

ENUMS = [
    thing
    for name in amazonpay.__all__
    if isinstance(thing := getattr(amazonpay, name), type) and issubclass(thing, OpenEnum)
]
every_enum = pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)


def test_the_door_offers_every_list_of_words():
    assert {enum.__name__ for enum in ENUMS} == {
        enum.__name__
        for enum in OpenEnum.__subclasses__()
        if enum.__module__
        == OpenEnum.__module__  # notifications have words and a door of their own
    }
    assert len(ENUMS) > 20


@every_enum
def test_listed_words_are_known(enum):
    for member in enum:
        assert member.known
        assert enum(member.value) is member


@every_enum
@given(word=st.text())
def test_any_word_survives(enum, word):
    value = enum(word)
    assert value == word
    assert value.value == word
    assert str(value) == word
    assert value.known is (word in {member.value for member in enum})
    assert hash(value) == hash(word)
    assert value == enum(word)
    assert json.loads(json.dumps(value)) == word
    for again in (copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert again == word
        assert again.known is value.known


@every_enum
def test_strangers_do_not_join_the_list(enum):
    before = list(enum)
    stranger = enum("FromTheFuture")
    assert list(enum) == before
    assert "FromTheFuture" in repr(stranger)
    for name in {member.name for member in before} - {member.value for member in before}:
        assert not enum(name).known  # a member's Python name is not Amazon's word


@every_enum
def test_what_is_no_text_is_a_mistake_of_ours(enum):
    with pytest.raises(ValueError, match="7"):
        enum(7)
