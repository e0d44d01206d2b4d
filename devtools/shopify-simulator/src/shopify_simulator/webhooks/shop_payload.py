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
        **_address(facts["shopAddress"]),
        **_money(shop),
        "created_at": local_time(facts["createdAt"], shop.zone),
        "updated_at": local_time(facts["updatedAt"], shop.zone),
        "primary_locale": "en",
        "timezone": _zone_label(shop.zone, now),
        "iana_timezone": facts["ianaTimezone"],
        "weight_unit": "kg",
        "plan_display_name": shop.plan.public_display_name,
        "plan_name": PLAN_CODES[shop.plan.public_display_name],
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
        "email": facts["email"],
        "customer_email": facts["contactEmail"],
        "domain": facts["primaryDomain"]["host"],
        "myshopify_domain": shop.domain,
        "shop_owner": facts["shopOwnerName"],
    }


def _address(address: Record) -> Record:
    return {
        "address1": address["address1"],
        "address2": address["address2"],
        "city": address["city"],
        "province": address["province"],
        "province_code": address["provinceCode"],
        "country": address["countryCodeV2"],
        "country_code": address["countryCodeV2"],
        "country_name": address["country"],
        "zip": address["zip"],
        "phone": address["phone"],
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
        "enabled_presentment_currencies": shop.facts["enabledPresentmentCurrencies"],
        "taxes_included": shop.facts["taxesIncluded"],
        "auto_configure_tax_inclusivity": None,
        "tax_shipping": None,
        "county_taxes": None,
    }


def _zone_label(zone: ZoneInfo, now: datetime) -> str:
    offset = now.astimezone(zone).strftime("%z")
    return f"(GMT{offset[:3]}:{offset[3:]}) {zone.key}"
