"""What Shopify tells of a shop and of what our app may do there."""

from typing import Any

from shopify_fetcher.access.session import ShopSession
from shopify_fetcher.domain.shop import ShopFacts, numeric_id


async def read_facts(session: ShopSession) -> ShopFacts:
    """Ask for the shop's facts and the scopes that were granted."""
    data: dict[str, Any] = (await session.call("shop_details")).data
    shop, scopes = data["shop"], data["currentAppInstallation"]["accessScopes"]
    return ShopFacts(
        domain=str(shop["myshopifyDomain"]).lower(),
        shopify_shop_id=int(numeric_id(shop["id"])),
        name=shop["name"],
        owner=shop.get("shopOwnerName"),
        email=shop.get("contactEmail") or shop.get("email"),
        currency=shop["currencyCode"],
        timezone=shop["ianaTimezone"],
        plan_name=shop["plan"]["publicDisplayName"],
        access_scopes=tuple(sorted(scope["handle"] for scope in scopes)),
    )
