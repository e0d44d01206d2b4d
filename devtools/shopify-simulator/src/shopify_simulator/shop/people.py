"""Made-up customers and addresses."""

import unicodedata
from datetime import datetime, timedelta

from shopify_simulator.shop import samples
from shopify_simulator.shop.dice import Dice
from shopify_simulator.shop.model import Record, Shop, gid, timestamp
from shopify_simulator.shop.money import money
from shopify_simulator.shop.samples import Country

CUSTOMER_AGE = timedelta(days=900)
EMAIL_STATES = (
    "SUBSCRIBED",
    "SUBSCRIBED",
    "UNSUBSCRIBED",
    "NOT_SUBSCRIBED",
    "NOT_SUBSCRIBED",
    "PENDING",
    "INVALID",
)
SMS_STATES = ("SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED", "NEVER_SUBSCRIBED", "PENDING", "REDACTED")
OPT_IN_LEVELS = ("SINGLE_OPT_IN", "CONFIRMED_OPT_IN", "UNKNOWN")
ACCOUNT_STATES = ("DISABLED", "DISABLED", "DISABLED", "ENABLED", "ENABLED", "INVITED", "DECLINED")


def slug(text: str) -> str:
    """The ASCII letters and digits of a name, for e-mail addresses and handles."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "".join(
        character for character in plain.replace(" ", "-") if character.isalnum() or character == "-"
    )


def phone_number(dice: Dice, country: Country) -> str:
    """A number in E.164 form."""
    return f"{country.dial_code}{dice.whole(200, 999)}{dice.whole(1_000_000, 9_999_999)}"


def make_address(
    shop: Shop, dice: Dice, country: Country, first_name: str | None, last_name: str | None
) -> Record:
    """A MailingAddress."""
    city = dice.pick(country.cities)
    return {
        "id": gid("MailingAddress", shop.next_id()) + "?model_name=CustomerAddress",
        "firstName": first_name,
        "lastName": last_name,
        "name": full_name(first_name, last_name),
        "company": dice.pick(samples.COMPANIES) if dice.chance(0.08) else None,
        "address1": f"{dice.whole(1, 999)} {dice.pick(country.streets)}",
        "address2": f"Apt. {dice.whole(1, 99)}" if dice.chance(0.2) else None,
        "city": city.name,
        "province": city.province,
        "provinceCode": city.province_code,
        "country": country.name,
        "countryCodeV2": country.code,
        "zip": f"{city.zip_prefix}{dice.whole(10, 99)}",
        "phone": phone_number(dice, country) if dice.chance(0.3) else None,
    }


def full_name(first_name: str | None, last_name: str | None) -> str | None:
    """Both names as Shopify joins them, or None."""
    return " ".join(name for name in (first_name, last_name) if name) or None


def email_address(dice: Dice, address: str, now: datetime) -> Record:
    """A CustomerEmailAddress with a marketing state of any kind."""
    state = dice.pick(EMAIL_STATES)
    has_acted = state in ("SUBSCRIBED", "UNSUBSCRIBED", "PENDING")
    return {
        "emailAddress": address,
        "validFormat": state != "INVALID",
        "marketingState": state,
        "marketingOptInLevel": dice.pick(OPT_IN_LEVELS) if has_acted else None,
        "marketingUpdatedAt": timestamp(dice.between(now - CUSTOMER_AGE, now)) if has_acted else None,
    }


def phone_consent(dice: Dice, number: str, now: datetime) -> Record:
    """A CustomerPhoneNumber with an SMS state of any kind."""
    state = dice.pick(SMS_STATES)
    has_acted = state in ("SUBSCRIBED", "UNSUBSCRIBED")
    consent = {
        "state": state,
        "optInLevel": dice.pick(OPT_IN_LEVELS),
        "updatedAt": timestamp(dice.between(now - CUSTOMER_AGE, now)) if has_acted else None,
    }
    return {"phoneNumber": number, "smsMarketingConsent": consent}


def awkward_text(dice: Dice) -> str:
    """A text that breaks careless code."""
    return samples.LONG_TEXT if dice.chance(0.1) else dice.pick(samples.AWKWARD_TEXTS)


def make_note(dice: Dice) -> str | None:
    """A note as merchants write them: mostly none."""
    draw = dice.random()
    if draw < 0.8:
        return None
    return awkward_text(dice) if draw < 0.9 else "Please ring the bell twice."


def make_customer(shop: Shop, dice: Dice, number: int, created: datetime, updated: datetime) -> Record:
    """A customer without orders."""
    country = dice.pick(samples.COUNTRIES)
    first_name = dice.pick(country.first_names) if dice.chance(0.95) else None
    last_name = dice.pick(country.last_names) if dice.chance(0.93) else None
    addresses = [
        make_address(shop, dice, country, first_name, last_name)
        for _ in range(dice.pick((0, 1, 1, 1, 1, 2, 3)))
    ]
    has_email, has_phone = dice.chance(0.92), dice.chance(0.35)
    local_part = f"{slug(first_name or '') or 'customer'}.{slug(last_name or '') or 'x'}.{number}"
    email = email_address(dice, f"{local_part}@example.com", updated) if has_email else None
    phone = phone_consent(dice, phone_number(dice, country), updated) if has_phone else None
    key = shop.next_id()
    customer: Record = {
        "id": gid("Customer", key),
        "legacyResourceId": str(key),
        "firstName": first_name,
        "lastName": last_name,
        "displayName": "",
        "state": dice.pick(ACCOUNT_STATES),
        "note": make_note(dice),
        "tags": sorted(dice.some(samples.CUSTOMER_TAGS, 3)),
        "locale": country.locale,
        "taxExempt": dice.chance(0.03),
        "verifiedEmail": has_email and dice.chance(0.8),
        "numberOfOrders": "0",
        "amountSpent": money(0, shop.currency),
        "lastOrder": None,
        "defaultEmailAddress": email,
        "defaultPhoneNumber": phone,
        "defaultAddress": addresses[0] if addresses else None,
        "addressesV2": addresses,
        "createdAt": timestamp(created),
        "updatedAt": timestamp(updated),
    }
    customer["displayName"] = display_name(customer)
    return customer


def display_name(customer: Record) -> str:
    """The name, else the e-mail, else the phone number."""
    email, phone = customer["defaultEmailAddress"], customer["defaultPhoneNumber"]
    name = full_name(customer["firstName"], customer["lastName"])
    return name or (email and email["emailAddress"]) or (phone and phone["phoneNumber"]) or ""
