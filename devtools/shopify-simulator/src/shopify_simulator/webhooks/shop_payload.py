"""The shop object, which shop/update and app/uninstalled carry."""

from datetime import datetime
from zoneinfo import ZoneInfo

from shopify_simulator.shop.model import Record, Shop
from shopify_simulator.webhooks.rest import local_time

PLAN_CODES = {
    "Basic": "basic",
    "Grow": "professional",
    "Advanced": "unlimited",
    "Plus": "shopify_plus",
    "Agentic Enterprise": "enterprise",
}
MONEY_FORMAT = "${{amount}}"


def shop_facts(shop: Shop, now: datetime) -> Record:
    """The body of shop/update and app/uninstalled."""
    facts = shop.facts
    return {
        **_identity(shop),
        **_address(facts),
        **_money(shop),
        "created_at": local_time(facts.get("createdAt"), shop.zone),
        "updated_at": local_time(facts.get("updatedAt"), shop.zone),
        "primary_locale": "en",
        "timezone": _zone_label(shop.zone, now),
        "iana_timezone": facts["ianaTimezone"],
        "weight_unit": "kg",
        "plan_display_name": shop.plan.public_display_name,
        "plan_name": PLAN_CODES.get(shop.plan.public_display_name, "basic"),
        "has_discounts": False,
        "has_gift_cards": True,
        "google_apps_domain": None,
        "google_apps_login_enabled": None,
        "eligible_for_payments": True,
        "requires_extra_payments_agreement": False,
        "password_enabled": False,
        "has_storefront": True,
        "finances": True,
        "primary_location_id": shop.id + 1,
        "checkout_api_supported": True,
        "multi_location_enabled": True,
        "setup_required": False,
        "pre_launch_enabled": False,
        "marketing_sms_consent_enabled_at_checkout": False,
        "transactional_sms_disabled": False,
        "source": None,
    }


def _identity(shop: Shop) -> Record:
    facts = shop.facts
    return {
        "id": shop.id,
        "name": facts["name"],
        "email": facts.get("email"),
        "customer_email": facts.get("contactEmail"),
        "domain": (facts.get("primaryDomain") or {}).get("host"),
        "myshopify_domain": shop.domain,
        "shop_owner": facts.get("shopOwnerName"),
    }


def _address(facts: Record) -> Record:
    address = facts.get("shopAddress") or {}
    return {
        "address1": address.get("address1"),
        "address2": address.get("address2"),
        "city": address.get("city"),
        "province": address.get("province"),
        "province_code": address.get("provinceCode"),
        "country": address.get("countryCodeV2"),
        "country_code": address.get("countryCodeV2"),
        "country_name": address.get("country"),
        "zip": address.get("zip"),
        "phone": address.get("phone"),
        "latitude": None,
        "longitude": None,
    }


def _money(shop: Shop) -> Record:
    with_currency = f"{MONEY_FORMAT} {shop.currency}"
    return {
        "currency": shop.currency,
        "money_format": MONEY_FORMAT,
        "money_with_currency_format": with_currency,
        "money_in_emails_format": MONEY_FORMAT,
        "money_with_currency_in_emails_format": with_currency,
        "enabled_presentment_currencies": list(
            shop.facts.get("enabledPresentmentCurrencies") or [shop.currency]
        ),
        "taxes_included": shop.facts.get("taxesIncluded"),
        "auto_configure_tax_inclusivity": None,
        "tax_shipping": None,
        "county_taxes": None,
    }


def _zone_label(zone: ZoneInfo, now: datetime) -> str:
    offset = now.astimezone(zone).strftime("%z")
    return f"(GMT{offset[:3]}:{offset[3:]}) {zone.key}"
