"""Raw records: Shopify's bytes as the Kafka value, everything else in the envelope's extensions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sync_common.contracts.envelope import (
    SPEC_VERSION,
    Envelope,
    Headers,
    MalformedEnvelope,
    attributes_of,
    new_event_id,
    to_rfc3339,
)
from sync_common.contracts.resources import Resource, Shape


class RecordType(StrEnum):
    """What a message on a record topic is."""

    FETCHED = "shopify.record.fetched"  # read from the API: a full record
    DELIVERED = "shopify.webhook.delivered"  # a webhook body as received
    GONE = "shopify.record.gone"  # a read by id proved that the record no longer exists
    RESTORED = "shopify.record.restored"  # its deletion was a mistake and is taken back, in one store
    PART_ENDED = "shopify.part.ended"  # mark: the job has published all of this resource


_OWN: Final = frozenset(("ce_id", "ce_subject", "ce_time"))
"""The headers in which records of one job differ."""

# Calling an enum costs more than all else that is read of a header.
_TYPES: Final = {one.value: one for one in RecordType}
_RESOURCES: Final = {one.value: one for one in Resource}
_SHAPES: Final = {one.value: one for one in Shape}


class RawRecord(NamedTuple):
    """One message on a `shopify.<resource>.<lane>.v1` topic, headers decoded, body untouched.

    `job_id` and `epoch` are set on the sync lane only, `store_id` there and where a deletion is taken back;
    `webhook_topic` and `webhook_id` on webhooks only. `observed_at` says how fresh the body is: when the read was
    sent, the bulk operation was created, or Shopify triggered the webhook (never later than its receipt).
    """

    event_id: str
    resource: Resource
    record_id: str
    occurred_at: datetime
    body: bytes
    type: RecordType
    source: str
    shop: str
    shape: Shape
    observed_at: datetime
    store_id: int | None = None
    advertiser_id: int | None = None
    job_id: int | None = None
    epoch: int | None = None
    api_version: str | None = None
    digest: str | None = None
    webhook_topic: str | None = None
    webhook_id: str | None = None
    shopify_event_id: str | None = None
    triggered_at: datetime | None = None
    traceparent: str | None = None

    def envelope(self) -> Envelope:
        """Return the envelope that carries this record."""
        optional = {
            "storeid": _text(self.store_id),
            "advertiserid": _text(self.advertiser_id),
            "jobid": _text(self.job_id),
            "epoch": _text(self.epoch),
            "apiversion": self.api_version,
            "digest": self.digest,
            "webhooktopic": self.webhook_topic,
            "webhookid": self.webhook_id,
            "shopifyeventid": self.shopify_event_id,
            "triggeredat": to_rfc3339(self.triggered_at) if self.triggered_at else None,
            "traceparent": self.traceparent,
        }
        return Envelope(
            id=self.event_id,
            type=self.type,
            source=self.source,
            subject=record_subject(self.resource, self.record_id),
            time=self.occurred_at,
            extensions={
                "shop": self.shop,
                "shape": self.shape,
                "observedat": to_rfc3339(self.observed_at),
                **{name: value for name, value in optional.items() if value is not None},
            },
        )

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes]], body: bytes) -> "RawRecord":
        """Read a record from a Kafka message; raise MalformedEnvelope naming the bad header.

        The records of a job differ in few headers, so the others are read once.
        """
        own: list[tuple[str, bytes]] = []
        shared: list[tuple[str, bytes]] = []
        for header in headers:
            (own if header[0] in _OWN else shared).append(header)
        found = attributes_of(own)
        try:
            resource, _, record_id = found["subject"].partition("/")
            return cls(
                found["id"],
                _RESOURCES.get(resource) or Resource(resource),
                record_id,
                _instant(found["time"]),
                body,
                *_shared(tuple(shared)),
            )
        except KeyError as error:
            raise MalformedEnvelope(f"header ce_{error.args[0]} is missing") from None
        except MalformedEnvelope:
            raise
        except ValueError as error:
            raise MalformedEnvelope(f"a record header cannot be read: {error}") from None


@lru_cache(maxsize=1024)
def _shared(headers: tuple[tuple[str, bytes], ...]) -> tuple[Any, ...]:
    """Return the fields of RawRecord that records of a job share, in their order; KeyError names what is missing."""
    found = attributes_of(headers)
    optional = found.get
    return (
        _TYPES.get(found["type"]) or RecordType(found["type"]),
        found["source"],
        found["shop"],
        _SHAPES.get(found["shape"]) or Shape(found["shape"]),
        _instant(found["observedat"]),
        _integer(optional("storeid")),
        _integer(optional("advertiserid")),
        _integer(optional("jobid")),
        _integer(optional("epoch")),
        optional("apiversion"),
        optional("digest"),
        optional("webhooktopic"),
        optional("webhookid"),
        optional("shopifyeventid"),
        _instant(found["triggeredat"]) if "triggeredat" in found else None,
        optional("traceparent"),
    )


@dataclass(frozen=True, slots=True)
class ShopWebhook:
    """One message on `shopify.shop.v1` or `shopify.compliance.v1`: a webhook about a shop, not one record.

    `topic` is Shopify's (`app/uninstalled`); one that this platform does not know is possible on
    `shopify.shop.v1` and is for the reader to refuse. `observed_at` is Shopify's Triggered-At, never later
    than the receipt (`occurred_at`). Shopify's signature covers `body` alone, none of the rest.
    """

    topic: str
    shop: str
    observed_at: datetime
    body: bytes
    event_id: str
    source: str
    occurred_at: datetime
    digest: str
    api_version: str | None = None
    webhook_id: str | None = None
    shopify_event_id: str | None = None
    triggered_at: datetime | None = None
    traceparent: str | None = None

    def envelope(self) -> Envelope:
        """Return the envelope that carries this webhook."""
        optional = {
            "apiversion": self.api_version,
            "webhookid": self.webhook_id,
            "shopifyeventid": self.shopify_event_id,
            "triggeredat": to_rfc3339(self.triggered_at) if self.triggered_at else None,
            "traceparent": self.traceparent,
        }
        return Envelope(
            id=self.event_id,
            type=RecordType.DELIVERED,
            source=self.source,
            subject=shop_subject(self.shop),
            time=self.occurred_at,
            extensions={
                "shop": self.shop,
                "shape": Shape.REST,
                "observedat": to_rfc3339(self.observed_at),
                "webhooktopic": self.topic,
                "digest": self.digest,
                **{name: value for name, value in optional.items() if value is not None},
            },
        )

    @classmethod
    def from_message(cls, envelope: Envelope, body: bytes) -> "ShopWebhook":
        """Read a webhook from a Kafka message; raise MalformedEnvelope naming the bad header."""
        ext = envelope.extensions
        if envelope.type != RecordType.DELIVERED:
            raise MalformedEnvelope(f"header ce_type is not {RecordType.DELIVERED}")
        try:
            return cls(
                topic=ext["webhooktopic"],
                shop=ext["shop"],
                observed_at=_instant(ext["observedat"]),
                body=body,
                event_id=envelope.id,
                source=envelope.source,
                occurred_at=envelope.time,
                digest=ext["digest"],
                api_version=ext.get("apiversion"),
                webhook_id=ext.get("webhookid"),
                shopify_event_id=ext.get("shopifyeventid"),
                triggered_at=_instant(ext["triggeredat"]) if "triggeredat" in ext else None,
                traceparent=ext.get("traceparent"),
            )
        except KeyError as error:
            raise MalformedEnvelope(f"header ce_{error.args[0]} is missing") from None
        except ValueError as error:
            raise MalformedEnvelope(f"a webhook header cannot be read: {error}") from None


def record_key(shop: str, record_id: str) -> bytes:
    """Return the Kafka key that keeps all versions of one record in order."""
    return f"{shop}/{record_id}".encode()


def record_subject(resource: Resource, record_id: str) -> str:
    """Return the subject of a message about one record."""
    return f"{resource}/{record_id}"


def shop_subject(shop: str) -> str:
    """Return the subject of a message about a shop."""
    return f"shop/{shop}"


def delivered_headers(
    *,
    event_id: str,
    source: str,
    subject: str,
    shop: str,
    webhook_topic: str,
    received_at: datetime,
    observed_at: datetime,
    digest: str,
    api_version: str | None,
    webhook_id: str | None,
    shopify_event_id: str | None,
    triggered_at: datetime | None,
    traceparent: str,
) -> Headers:
    """Return the headers of a webhook body: those of RawRecord's envelope, or of ShopWebhook's, without making one.

    Every webhook passes here, at a third of what the way through the classes costs.
    """
    observed = to_rfc3339(observed_at).encode()
    headers = [
        *_headers_of_all(source, shop, webhook_topic, api_version),
        ("ce_id", event_id.encode()),
        ("ce_subject", subject.encode()),
        ("ce_time", to_rfc3339(received_at).encode()),
        ("ce_observedat", observed),
        ("ce_digest", digest.encode()),
        ("ce_traceparent", traceparent.encode()),
    ]
    if webhook_id is not None:
        headers.append(("ce_webhookid", webhook_id.encode()))
    if shopify_event_id is not None:
        headers.append(("ce_shopifyeventid", shopify_event_id.encode()))
    if triggered_at is not None:
        same = triggered_at is observed_at  # as it is unless the sender's clock runs ahead
        headers.append(("ce_triggeredat", observed if same else to_rfc3339(triggered_at).encode()))
    return headers


@lru_cache(maxsize=10_000)
def _headers_of_all(source: str, shop: str, webhook_topic: str, api_version: str | None) -> Headers:
    """Return the headers in which a shop's deliveries of a topic are alike."""
    headers = [
        ("ce_specversion", SPEC_VERSION.encode()),
        ("ce_type", RecordType.DELIVERED.value.encode()),
        ("ce_shape", Shape.REST.value.encode()),
        ("ce_source", source.encode()),
        ("ce_shop", shop.encode()),
        ("ce_webhooktopic", webhook_topic.encode()),
    ]
    if api_version is not None:
        headers.append(("ce_apiversion", api_version.encode()))
    return headers


