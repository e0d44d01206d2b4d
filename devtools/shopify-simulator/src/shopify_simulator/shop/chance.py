"""Random acts of a merchant."""

import random
from collections.abc import Callable
from datetime import datetime

from shopify_simulator.shop import mutate
from shopify_simulator.shop.dice import Dice
from shopify_simulator.shop.model import Change, Resource, Shop
from shopify_simulator.shop.money import amount, price_in
from shopify_simulator.shop.people import awkward_text
from shopify_simulator.shop.sales import CANCEL_REASONS
from shopify_simulator.shop.samples import COUNTRIES, CUSTOMER_TAGS, ORDER_TAGS, PRODUCT_TAGS


def random_mutation(shop: Shop, rng: random.Random, now: datetime) -> Change:
    """Do one random act of a merchant."""
    dice = Dice(rng)
    while True:
        act = dice.pick(_ACTS)
        try:
            return act(shop, dice, rng, now)
        except (LookupError, ValueError):
            continue


def _some(shop: Shop, dice: Dice, resource: Resource) -> int:
    """A record's id; an IndexError when there is none."""
    index = shop.records(resource).sorted_by("legacyResourceId")
    return dice.pick(index)[1]


def _name_customer(shop: Shop, dice: Dice, rng: random.Random, now: datetime) -> Change:
    name = awkward_text(dice)[:80] if dice.chance(0.2) else dice.pick(dice.pick(COUNTRIES).last_names)
    return mutate.update_customer(shop, _some(shop, dice, "customers"), now, last_name=name)


def _mail_customer(shop: Shop, dice: Dice, rng: random.Random, now: datetime) -> Change:
    address = "" if dice.chance(0.1) else f"changed.{dice.whole(1, 10**9)}@example.net"
    return mutate.update_customer(shop, _some(shop, dice, "customers"), now, email=address)


def _tag_customer(shop: Shop, dice: Dice, rng: random.Random, now: datetime) -> Change:
    key = _some(shop, dice, "customers")
    return mutate.tag_customer(
        shop, key, now, add=[dice.pick(CUSTOMER_TAGS)], remove=shop.customers[key]["tags"][:1]
    )


def _consent_customer(shop: Shop, dice: Dice, rng: random.Random, now: datetime) -> Change:
    state = dice.pick(("SUBSCRIBED", "UNSUBSCRIBED"))
    return mutate.update_customer_consent(shop, _some(shop, dice, "customers"), now, email_state=state)


def _lose_customer(shop: Shop, dice: Dice, rng: random.Random, now: datetime) -> Change:
    return mutate.delete_customer(shop, _some(shop, dice, "customers"), now)


def _place_order(shop: Shop, dice: Dice, rng: random.Random, now: datetime) -> Change:
    customer = None if dice.chance(0.15) else _some(shop, dice, "customers")
    return mutate.create_order(shop, now, customer=customer, line_count=dice.whole(1, 4), rng=rng)


def _touch_order(shop: Shop, dice: Dice, rng: random.Random, now: datetime) -> Change:
    tags = dice.some(ORDER_TAGS, 3)
    return mutate.update_order(
        shop, _some(shop, dice, "orders"), now, tags=tags, fulfillment_status="FULFILLED"
    )


def _refund_order(shop: Shop, dice: Dice, rng: random.Random, now: datetime) -> Change:
    key = _some(shop, dice, "orders")
    first = shop.orders[key]["lineItems"][0]["id"]
    return mutate.refund_order(shop, key, now, quantities=None if dice.chance(0.3) else {first: 1})


def _edit_order(shop: Shop, dice: Dice, rng: random.Random, now: datetime) -> Change:
    key = _some(shop, dice, "orders")
    first = shop.orders[key]["lineItems"][0]["id"]
    return mutate.edit_order(shop, key, now, removals={first: 1}, custom_items=["Express handling"])


def _cancel_order(shop: Shop, dice: Dice, rng: random.Random, now: datetime) -> Change:
    return mutate.cancel_order(shop, _some(shop, dice, "orders"), now, reason=dice.pick(CANCEL_REASONS))


def _touch_product(shop: Shop, dice: Dice, rng: random.Random, now: datetime) -> Change:
    return mutate.update_product(shop, _some(shop, dice, "products"), now, tags=dice.some(PRODUCT_TAGS, 3))


def _price_variant(shop: Shop, dice: Dice, rng: random.Random, now: datetime) -> Change:
    key = _some(shop, dice, "products")
    variant = int(dice.pick(shop.products[key]["variants"])["legacyResourceId"])
    price = amount(price_in(dice.whole(100, 9_000) / 100, shop.currency), shop.currency)
    return mutate.update_variant(shop, key, now, variant=variant, price=price)


def _stock_variant(shop: Shop, dice: Dice, rng: random.Random, now: datetime) -> Change:
    key = _some(shop, dice, "products")
    variant = int(dice.pick(shop.products[key]["variants"])["legacyResourceId"])
    return mutate.set_inventory(shop, key, now, variant=variant, quantity=dice.whole(0, 300))


_Act = Callable[[Shop, Dice, random.Random, datetime], Change]
_ACTS: tuple[_Act, ...] = (
    *(
        _name_customer,
        _name_customer,
        _mail_customer,
        _tag_customer,
        _tag_customer,
        _consent_customer,
        _lose_customer,
    ),
    lambda shop, dice, rng, now: mutate.create_customer(shop, now, rng=rng),
    lambda shop, dice, rng, now: mutate.add_customer_address(
        shop, _some(shop, dice, "customers"), now, rng=rng
    ),
    *(
        _place_order,
        _place_order,
        _place_order,
        _touch_order,
        _touch_order,
        _refund_order,
        _edit_order,
        _cancel_order,
    ),
    lambda shop, dice, rng, now: mutate.delete_order(shop, _some(shop, dice, "orders"), now),
    *(_touch_product, _price_variant, _stock_variant),
    lambda shop, dice, rng, now: mutate.create_product(shop, now, rng=rng),
    lambda shop, dice, rng, now: mutate.delete_product(shop, _some(shop, dice, "products"), now),
)
