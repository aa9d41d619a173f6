"""Laws of the hash chain: every single change of entries or links is found, and named exactly."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.books.chain import Entry, Fault, FaultKind, Head, Link, faults, leaf, link

AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)

ids = st.lists(st.integers(1, 10_000), min_size=1, max_size=30, unique=True).map(sorted)


def entries_for(numbers: list[int]) -> list[Entry]:
    return [(number, leaf(["journal", number, "yen"])) for number in numbers]


def chained(entries: list[Entry], *, of: int) -> list[Link]:
    """Links of `of` entries each."""
    links: list[Link] = []
    head = Head("journal")
    for begin in range(0, len(entries), of):
        links.append(link(head, entries[begin : begin + of], at=AT))
        head = links[-1].head
    return links


def checked(links: list[Link], entries: list[Entry]) -> list[Fault]:
    """What the whole chain says of the entries, as the audit walks it."""
    found: list[Fault] = []
    previous = Head("journal")
    for one in links:
        mine = [entry for entry in entries if previous.last_id < entry[0] <= one.last_id]
        found += faults(previous, one, mine)
        previous = one.head
    return found


@given(ids, st.integers(1, 7))
def test_what_nobody_touched_fits(numbers: list[int], of: int) -> None:
    entries = entries_for(numbers)
    assert checked(chained(entries, of=of), entries) == []


@given(ids, st.integers(1, 7), st.data())
def test_a_changed_entry_is_named(numbers: list[int], of: int, data: st.DataObject) -> None:
    entries = entries_for(numbers)
    links = chained(entries, of=of)
    place = data.draw(st.integers(0, len(entries) - 1))
    entries[place] = (entries[place][0], leaf(["journal", entries[place][0], "more yen"]))
    (fault,) = checked(links, entries)
    assert (fault.kind, fault.entry_id) == (FaultKind.CHANGED, numbers[place])


@given(ids, st.integers(1, 7), st.data())
def test_a_deleted_entry_is_named(numbers: list[int], of: int, data: st.DataObject) -> None:
    entries = entries_for(numbers)
    links = chained(entries, of=of)
    del entries[data.draw(st.integers(0, len(entries) - 1), label="place")]
    (fault,) = checked(links, entries)
    assert fault.kind is FaultKind.DELETED
    assert {fault.entry_id} == set(numbers) - {entry_id for entry_id, _ in entries}


@given(ids, st.integers(1, 7), st.integers(1, 10_000))
def test_an_inserted_entry_is_named(numbers: list[int], of: int, new: int) -> None:
    if new in numbers or new > numbers[-1]:
        return  # behind the newest link every entry is new
    entries = entries_for(numbers)
    links = chained(entries, of=of)
    (fault,) = checked(links, sorted([*entries, (new, leaf(["planted"]))]))
    assert (fault.kind, fault.entry_id) == (FaultKind.INSERTED, new)


@given(ids, st.data())
def test_a_changed_link_never_fits(numbers: list[int], data: st.DataObject) -> None:
    entries = entries_for(numbers)
    links = chained(entries, of=3)
    place = data.draw(st.integers(0, len(links) - 1))
    one = links[place]
    column, value = data.draw(
        st.sampled_from(
            [
                ("number", one.number + 1),
                ("entries", one.entries + 1),
                ("last_id", one.last_id + 1),
                ("leaves", bytes([one.leaves[0] ^ 1]) + one.leaves[1:]),
                ("leaves", one.leaves[:-1]),
                ("leaves", b""),
                ("digest", bytes([one.digest[0] ^ 1]) + one.digest[1:]),
                ("chained_at", datetime(2026, 11, 22, 3, 1, tzinfo=UTC)),
            ]
        )
    )
    links[place] = replace(one, **{column: value})
    found = checked(links, entries)
    assert FaultKind.LINK in {fault.kind for fault in found}


def test_a_link_made_anew_does_not_fit_the_next_one() -> None:
    """Who changes an entry and makes its link again must make all later ones again."""
    entries = entries_for([1, 2, 3, 4])
    links = chained(entries, of=2)
    entries[0] = (1, leaf(["journal", 1, "forged"]))
    links[0] = link(Head("journal"), entries[:2], at=AT)
    assert [(fault.kind, fault.number) for fault in checked(links, entries)] == [
        (FaultKind.LINK, 2)
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["ab"], ["a", "b"]),
        (["1"], [1]),
        ([None], ["null"]),
        ([["a"], []], [["a", []]]),
        (["a", None], ["a"]),
        (["é"], ["e\u0301"]),
    ],
    ids=["joined", "text or number", "nothing or a word", "nested", "left out", "composed"],
)
def test_entries_that_look_alike_have_other_leaves(one: list[object], other: list[object]) -> None:
    assert leaf(one) != leaf(other)


def test_the_leaf_of_an_entry_is_the_same_for_ever() -> None:
    """A golden value: books chained by this version are verified by every later one."""
    values = ("journal", 1, (1, "shop", "B01/captured", "charge_captured", "2026-11-30", 1, None))
    assert leaf(values).hex() == GOLDEN


GOLDEN = "43d90a9aecd2d1f9b52a4687a54f09ba976cc5453b53f5535551d41a726182a0"
