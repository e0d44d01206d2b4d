"""What a merchant does to a shop: each public function does one act and says which webhooks Shopify fires for it.

Acts are named verb_noun and take (shop, id, now, …), those that create take (shop, now, …). An unknown id is a
KeyError, an act that Shopify refuses a ValueError.
"""

import random
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from shopify_simulator.shop.catalogue import VARIANTS_MAX, make_product, with_variant_sums
from shopify_simulator.shop.dice import Dice
from shopify_simulator.shop.model import PLANS, Change, Record, Resource, Shop, timestamp
from shopify_simulator.shop.money import amount, minor_units, price_in
from shopify_simulator.shop.people import (
    display_name,
    email_address,
    make_address,
    make_customer,
)
from shopify_simulator.shop.sales import (
    Article,
    Currencies,
    OrderPlan,
    cancelled,
    edited,
    make_line,
    make_order,
    purchases,
    refunded,
)
from shopify_simulator.shop.samples import COUNTRIES

LOCATION_ID = 70_000_000_001
UPDATED_TOPICS = {"customers": "customers/update", "orders": "orders/updated", "products": "products/update"}
ACCOUNT_TOPICS = {"ENABLED": "customers/enable", "DISABLED": "customers/disable"}


def _store(
    shop: Shop,
    resource: Resource,
    kind: str,
    record: Record,
    now: datetime,
    topics: Iterable[str],
    *,
    details: dict[str, Any] | None = None,
    others: list[Change] | None = None,
) -> Change:
    """Put a changed record into the shop; its time never goes back."""
    record = {**record, "updatedAt": max(record["updatedAt"], timestamp(now))}
    before = shop.put(resource, record, now)
    key = int(record["legacyResourceId"])
    return Change(resource, kind, key, list(topics), before, record, details or {}, others or [])


def _remove(
    shop: Shop, resource: Resource, kind: str, key: int, now: datetime, others: list[Change]
) -> Change:
    before = shop.remove(resource, key, now)
    return Change(resource, kind, key, [f"{resource}/delete"], before, None, {}, others)


def _dice(rng: random.Random | None, shop: Shop) -> Dice:
    return Dice(rng or random.Random(shop.last_id))


def _customer_follows(shop: Shop, order: Record, now: datetime) -> list[Change]:
    """The change of an order's customer whose count, spend or last order it moves."""
    reference = order["customer"]
    customer = shop.customers.get(int(reference["legacyResourceId"])) if reference else None
    if customer is None:
        return []
    sums = purchases(shop.orders.of_customer(int(customer["legacyResourceId"])), shop.currency)
    if all(customer[name] == value for name, value in sums.items()):
        return []
    topics = ["customers/purchasing_summary", "customers/update"]
    return [_store(shop, "customers", "customer.purchase", {**customer, **sums}, now, topics)]


# The shop


def update_shop(
    shop: Shop,
    now: datetime,
    *,
    name: str | None = None,
    email: str | None = None,
    plan: str | None = None,
    currency: str | None = None,
    timezone: str | None = None,
) -> Change:
    """Change what is given of the shop's settings; orders keep the currency they were placed in."""
    if timezone is not None and timezone not in available_timezones():
        raise ValueError("a time zone is an IANA name such as Europe/Berlin")
    if plan is not None:
        if plan not in PLANS:
            raise ValueError(f"a plan is one of {', '.join(PLANS)}")
        shop.plan = PLANS[plan]
    before = shop.facts
    given = {"name": name, "email": email, "currencyCode": currency, "ianaTimezone": timezone}
    shop.facts = {
        **before,
        **{key: value for key, value in given.items() if value is not None},
        "plan": shop.plan.facts(),
        "updatedAt": max(before["updatedAt"], timestamp(now)),
    }
    return Change("shop", "shop.update", shop.id, ["shop/update"], before, shop.facts)


# Customers


def create_customer(
    shop: Shop,
    now: datetime,
    *,
    email: str | None = None,
    first_name: str | None = None,
    last_name: str | None = None,
    tags: list[str] | None = None,
    rng: random.Random | None = None,
) -> Change:
    """Add a customer; what is not given is made up."""
    dice = _dice(rng, shop)
    customer = make_customer(shop, dice, shop.last_id, now, now)
    if email is not None:
        customer["defaultEmailAddress"] = email_address(dice, email, now)
    customer["firstName"] = first_name or customer["firstName"]
    customer["lastName"] = last_name or customer["lastName"]
    customer["tags"] = customer["tags"] if tags is None else sorted(tags)
    customer["displayName"] = display_name(customer)
    return _store(shop, "customers", "customer.create", customer, now, ["customers/create"])


