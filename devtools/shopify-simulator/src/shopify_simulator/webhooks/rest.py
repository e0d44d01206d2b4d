"""How REST-shaped bodies write what GraphQL writes otherwise: numbers for gids, lower case, local times, strings."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from shopify_simulator.shop.model import Record, parse_gid


def number_of(gid: str) -> int:
    """The number of a gid."""
    parsed = parse_gid(gid)
    if parsed is None:
        raise ValueError(f"not a gid: {gid}")
    return parsed[1]


def local_time(text: str | None, zone: ZoneInfo) -> str | None:
    """A UTC time with the shop's offset: 2025-04-22T14:30:00-05:00."""
    return (
        None if text is None else datetime.fromisoformat(text).astimezone(zone).isoformat(timespec="seconds")
    )


def utc_milliseconds(moment: datetime | str) -> str:
    """A time as the newer payloads write it: 2024-06-25T00:00:00.000Z."""
    instant = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def lower(text: str | None) -> str | None:
    """An enum value as REST writes it."""
    return None if text is None else text.lower()


def joined(tags: list[str]) -> str:
    """Tags as REST writes them: one string."""
    return ", ".join(tags)


def money_set(bag: Record) -> Record:
    """A MoneyBag as `*_set`."""
    shop = bag["shopMoney"]
    presentment = bag.get("presentmentMoney") or shop
    return {
        "shop_money": {"amount": shop["amount"], "currency_code": shop["currencyCode"]},
        "presentment_money": {"amount": presentment["amount"], "currency_code": presentment["currencyCode"]},
    }


def shop_amount(bag: Record) -> Decimal:
    """The sum of a MoneyBag in the shop's currency."""
    return Decimal(bag["shopMoney"]["amount"])


def bag_like(bag: Record, amount: Decimal) -> Record:
    """Another sum in the currencies and precision of a MoneyBag, at the same rate of exchange."""
    shop = bag["shopMoney"]
    presentment = bag.get("presentmentMoney") or shop
    base = Decimal(shop["amount"])
    rate = Decimal(presentment["amount"]) / base if base else Decimal(1)
    return {
        "shopMoney": {"amount": _with_precision(amount, shop), "currencyCode": shop["currencyCode"]},
        "presentmentMoney": {
            "amount": _with_precision(amount * rate, presentment),
            "currencyCode": presentment["currencyCode"],
        },
    }


def _with_precision(amount: Decimal, money: Record) -> str:
    exponent: Any = Decimal(money["amount"]).as_tuple().exponent
    return str(amount.quantize(Decimal(1).scaleb(exponent)))
