"""Product bodies: at most 100 variants in full, and the gids of all."""

from shopify_simulator.shop.model import Record, Shop
from shopify_simulator.shop.money import fixed
from shopify_simulator.webhooks.rest import joined, local_time, lower, number_of, utc_milliseconds

FULL_VARIANTS_MAX = 100


def product(shop: Shop, record: Record) -> Record:
    """The body of products/create and products/update."""
    product_id = int(record["legacyResourceId"])
    images = [
        product_image(shop, record, media, position)
        for position, media in enumerate(_images_of(record), start=1)
    ]
    return {
        "admin_graphql_api_id": record["id"],
        "body_html": record["descriptionHtml"],
        "created_at": local_time(record["createdAt"], shop.zone),
        "handle": record["handle"],
        "id": product_id,
        "product_type": record["productType"],
        "published_at": local_time(record["publishedAt"], shop.zone),
        "template_suffix": None,
        "title": record["title"],
        "updated_at": local_time(record["updatedAt"], shop.zone),
        "vendor": record["vendor"],
        "status": lower(record["status"]),
        "published_scope": "web",
        "tags": joined(record["tags"]),
        "variants": [variant(shop, one, product_id) for one in record["variants"][:FULL_VARIANTS_MAX]],
        "options": [option(one, product_id) for one in record["options"]],
        "images": images,
        "image": images[0] if images else None,
        "media": [
            product_media(shop, record, media, position)
            for position, media in enumerate(record["media"], start=1)
        ],
        "variant_gids": [
            {"admin_graphql_api_id": one["id"], "updated_at": utc_milliseconds(one["updatedAt"])}
            for one in record["variants"]
        ],
        "has_variants_that_requires_components": False,
        "category": None,
    }


def variant(shop: Shop, record: Record, product_id: int) -> Record:
    """One variant in full."""
    values = [selected["value"] for selected in record["selectedOptions"]]
    option1, option2, option3 = [*values, None, None, None][:3]
    item = record.get("inventoryItem")
    return {
        "admin_graphql_api_id": record["id"],
        "barcode": record["barcode"],
        "compare_at_price": None
        if record["compareAtPrice"] is None
        else fixed(record["compareAtPrice"], shop.currency),
        "created_at": local_time(record["createdAt"], shop.zone),
        "id": int(record["legacyResourceId"]),
        "inventory_policy": lower(record["inventoryPolicy"]),
        "position": record["position"],
        "price": fixed(record["price"], shop.currency),
        "product_id": product_id,
        "sku": record["sku"],
        "taxable": True,
        "title": record["title"],
        "updated_at": local_time(record["updatedAt"], shop.zone),
        "option1": option1,
        "option2": option2,
        "option3": option3,
        "image_id": None,
        "inventory_item_id": number_of(item["id"]) if item else None,
        "inventory_quantity": record["inventoryQuantity"],
        "old_inventory_quantity": record["inventoryQuantity"],
    }


def option(record: Record, product_id: int) -> Record:
    """One option with its values."""
    return {
        "name": record["name"],
        "id": number_of(record["id"]),
        "product_id": product_id,
        "position": record["position"],
        "values": list(record["values"]),
    }


def product_image(shop: Shop, record: Record, media: Record, position: int) -> Record:
    """One image of a product."""
    image = media["image"]
    return {
        "id": number_of(media["id"]),
        "product_id": int(record["legacyResourceId"]),
        "position": position,
        "created_at": local_time(record["createdAt"], shop.zone),
        "updated_at": local_time(record["updatedAt"], shop.zone),
        "alt": image.get("altText"),
        "width": image["width"],
        "height": image["height"],
        "src": image["url"],
        "variant_ids": [],
        "admin_graphql_api_id": media["id"],
    }


def product_media(shop: Shop, record: Record, media: Record, position: int) -> Record:
    """One medium of a product, of whatever kind."""
    preview = (media.get("preview") or {}).get("image") or {}
    return {
        "id": number_of(media["id"]),
        "product_id": int(record["legacyResourceId"]),
        "position": position,
        "created_at": local_time(record["createdAt"], shop.zone),
        "updated_at": local_time(record["updatedAt"], shop.zone),
        "alt": media.get("alt"),
        "status": "READY",
        "media_content_type": media["mediaContentType"],
        "preview_image": {
            "width": preview.get("width"),
            "height": preview.get("height"),
            "src": preview.get("url"),
            "status": "READY",
        },
        "variant_ids": [],
        "admin_graphql_api_id": media["id"],
    }


def _images_of(record: Record) -> list[Record]:
    return [media for media in record["media"] if media.get("image")]