def update_customer(
    shop: Shop,
    key: int,
    now: datetime,
    *,
    first_name: str | None = None,
    last_name: str | None = None,
    email: str | None = None,
    phone: str | None = None,
    note: str | None = None,
    state: str | None = None,
) -> Change:
    """Change what is given of a customer; an empty text clears the field."""
    customer = dict(shop.customers[key])
    for name, value in (("firstName", first_name), ("lastName", last_name), ("note", note)):
        if value is not None:
            customer[name] = value or None
    if email is not None:
        customer["defaultEmailAddress"] = _with_email(customer["defaultEmailAddress"], email)
        customer["verifiedEmail"] = False
    if phone is not None:
        customer["defaultPhoneNumber"] = _with_phone(customer["defaultPhoneNumber"], phone)
    topics = ["customers/update"]
    if state is not None and state != customer["state"]:
        customer["state"] = state
        topics += [ACCOUNT_TOPICS[state]] if state in ACCOUNT_TOPICS else []
    customer["displayName"] = display_name(customer)
    return _store(shop, "customers", "customer.update", customer, now, topics)


def _with_email(known: Record | None, address: str) -> Record | None:
    if not address:
        return None
    fresh = {
        "validFormat": True,
        "marketingState": "NOT_SUBSCRIBED",
        "marketingOptInLevel": None,
        "marketingUpdatedAt": None,
    }
    return {**(known or fresh), "emailAddress": address}


def _with_phone(known: Record | None, number: str) -> Record | None:
    if not number:
        return None
    consent = {"state": "NEVER_SUBSCRIBED", "optInLevel": "UNKNOWN", "updatedAt": None}
    return {**(known or {"smsMarketingConsent": consent}), "phoneNumber": number}


def tag_customer(
    shop: Shop, key: int, now: datetime, *, add: list[str] | None = None, remove: list[str] | None = None
) -> Change:
    """Add and remove tags of a customer."""
    customer = shop.customers[key]
    added = [tag for tag in add or [] if tag not in customer["tags"]]
    removed = [tag for tag in remove or [] if tag in customer["tags"]]
    tags = sorted({*customer["tags"], *added} - set(removed))
    topics = ["customers/update"]
    topics += ["customer.tags_added"] if added else []
    topics += ["customer.tags_removed"] if removed else []
    details = {"tagsAdded": added, "tagsRemoved": removed}
    return _store(shop, "customers", "customer.tag", {**customer, "tags": tags}, now, topics, details=details)


def update_customer_consent(
    shop: Shop,
    key: int,
    now: datetime,
    *,
    email_state: str | None = None,
    sms_state: str | None = None,
    opt_in_level: str = "SINGLE_OPT_IN",
) -> Change:
    """Change the marketing consent of a customer who has an e-mail or a phone number."""
    customer, topics, at = dict(shop.customers[key]), ["customers/update"], timestamp(now)
    if email_state is not None:
        if customer["defaultEmailAddress"] is None:
            raise ValueError("the customer has no e-mail")
        changed = {
            "marketingState": email_state,
            "marketingOptInLevel": opt_in_level,
            "marketingUpdatedAt": at,
        }
        customer["defaultEmailAddress"] = {**customer["defaultEmailAddress"], **changed}
        topics.append("customers_email_marketing_consent/update")
    if sms_state is not None:
        if customer["defaultPhoneNumber"] is None:
            raise ValueError("the customer has no phone number")
        consent = {"state": sms_state, "optInLevel": opt_in_level, "updatedAt": at}
        customer["defaultPhoneNumber"] = {**customer["defaultPhoneNumber"], "smsMarketingConsent": consent}
        topics.append("customers_marketing_consent/update")
    return _store(shop, "customers", "customer_consent.update", customer, now, topics)


def add_customer_address(shop: Shop, key: int, now: datetime, *, rng: random.Random | None = None) -> Change:
    """Give a customer another address, which becomes the default one."""
    customer, dice = shop.customers[key], _dice(rng, shop)
    address = make_address(shop, dice, dice.pick(COUNTRIES), customer["firstName"], customer["lastName"])
    changed = {**customer, "addressesV2": [*customer["addressesV2"], address], "defaultAddress": address}
    return _store(shop, "customers", "customer_address.add", changed, now, ["customers/update"])


def delete_customer(shop: Shop, key: int, now: datetime) -> Change:
    """Delete a customer; Shopify refuses while there are orders."""
    if shop.customers[key] and shop.orders.of_customer(key):
        raise ValueError("the customer has orders")
    return _remove(shop, "customers", "customer.delete", key, now, [])


