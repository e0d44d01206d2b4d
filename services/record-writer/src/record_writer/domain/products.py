"""Products: read in full; webhooks carry at most 100 variants."""

from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec import UNSET, UnsetType

from record_writer.domain.changes import Change, record
from record_writer.domain.enums import PRODUCT_STATUSES, Unknown, unknown_policies
from record_writer.domain.rows import Maybe, ProductRow, document
from record_writer.domain.values import (
    amount,
    identifier,
    instant,
    known,
    lower,
    money,
    tags,
    text,
)

FULL_VARIANTS_MAX = 100
"""products/update carries this many variants in full (shopify.dev, Webhooks)."""


class Variant(msgspec.Struct, gc=False):
    """One variant of a product, as it is stored."""

    id: str
    title: str | None
    sku: str | None
    barcode: str | None
    price: Decimal | None
    compare_at_price: Decimal | None
    inventory_quantity: int | None
    inventory_policy: str | None
    position: int | None
    option1: str | None
    option2: str | None
    option3: str | None


class Image(msgspec.Struct, gc=False):
    """One picture of a product, as it is stored."""

    url: str
    alt: str | None
    width: int | None
    height: int | None


class GraphqlOption(msgspec.Struct, gc=False):
    """One chosen option of a variant."""

    value: str | None = None


class GraphqlVariant(msgspec.Struct, rename="camel", gc=False):
    """ProductVariant of GraphQL."""

    id: str
    legacy_resource_id: int | str | None = None
    title: str | None = None
    position: int | None = None
    sku: str | None = None
    barcode: str | None = None
    price: str | None = None
    compare_at_price: str | None = None
    inventory_quantity: int | None = None
    inventory_policy: str | None = None
    selected_options: list[GraphqlOption] | None = None


class Variants(msgspec.Struct, gc=False):
    """A complete connection of variants."""

    nodes: list[GraphqlVariant] = []


class GraphqlImage(msgspec.Struct, rename="camel", gc=False):
    """Image of GraphQL."""

    url: str | None = None
    alt_text: str | None = None
    width: int | None = None
    height: int | None = None


class GraphqlMedium(msgspec.Struct, rename="camel", gc=False):
    """Media of GraphQL; `image` is there for pictures that are ready."""

    alt: str | None = None
    image: GraphqlImage | None = None


class Media(msgspec.Struct, gc=False):
    """A complete connection of media."""

    nodes: list[GraphqlMedium] = []


class GraphqlProduct(msgspec.Struct, rename="camel", gc=False):
    """Product of GraphQL, as selected by our queries."""

    id: str
    legacy_resource_id: int | str | None = None
    title: Maybe[str] = UNSET
    handle: Maybe[str] = UNSET
    description_html: Maybe[str] = UNSET
    product_type: Maybe[str] = UNSET
    vendor: Maybe[str] = UNSET
    tags: Maybe[list[str]] = UNSET
    status: Maybe[str] = UNSET
    is_gift_card: Maybe[bool] = UNSET
    total_inventory: Maybe[int] = UNSET
    tracks_inventory: Maybe[bool] = UNSET
    online_store_url: Maybe[str] = UNSET
    options: msgspec.Raw | UnsetType = UNSET
    media: Media | UnsetType = UNSET
    variants: Variants | UnsetType = UNSET
    published_at: Maybe[datetime] = UNSET
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Metadata(msgspec.Struct, gc=False):
    """What no column holds."""

    admin_graphql_api_id: Maybe[str] = UNSET
    options: msgspec.Raw | UnsetType = UNSET
    is_gift_card: Maybe[bool] = UNSET
    total_inventory: Maybe[int] = UNSET
    tracks_inventory: Maybe[bool] = UNSET
    online_store_url: Maybe[str] = UNSET


def from_graphql(raw: GraphqlProduct, *, observed_at: datetime, settles: bool) -> Change:
    """Describe a product read from the API."""
    row = ProductRow(
        title=raw.title,
        description=text(raw.description_html),
        product_type=text(raw.product_type),
        vendor=text(raw.vendor),
        tags=tags(raw.tags, "products.tags"),
        handle=text(raw.handle),
        metadata=Metadata(
            raw.id,
            raw.options,
            raw.is_gift_card,
            raw.total_inventory,
            raw.tracks_inventory,
            raw.online_store_url,
        ),
    )
    unknown: Unknown = ()
    if raw.variants is not UNSET:
        unknown = _note_variants(row, [_graphql_variant(one) for one in raw.variants.nodes])
    if raw.media is not UNSET:
        row.images = document(_graphql_images(raw.media.nodes))
    _note_state(row, raw)
    number = raw.legacy_resource_id or raw.id
    return record(
        row, number, observed_at=observed_at, updated_at=raw.updated_at, settles=settles, unknown=unknown
    )


