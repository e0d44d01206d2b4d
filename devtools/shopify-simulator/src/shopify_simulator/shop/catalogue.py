"""Made-up products with variants and media."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from itertools import product as combinations
from math import ceil

from shopify_simulator.shop import samples
from shopify_simulator.shop.dice import Dice
from shopify_simulator.shop.model import Record, Shop, gid, timestamp
from shopify_simulator.shop.money import amount, price_in
from shopify_simulator.shop.people import awkward_text, slug

STATUSES = ("ACTIVE",) * 7 + ("DRAFT", "ARCHIVED", "UNLISTED")
VARIANTS_MAX = 2_048


def make_options(shop: Shop, variant_count: int) -> list[Record]:
    """The options whose first combinations are the variants; each value is used."""
    sizes, colors = len(samples.SIZES), len(samples.COLORS)
    named: list[tuple[str, Sequence[str]]]
    if variant_count == 1:
        named = [("Title", ("Default Title",))]
    elif variant_count <= sizes:
        named = [("Size", samples.SIZES[:variant_count])]
    else:
        named = [
            ("Size", samples.SIZES[: ceil(variant_count / colors)]),
            ("Colour", samples.COLORS[:variant_count]),
        ]
        if variant_count > sizes * colors:
            designs = ceil(variant_count / (sizes * colors))
            named.insert(0, ("Design", [f"No. {number}" for number in range(1, designs + 1)]))
    return [
        {
            "id": gid("ProductOption", shop.next_id()),
            "name": name,
            "position": position,
            "values": list(values),
        }
        for position, (name, values) in enumerate(named, 1)
    ]


def make_variants(shop: Shop, dice: Dice, product: Record, variant_count: int) -> Iterator[Record]:
    """So many variants, one for each combination of option values."""
    price = price_in(dice.whole(200, 15_000) / 100, shop.currency)
    reference = {"id": product["id"], "legacyResourceId": product["legacyResourceId"]}
    options = product["options"]
    values_of_all = islice(combinations(*(option["values"] for option in options)), variant_count)
    for position, values in enumerate(values_of_all, 1):
        key, stock_key, stock = shop.next_id(), shop.next_id(), dice.whole(-3, 200)
        policy = "CONTINUE" if dice.chance(0.2) else "DENY"
        yield {
            "id": gid("ProductVariant", key),
            "legacyResourceId": str(key),
            "title": " / ".join(values),
            "position": position,
            "sku": f"SKU-{product['legacyResourceId'][-6:]}-{position}" if dice.chance(0.9) else None,
            "barcode": str(dice.whole(4_000_000_000_000, 4_999_999_999_999)) if dice.chance(0.5) else None,
            "price": amount(price, shop.currency),
            "compareAtPrice": amount(price * 2, shop.currency) if dice.chance(0.15) else None,
            "inventoryQuantity": stock,
            "inventoryPolicy": policy,
            "availableForSale": stock > 0 or policy == "CONTINUE",
            "selectedOptions": [
                {"name": option["name"], "value": value}
                for option, value in zip(options, values, strict=True)
            ],
            "inventoryItem": {
                "id": gid("InventoryItem", stock_key),
                "legacyResourceId": str(stock_key),
                "tracked": True,
            },
            "product": reference,
            "createdAt": product["createdAt"],
            "updatedAt": product["updatedAt"],
        }


def make_media(shop: Shop, dice: Dice, title: str) -> Record:
    """A MediaImage, rarely a Video."""
    is_video = dice.chance(0.05)
    key, name = shop.next_id(), slug(title) or "image"
    url = f"https://cdn.shopify.com/s/files/1/{shop.id}/files/{name}-{key}.jpg?v={key % 10_000_000}"
    image = {
        "url": url,
        "altText": title if dice.chance(0.7) else None,
        "width": 1200,
        "height": dice.whole(600, 1600),
    }
    media: Record = {
        "id": gid("Video" if is_video else "MediaImage", key),
        "alt": image["altText"] or "",
        "mediaContentType": "VIDEO" if is_video else "IMAGE",
        "preview": {"image": image},
    }
    return media if is_video else {**media, "image": image}


def make_product(shop: Shop, dice: Dice, variant_count: int, created: datetime, updated: datetime) -> Record:
    """A product with all its variants."""
    key, status = shop.next_id(), dice.pick(STATUSES)
    title = f"{dice.pick(samples.ADJECTIVES)} {dice.pick(samples.NOUNS)}"
    title = f"{title} {awkward_text(dice)}"[:255] if dice.chance(0.04) else title
    product_type = dice.pick(samples.PRODUCT_TYPES)
    media = [make_media(shop, dice, title) for _ in range(dice.pick((0, 1, 1, 2, 3)))]
    product: Record = {
        "id": gid("Product", key),
        "legacyResourceId": str(key),
        "title": title,
        "handle": f"{slug(title)[:60].strip('-')}-{str(key)[-7:]}",
        "descriptionHtml": f"<p>{title}: <em>made</em> to last.</p>" if dice.chance(0.8) else "",
        "productType": product_type,
        "vendor": dice.pick(samples.VENDORS),
        "tags": sorted(dice.some(samples.PRODUCT_TAGS, 4)),
        "status": status,
        "isGiftCard": product_type == "Gift card",
        "totalInventory": 0,
        "tracksInventory": True,
        "onlineStoreUrl": None,
        "options": make_options(shop, variant_count),
        "featuredMedia": media[0] if media else None,
        "media": media,
        "variantsCount": None,
        "variants": [],
        "publishedAt": timestamp(created) if status in ("ACTIVE", "UNLISTED") else None,
        "createdAt": timestamp(created),
        "updatedAt": timestamp(updated),
    }
    if status == "ACTIVE":
        product["onlineStoreUrl"] = f"https://{shop.domain}/products/{product['handle']}"
    product["variants"] = list(make_variants(shop, dice, product, variant_count))
    return with_variant_sums(product)


def with_variant_sums(product: Record) -> Record:
    """The product with what follows from its variants."""
    variants = product["variants"]
    return {
        **product,
        "variantsCount": {"count": len(variants), "precision": "EXACT"},
        "totalInventory": sum(variant["inventoryQuantity"] for variant in variants),
    }
