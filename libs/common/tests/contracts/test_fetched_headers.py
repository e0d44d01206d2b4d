"""Headers that are written once for many records are those of each record's envelope."""

from datetime import UTC, datetime, timedelta

from sync_common.contracts.records import FetchedHeaders, fetched
from sync_common.contracts.resources import Resource

OBSERVED_AT = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_headers_of_a_read_are_those_of_each_record() -> None:
    first, second = (
        fetched(
            resource=Resource.ORDERS,
            shop="acme.myshopify.com",
            record_id=str(number),
            body=b"",
            observed_at=OBSERVED_AT,
            now=OBSERVED_AT + timedelta(seconds=number),
            source="sync-orchestrator",
            api_version="2026-10",
            store_id=1,
            advertiser_id=2,
            job_id=3,
            epoch=4,
        )
        for number in (5, 6)
    )

    headers = FetchedHeaders(first).of("6", event_id=second.event_id, now=second.occurred_at)

    assert headers == second.envelope().to_headers()
