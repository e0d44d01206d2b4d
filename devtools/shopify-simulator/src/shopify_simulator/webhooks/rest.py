"""How REST-shaped bodies write what GraphQL writes otherwise: numbers for gids, lower case, local times, strings."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from shopify_simulator.shop.model import Record, parse_gid
from shopify_simulator.shop.money import fixed


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
    return {
        "shop_money": _money(bag["shopMoney"]),
        "presentment_money": _money(bag["presentmentMoney"]),
    }


def _money(money: Record) -> Record:
    return {"amount": amount_of(money), "currency_code": money["currencyCode"]}


def amount_of(money: Record) -> str:
    """The amount of a MoneyV2 with all decimals of its currency."""
    return fixed(money["amount"], money["currencyCode"])


def shop_amount(bag: Record) -> str:
    """The sum of a MoneyBag in the shop's currency."""
    return amount_of(bag["shopMoney"])