def merge_customer(shop: Shop, key: int, now: datetime, *, into: int) -> Change:
    """Merge a customer into another, who gets the orders and tags."""
    lost, kept = shop.customers[key], shop.customers[into]
    reference = {"id": kept["id"], "legacyResourceId": kept["legacyResourceId"]}
    others = [
        _store(shop, "orders", "order.update", {**order, "customer": reference}, now, ["orders/updated"])
        for order in shop.orders.of_customer(key)
    ]
    sums = purchases(shop.orders.of_customer(into), shop.currency)
    merged = {**kept, **sums, "tags": sorted({*kept["tags"], *lost["tags"]})}
    others.append(_remove(shop, "customers", "customer.delete", key, now, []))
    details = {"keptId": kept["id"], "deletedId": lost["id"]}
    topics = ["customers/merge", "customers/update"]
    return _store(shop, "customers", "customer.merge", merged, now, topics, details=details, others=others)


# Orders


def create_order(
    shop: Shop,
    now: datetime,
    *,
    customer: int | None = None,
    line_count: int = 2,
    rng: random.Random | None = None,
) -> Change:
    """Place an order; sold units leave the stock of tracked variants."""
    dice = _dice(rng, shop)
    buyer = None if customer is None else shop.customers[customer]
    plan = OrderPlan(shop.next_order_number(), now, now, buyer, line_count)
    order = make_order(shop, dice, plan)
    order = {**order, "closedAt": None}
    topics = ["orders/create", "orders/updated"]
    change = _store(shop, "orders", "order.create", order, now, topics)
    change.others.extend(_customer_follows(shop, order, now))
    change.others.extend(
        _sell(shop, line, now) for line in order["lineItems"] if _is_sold_from_stock(shop, line)
    )
    return change


def _is_sold_from_stock(shop: Shop, line: Record) -> bool:
    return line["product"] is not None and int(line["product"]["legacyResourceId"]) in shop.products


def _sell(shop: Shop, line: Record, now: datetime) -> Change:
    key, variant = int(line["product"]["legacyResourceId"]), int(line["variant"]["legacyResourceId"])
    stock = _variant(shop.products[key], variant)["inventoryQuantity"]
    return set_inventory(shop, key, now, variant=variant, quantity=stock - line["quantity"])


def update_order(
    shop: Shop,
    key: int,
    now: datetime,
    *,
    note: str | None = None,
    email: str | None = None,
    tags: list[str] | None = None,
    financial_status: str | None = None,
    fulfillment_status: str | None = None,
    is_closed: bool | None = None,
) -> Change:
    """Change what is given of an order; an empty text clears the field."""
    order = dict(shop.orders[key])
    for name, value in (("note", note), ("email", email)):
        if value is not None:
            order[name] = value or None
    order["tags"] = order["tags"] if tags is None else sorted(tags)
    order["displayFinancialStatus"] = financial_status or order["displayFinancialStatus"]
    order["displayFulfillmentStatus"] = fulfillment_status or order["displayFulfillmentStatus"]
    if is_closed is not None:
        order["closedAt"] = timestamp(now) if is_closed else None
    return _store(shop, "orders", "order.update", order, now, ["orders/updated"])


def _store_order(
    shop: Shop,
    kind: str,
    order: Record,
    now: datetime,
    topics: list[str],
    details: dict[str, Any] | None = None,
) -> Change:
    """Store an order that changed in worth, then what that does to its customer."""
    change = _store(shop, "orders", kind, order, now, topics, details=details)
    change.others.extend(_customer_follows(shop, order, now))
    return change


def cancel_order(shop: Shop, key: int, now: datetime, *, reason: str = "CUSTOMER") -> Change:
    """Cancel an order."""
    if shop.orders[key]["cancelledAt"] is not None:
        raise ValueError("the order is already cancelled")
    order = cancelled(shop.orders[key], reason, timestamp(now))
    return _store_order(shop, "order.cancel", order, now, ["orders/cancelled", "orders/updated"])


def refund_order(
    shop: Shop, key: int, now: datetime, *, quantities: dict[str, int] | None = None, note: str | None = None
) -> Change:
    """Refund units by line id; without quantities, everything that is left."""
    order = shop.orders[key]
    left = {line["id"]: line["currentQuantity"] for line in order["lineItems"] if line["currentQuantity"]}
    wanted = (
        left if quantities is None else {line: min(n, left.get(line, 0)) for line, n in quantities.items()}
    )
    wanted = {line: number for line, number in wanted.items() if number > 0}
    if not wanted:
        raise ValueError("nothing is left to refund")
    after, refund = refunded(shop, order, wanted, note, timestamp(now))
    return _store_order(
        shop, "order.refund", after, now, ["refunds/create", "orders/updated"], {"refund": refund}
    )