def _note_state(row: ProductRow, raw: "GraphqlProduct | RestProduct") -> None:
    """Add what both dialects write alike."""
    row.status_raw = lower(raw.status)
    row.status = known(row.status_raw, PRODUCT_STATUSES)
    row.published_at = instant(raw.published_at, "products.published_at")
    row.created_at_source = instant(raw.created_at or UNSET, "products.created_at")


def _note_variants(row: ProductRow, variants: list[Variant]) -> Unknown:
    """Add the variants in their order; return what of them we do not know."""
    ordered = sorted(variants, key=lambda one: (one.position or 0, len(one.id), one.id))
    row.variants = document(ordered)
    return unknown_policies({one.inventory_policy for one in variants})


def _graphql_variant(raw: GraphqlVariant) -> Variant:
    options = [text(option.value) for option in raw.selected_options or ()]
    option1, option2, option3 = (*options, None, None, None)[:3]
    return Variant(
        id=identifier(raw.legacy_resource_id or raw.id, "products.variants.id"),
        title=text(raw.title),
        sku=text(raw.sku),
        barcode=text(raw.barcode),
        price=amount(raw.price, "products.variants.price"),
        compare_at_price=amount(raw.compare_at_price, "products.variants.compare_at_price"),
        inventory_quantity=raw.inventory_quantity,
        inventory_policy=lower(raw.inventory_policy),
        position=raw.position,
        option1=option1,
        option2=option2,
        option3=option3,
    )


def _graphql_images(media: list[GraphqlMedium]) -> list[Image]:
    return [
        Image(one.image.url, text(one.image.alt_text) or text(one.alt), one.image.width, one.image.height)
        for one in media
        if one.image is not None and one.image.url
    ]


class RestVariant(msgspec.Struct, gc=False):
    """A variant in a webhook."""

    id: int | str
    title: str | None = None
    position: int | None = None
    sku: str | None = None
    barcode: str | None = None
    price: Decimal | None = None
    compare_at_price: Decimal | None = None
    inventory_quantity: int | None = None
    inventory_policy: str | None = None
    option1: str | None = None
    option2: str | None = None
    option3: str | None = None


class RestImage(msgspec.Struct, gc=False):
    """A picture in a webhook."""

    src: str | None = None
    alt: str | None = None
    width: int | None = None
    height: int | None = None
    position: int | None = None


class RestProduct(msgspec.Struct, gc=False):
    """Body of products/create and products/update (shopify.dev, Webhooks)."""

    id: int | str
    admin_graphql_api_id: Maybe[str] = UNSET
    title: Maybe[str] = UNSET
    handle: Maybe[str] = UNSET
    body_html: Maybe[str] = UNSET
    product_type: Maybe[str] = UNSET
    vendor: Maybe[str] = UNSET
    tags: Maybe[str | list[str]] = UNSET
    status: Maybe[str] = UNSET
    options: msgspec.Raw | UnsetType = UNSET
    images: list[RestImage] | UnsetType = UNSET
    variants: list[RestVariant] | UnsetType = UNSET
    variant_gids: list[msgspec.Raw] | None = None
    published_at: Maybe[datetime] = UNSET
    created_at: datetime | None = None
    updated_at: datetime | None = None


def from_webhook(raw: RestProduct, *, observed_at: datetime) -> Change:
    """Describe a product webhook; where it was cut, its variants are not carried."""
    row = ProductRow(
        title=raw.title,
        description=text(raw.body_html),
        product_type=text(raw.product_type),
        vendor=text(raw.vendor),
        tags=tags(raw.tags, "products.tags"),
        handle=text(raw.handle),
        metadata=Metadata(raw.admin_graphql_api_id, raw.options),
    )
    unknown: Unknown = ()
    if not _is_cut(raw):
        unknown = _note_variants(row, [_rest_variant(one) for one in raw.variants or []])
    if raw.images is not UNSET:
        row.images = document(_rest_images(raw.images))
    _note_state(row, raw)
    return record(row, raw.id, observed_at=observed_at, updated_at=raw.updated_at, unknown=unknown)


def _is_cut(raw: RestProduct) -> bool:
    if raw.variants is UNSET:
        return True
    if raw.variant_gids is None:
        return len(raw.variants) >= FULL_VARIANTS_MAX
    return len(raw.variant_gids) > len(raw.variants)


def _rest_variant(raw: RestVariant) -> Variant:
    return Variant(
        id=identifier(raw.id, "products.variants.id"),
        title=text(raw.title),
        sku=text(raw.sku),
        barcode=text(raw.barcode),
        price=money(raw.price, "products.variants.price"),
        compare_at_price=money(raw.compare_at_price, "products.variants.compare_at_price"),
        inventory_quantity=raw.inventory_quantity,
        inventory_policy=lower(raw.inventory_policy),
        position=raw.position,
        option1=text(raw.option1),
        option2=text(raw.option2),
        option3=text(raw.option3),
    )


def _rest_images(images: list[RestImage]) -> list[Image]:
    placed = sorted(images, key=lambda one: one.position or 0)
    return [Image(one.src, text(one.alt), one.width, one.height) for one in placed if one.src]
