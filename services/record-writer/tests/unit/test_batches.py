"""Putting a batch in order."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from record_writer.domain.batches import Target, item_for, plan
from record_writer.domain.changes import Change, Kind
from record_writer.domain.rows import ContactRow, carried

ACME = Target(10, 1, "acme.myshopify.com")
START = datetime(2026, 6, 1, tzinfo=UTC)


def full(number=1, *, updated=0, observed=0, content=b"a", settles=False):
    return Change(
        Kind.FULL,
        str(number),
        START + timedelta(seconds=observed),
        START + timedelta(seconds=updated),
        content_hash=content,
        settles=settles,
    )


def planned(*changes):
    return plan(item_for(ACME, change) for change in changes)


def test_newest_of_a_key_wins_and_keys_are_sorted():
    found = planned(full(2), full(1, updated=5, content=b"new"), full(1, updated=3, content=b"old"))

    assert [(item.key.external_id, item.change.content_hash) for item in found.full] == [
        ("1", b"new"),
        ("2", b"a"),
    ]
    assert found.ties == frozenset()


def test_two_contents_of_one_second_are_a_tie():
    assert planned(full(observed=1, content=b"a"), full(observed=2, content=b"b")).ties


def test_read_by_id_settles_a_tie():
    found = planned(full(observed=1, content=b"a"), full(observed=2, content=b"b", settles=True))

    assert (found.full[0].change.content_hash, found.ties) == (b"b", frozenset())


def test_partial_records_of_a_key_are_applied_in_order_of_version():
    later, earlier = (
        Change(Kind.PARTIAL, "1", START + timedelta(seconds=seconds), row=ContactRow(note=str(seconds)))
        for seconds in (9, 3)
    )

    found = planned(later, earlier, Change(Kind.PARTIAL, "2", START))

    assert [[carried(item.change.row).get("note") for item in items] for items in found.partial] == [
        ["3", None],
        ["9"],
    ]


@given(
    st.permutations(
        [full(1, updated=u, observed=o, content=c) for u in (1, 2) for o in (3, 4) for c in (b"x", b"y")]
    )
)
def test_winner_and_ties_do_not_depend_on_order(changes):
    found = planned(*changes)

    assert found.full[0].change == full(1, updated=2, observed=4, content=b"y")
    assert found.ties