def fetched(
    *,
    resource: Resource,
    shop: str,
    record_id: str,
    body: bytes,
    observed_at: datetime,
    now: datetime,
    source: str,
    api_version: str,
    store_id: int | None = None,
    advertiser_id: int | None = None,
    job_id: int | None = None,
    epoch: int | None = None,
    gone: bool = False,
) -> RawRecord:
    """Describe a record read from the API (or, with `gone`, one that a read by id proved deleted)."""
    return RawRecord(
        type=RecordType.GONE if gone else RecordType.FETCHED,
        resource=resource,
        shop=shop,
        record_id=record_id,
        observed_at=observed_at,
        body=body,
        shape=Shape.GRAPHQL,
        event_id=new_event_id(),
        source=source,
        occurred_at=now,
        store_id=store_id,
        advertiser_id=advertiser_id,
        job_id=job_id,
        epoch=epoch,
        api_version=api_version,
    )


def restored(
    *,
    resource: Resource,
    shop: str,
    record_id: str,
    store_id: int,
    advertiser_id: int,
    observed_at: datetime,
    now: datetime,
    source: str,
) -> RawRecord:
    """Describe that a record's deletions up to `observed_at`, when that was decided, are taken back in one store."""
    return RawRecord(
        type=RecordType.RESTORED,
        resource=resource,
        shop=shop,
        record_id=record_id,
        observed_at=observed_at,
        body=b"",
        shape=Shape.GRAPHQL,
        event_id=new_event_id(),
        source=source,
        occurred_at=now,
        store_id=store_id,
        advertiser_id=advertiser_id,
    )


