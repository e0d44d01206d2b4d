"""Customer bodies. Since 2025-01 they carry neither tags nor consent nor spend."""

from typing import Any

from shopify_simulator.shop.model import Record, Shop
from shopify_simulator.webhooks.rest import amount_of, local_time, lower, number_of


def customer(shop: Shop, record: Record) -> Record:
    """The body of customers/create, /update, /enable and /disable."""
    body = customer_without_addresses(shop, record)
    customer_id = body["id"]
    default = record.get("defaultAddress")
    default_id = default["id"] if default else None
    body["addresses"] = [
        customer_address(address, customer_id, is_default=address["id"] == default_id)
        for address in record["addressesV2"]
    ]
    return body


def customer_without_addresses(shop: Shop, record: Record) -> Record:
    """The customer inside an order."""
    customer_id = int(record["legacyResourceId"])
    body: Record = {
        "id": customer_id,
        "created_at": local_time(record["createdAt"], shop.zone),
        "updated_at": local_time(record["updatedAt"], shop.zone),
        "first_name": record["firstName"],
        "last_name": record["lastName"],
        "state": lower(record["state"]),
        "note": record["note"],
        "verified_email": record["verifiedEmail"],
        "multipass_identifier": None,
        "tax_exempt": record["taxExempt"],
        "email": email_of(record),
        "phone": phone_of(record),
        "currency": shop.currency,
        "tax_exemptions": [],
        "admin_graphql_api_id": record["id"],
    }
    default = record.get("defaultAddress")
    if default:
        body["default_address"] = customer_address(default, customer_id, is_default=True)
    return body


def customer_deleted(record: Record) -> Record:
    """The body of customers/delete."""
    return {
        "id": int(record["legacyResourceId"]),
        "tax_exemptions": [],
        "admin_graphql_api_id": record["id"],
    }


def purchasing_summary(record: Record, occurred_at: str) -> Record:
    """The body of customers/purchasing_summary, which is shaped like GraphQL."""
    last_order = record.get("lastOrder")
    return {
        "customerId": record["id"],
        "numberOfOrders": int(record["numberOfOrders"]),
        "amountSpent": {**record["amountSpent"], "amount": amount_of(record["amountSpent"])},
        "lastOrderId": last_order["id"] if last_order else None,
        "occurredAt": occurred_at,
    }


def tags_changed(record: Record, tags: list[str], occurred_at: str) -> Record:
    """The body of customer.tags_added and customer.tags_removed: only the difference."""
    return {"customerId": record["id"], "tags": tags, "occurredAt": occurred_at}


def email_consent(shop: Shop, record: Record) -> Record:
    """The body of customers_email_marketing_consent/update."""
    email = record.get("defaultEmailAddress") or {}
    return {
        "customer_id": int(record["legacyResourceId"]),
        "email_address": email.get("emailAddress"),
        "email_marketing_consent": {
            "state": lower(email.get("marketingState")),
            "opt_in_level": lower(email.get("marketingOptInLevel")),
            "consent_updated_at": local_time(email.get("marketingUpdatedAt"), shop.zone),
        },
    }


def sms_consent(shop: Shop, record: Record) -> Record:
    """The body of customers_marketing_consent/update."""
    phone = record.get("defaultPhoneNumber") or {}
    consent = phone.get("smsMarketingConsent") or {}
    return {
        "id": int(record["legacyResourceId"]),
        "phone": phone.get("phoneNumber"),
        "sms_marketing_consent": {
            "state": lower(consent.get("state")),
            "opt_in_level": lower(consent.get("optInLevel")),
            "consent_updated_at": local_time(consent.get("updatedAt"), shop.zone),
            "consent_collected_from": "other",
        },
    }


def email_of(record: Record) -> Any:
    """The address of a customer, if any."""
    email = record.get("defaultEmailAddress")
    return email["emailAddress"] if email else None


def phone_of(record: Record) -> Any:
    """The telephone number of a customer, if any."""
    phone = record.get("defaultPhoneNumber")
    return phone["phoneNumber"] if phone else None


def customer_address(address: Record, customer_id: int, *, is_default: bool) -> Record:
    """An address in a customer's book."""
    return {
        "id": number_of(address["id"]),
        "customer_id": customer_id,
        "first_name": address["firstName"],
        "last_name": address["lastName"],
        "company": address["company"],
        "address1": address["address1"],
        "address2": address["address2"],
        "city": address["city"],
        "province": address["province"],
        "country": address["country"],
        "zip": address["zip"],
        "phone": address["phone"],
        "name": address["name"],
        "province_code": address["provinceCode"],
        "country_code": address["countryCodeV2"],
        "country_name": address["country"],
        "default": is_default,
    }
