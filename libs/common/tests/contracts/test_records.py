"""Envelopes survive the trip through Kafka headers; bad ones name the header."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_common.contracts.envelope import Envelope, MalformedEnvelope
from sync_common.contracts.records import RawRecord, RecordType, fetched, part_ended, restored
from sync_common.contracts.resources import Resource

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


@given(
    shop=st.text(min_size=1).filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text)),
    observed_at=st.datetimes(timezones=st.just(UTC)),
    store_id=st.none() | st.integers(min_value=1),
)
def test_record_survives_headers(shop: str, observed_at: datetime, store_id: int | None) -> None:
    record = fetched(
        resource=Resource.ORDERS,
        shop=shop,
        record_id="17",
        body=b"{}",
        observed_at=observed_at,
        now=NOW,
        source="t",
        api_version="2026-10",
        store_id=store_id,
    )

    assert RawRecord.from_headers(record.envelope().to_headers(), b"{}") == record


def test_restore_names_the_one_store_that_it_is_for() -> None:
    record = restored(
        resource=Resource.ORDERS, shop="a", record_id="17", store_id=3, advertiser_id=4, observed_at=NOW,
        now=NOW, source="t",
    )  # fmt: skip

    read = RawRecord.from_headers(record.envelope().to_headers(), b"")
    assert read == record
    assert (read.type, read.store_id, read.advertiser_id, read.job_id) == (RecordType.RESTORED, 3, 4, None)


def test_missing_header_is_named() -> None:
    headers = [
        (name, value)
        for name, value in part_ended(
            resource=Resource.ORDERS, shop="a", store_id=1, advertiser_id=1, job_id=1, epoch=1, partition=0,
            now=NOW, source="t",
        ).envelope().to_headers()
        if name != "ce_shape"
    ]  # fmt: skip

    with pytest.raises(MalformedEnvelope, match="ce_shape"):
        RawRecord.from_headers(headers, b"")


@pytest.mark.parametrize("value", [b"\xff", b"yesterday", b"2026-11-22T10:00:00"])
def test_unreadable_time_is_refused(value: bytes) -> None:
    record = part_ended(
        resource=Resource.ORDERS, shop="a", store_id=1, advertiser_id=1, job_id=1, epoch=1, partition=0,
        now=NOW, source="t",
    )  # fmt: skip
    headers = [(name, value if name == "ce_time" else text) for name, text in record.envelope().to_headers()]

    with pytest.raises(MalformedEnvelope):
        Envelope.from_headers(headers)
    with pytest.raises(MalformedEnvelope):
        RawRecord.from_headers(headers, b"")