class FetchedHeaders:
    """The headers of the records of one read, equal to those of their envelopes: what they share is written once."""

    def __init__(self, example: RawRecord) -> None:
        headers = example.envelope().to_headers()
        self.observed_at = example.observed_at
        self._resource = example.resource
        self._version, _, self._type, self._source, _, _, *self._rest = headers

    def of(self, record_id: str, *, event_id: str, now: datetime) -> list[tuple[str, bytes]]:
        """Return the headers of one of the records."""
        return [
            self._version,
            ("ce_id", event_id.encode()),
            self._type,
            self._source,
            ("ce_subject", f"{self._resource}/{record_id}".encode()),
            ("ce_time", to_rfc3339(now).encode()),
            *self._rest,
        ]


def part_ended(
    *,
    resource: Resource,
    shop: str,
    store_id: int,
    advertiser_id: int,
    job_id: int,
    epoch: int,
    partition: int,
    now: datetime,
    source: str,
) -> RawRecord:
    """Describe the mark sent to `partition` of a sync topic after the last record of a part."""
    return RawRecord(
        type=RecordType.PART_ENDED,
        resource=resource,
        shop=shop,
        record_id=f"mark-{job_id}-{epoch}-{partition}",
        observed_at=now,
        body=b"",
        shape=Shape.GRAPHQL,
        event_id=new_event_id(),
        source=source,
        occurred_at=now,
        store_id=store_id,
        advertiser_id=advertiser_id,
        job_id=job_id,
        epoch=epoch,
    )


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


def _integer(value: str | None) -> int | None:
    return None if value is None else int(value)


def _instant(value: str) -> datetime:
    instant = datetime.fromisoformat(value)
    if instant.tzinfo is None:
        raise ValueError("a time has no offset")
    return instant
