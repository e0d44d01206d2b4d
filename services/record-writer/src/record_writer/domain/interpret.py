"""One raw record in, one change out, whichever way Shopify wrote it down."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
from msgspec import UNSET

from record_writer.domain import customers, order_shapes, orders, products
from record_writer.domain.changes import Change, deletion, restoration
from record_writer.domain.rows import carried
from record_writer.domain.values import identifier, storable
from record_writer.domain.webhook_keys import unknown_keys
from record_writer.errors import InvalidRecord
from sync_common.contracts.records import RawRecord, RecordType
from sync_common.contracts.resources import Resource, Shape

Mapper = Callable[..., Change]
BODILESS: dict[RecordType, Mapper] = {RecordType.GONE: deletion, RecordType.RESTORED: restoration}


class Deleted(msgspec.Struct, gc=False):
    """Body of customers/delete, orders/delete and products/delete."""

    id: int | str


def _from_deletion(raw: Deleted, *, observed_at: Any) -> Change:
    return deletion(identifier(raw.id, "id"), observed_at=observed_at)


READ: dict[Resource, tuple[msgspec.json.Decoder[Any], Mapper]] = {
    Resource.CUSTOMERS: (msgspec.json.Decoder(customers.GraphqlCustomer), customers.from_graphql),
    Resource.ORDERS: (msgspec.json.Decoder(order_shapes.GraphqlOrder), orders.from_graphql),
    Resource.PRODUCTS: (msgspec.json.Decoder(products.GraphqlProduct), products.from_graphql),
}
_CUSTOMER = (msgspec.json.Decoder(customers.RestCustomer), customers.from_webhook)
_TAGS = (msgspec.json.Decoder(customers.TagsChanged), customers.from_tags)
_ORDER = (msgspec.json.Decoder(order_shapes.RestOrder), orders.from_webhook)
_PRODUCT = (msgspec.json.Decoder(products.RestProduct), products.from_webhook)
_DELETED = (msgspec.json.Decoder(Deleted), _from_deletion)
DELIVERED: dict[str, tuple[msgspec.json.Decoder[Any], Mapper]] = {
    "customers/create": _CUSTOMER,
    "customers/update": _CUSTOMER,
    "customers/enable": _CUSTOMER,
    "customers/disable": _CUSTOMER,
    "customers/delete": _DELETED,
    "customers/merge": (msgspec.json.Decoder(customers.Merged), customers.from_merge),
    "customers/purchasing_summary": (
        msgspec.json.Decoder(customers.PurchasingSummary),
        customers.from_purchasing_summary,
    ),
    "customer.tags_added": _TAGS,
    "customer.tags_removed": _TAGS,
    "customers_email_marketing_consent/update": (
        msgspec.json.Decoder(customers.EmailConsentChanged),
        customers.from_email_consent,
    ),
    "customers_marketing_consent/update": (
        msgspec.json.Decoder(customers.SmsConsentChanged),
        customers.from_sms_consent,
    ),
    "orders/create": _ORDER,
    "orders/updated": _ORDER,
    "orders/cancelled": _ORDER,
    "orders/edited": (msgspec.json.Decoder(order_shapes.OrderEdited), orders.from_edit),
    "orders/delete": _DELETED,
    "refunds/create": (msgspec.json.Decoder(order_shapes.RefundCreated), orders.from_refund),
    "products/create": _PRODUCT,
    "products/update": _PRODUCT,
    "products/delete": _DELETED,
}
_ANY = msgspec.json.Decoder(dict[str, msgspec.Raw])
KEPT_WHOLE = frozenset(("refunds", "total_price_set"))
"""Fields of which a column holds only a part."""


def interpret(raw: RawRecord, *, with_unknown_keys: bool = True) -> Change:
    """Say what a raw record asks for; raise InvalidRecord where it can mean nothing.

    Unknown keys of a webhook are looked for only where they are wanted: that takes a pass over all keys.
    The whole body is made storable first: the decoder looks into no value that it skips or keeps raw.
    """
    if raw.type in BODILESS:
        number = identifier(raw.record_id, f"{raw.resource}.id")
        return BODILESS[raw.type](number, observed_at=raw.observed_at)
    body = storable(raw.body)
    others: dict[str, Any] = {}
    if raw.type is RecordType.FETCHED and raw.shape is Shape.GRAPHQL:
        decoder, read = READ[raw.resource]
        change = read(
            _decode(decoder, body, raw.resource), observed_at=raw.observed_at, settles=raw.job_id is None
        )
    else:
        decoder, mapper = _webhook(raw)
        change = mapper(_decode(decoder, body, raw.resource), observed_at=raw.observed_at)
        has_metadata = change.row.metadata is not UNSET
        fields = _decode(_ANY, body, raw.resource) if has_metadata or with_unknown_keys else {}
        if has_metadata:
            others = _others(decoder.type, fields)
        if with_unknown_keys and (unknown := unknown_keys(raw.webhook_topic or "", fields)):
            change = msgspec.structs.replace(change, unknown_keys=unknown)
    if body != raw.body:
        others["replaced_characters"] = True
    if others and change.row.metadata is not UNSET:
        change.row.metadata = others | carried(change.row.metadata)
    return change


def _others(shape: type[msgspec.Struct], fields: dict[str, msgspec.Raw]) -> dict[str, Any]:
    """Return the fields of a webhook that are not mapped."""
    return {name: value for name, value in fields.items() if name not in _mapped(shape)}


def _webhook(raw: RawRecord) -> tuple[msgspec.json.Decoder[Any], Mapper]:
    found = DELIVERED.get(raw.webhook_topic or "")
    if found is None:
        raise InvalidRecord("webhooktopic", "no topic that is mirrored")
    return found


def _decode(decoder: msgspec.json.Decoder[Any], body: bytes, resource: Resource) -> Any:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _named(resource, error) from None
    except msgspec.DecodeError:
        raise InvalidRecord(resource, "not JSON") from None
    except RecursionError:
        raise InvalidRecord(resource, "nested too deeply") from None


@cache
def _mapped(shape: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(field.encode_name for field in msgspec.structs.fields(shape)) - KEPT_WHOLE


_LOCATION = re.compile(r" - at `\$(.*)`$")
_QUOTED = re.compile(r"'[^']*'")


def _named(resource: Resource, error: msgspec.ValidationError) -> InvalidRecord:
    """Name the field and the shape of its value; a quoted value is left out."""
    message = str(error)
    place = _LOCATION.search(message)
    problem = _QUOTED.sub("a value", _LOCATION.sub("", message))
    return InvalidRecord(f"{resource}{place.group(1) if place else ''}", problem)