def edit_order(
    shop: Shop,
    key: int,
    now: datetime,
    *,
    removals: dict[str, int] | None = None,
    custom_items: list[str] | None = None,
) -> Change:
    """Take units of lines away and add custom items by title."""
    order, price = shop.orders[key], price_in(7.5, shop.currency)
    currencies = Currencies(order["currencyCode"], order["presentmentCurrencyCode"])
    articles = [Article(None, None, title, None, None, None, price) for title in custom_items or []]
    added = [make_line(shop, article, 1, 0, currencies) for article in articles]
    changes = {
        "additions": [{"lineItemId": line["id"], "delta": 1} for line in added],
        "removals": [{"lineItemId": line, "delta": number} for line, number in (removals or {}).items()],
    }
    after = edited(order, removals or {}, added)
    return _store_order(
        shop, "order.edit", after, now, ["orders/edited", "orders/updated"], {"orderEdit": changes}
    )


def delete_order(shop: Shop, key: int, now: datetime) -> Change:
    """Delete an order."""
    order = shop.orders[key]
    change = _remove(shop, "orders", "order.delete", key, now, [])
    change.others.extend(_customer_follows(shop, order, now))
    return change


# Products


def create_product(
    shop: Shop,
    now: datetime,
    *,
    title: str | None = None,
    variant_count: int = 3,
    status: str | None = None,
    rng: random.Random | None = None,
) -> Change:
    """Add a product."""
    if not 1 <= variant_count <= VARIANTS_MAX:
        raise ValueError(f"a product has 1 to {VARIANTS_MAX} variants")
    product = make_product(shop, _dice(rng, shop), variant_count, now, now)
    product = {**product, "title": title or product["title"], "status": status or product["status"]}
    return _store(shop, "products", "product.create", product, now, ["products/create"])


def update_product(
    shop: Shop,
    key: int,
    now: datetime,
    *,
    title: str | None = None,
    description_html: str | None = None,
    status: str | None = None,
    tags: list[str] | None = None,
    vendor: str | None = None,
) -> Change:
    """Change what is given of a product."""
    product = dict(shop.products[key])
    given = {"title": title, "descriptionHtml": description_html, "status": status, "vendor": vendor}
    product.update({name: value for name, value in given.items() if value is not None})
    product["tags"] = product["tags"] if tags is None else sorted(tags)
    return _store(shop, "products", "product.update", product, now, ["products/update"])


def _variant(product: Record, key: int) -> Record:
    for variant in product["variants"]:
        if int(variant["legacyResourceId"]) == key:
            return dict(variant)
    raise KeyError(key)


def _with_variant(product: Record, changed: Record, now: datetime) -> Record:
    changed = {**changed, "updatedAt": timestamp(now)}
    changed["availableForSale"] = changed["inventoryQuantity"] > 0 or changed["inventoryPolicy"] == "CONTINUE"
    variants = [changed if variant["id"] == changed["id"] else variant for variant in product["variants"]]
    return with_variant_sums({**product, "variants": variants})


def update_variant(
    shop: Shop,
    key: int,
    now: datetime,
    *,
    variant: int,
    price: str | None = None,
    sku: str | None = None,
) -> Change:
    """Change a variant of the product."""
    changed = _variant(shop.products[key], variant)
    if price is not None:
        changed["price"] = amount(minor_units(price, shop.currency), shop.currency)
    if sku is not None:
        changed["sku"] = sku or None
    product = _with_variant(shop.products[key], changed, now)
    return _store(shop, "products", "variant.update", product, now, ["products/update"])


def set_inventory(shop: Shop, key: int, now: datetime, *, variant: int, quantity: int) -> Change:
    """Set the stock of a variant of the product."""
    changed = {**_variant(shop.products[key], variant), "inventoryQuantity": quantity}
    product = _with_variant(shop.products[key], changed, now)
    item = int(changed["inventoryItem"]["legacyResourceId"])
    details = {"inventoryLevel": {"inventoryItemId": item, "locationId": LOCATION_ID, "available": quantity}}
    topics = ["inventory_levels/update", "products/update"]
    return _store(shop, "products", "inventory.set", product, now, topics, details=details)


def delete_product(shop: Shop, key: int, now: datetime) -> Change:
    """Delete a product; order lines that sold it keep their text and lose the link."""
    return _remove(shop, "products", "product.delete", key, now, [])
