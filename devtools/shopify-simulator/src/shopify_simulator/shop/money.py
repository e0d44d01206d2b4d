"""Money as Shopify writes it: decimal strings, in bags of shop and presentment currency.

Sums are made in minor units.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import Any

MoneyBag = dict[str, dict[str, str]]

EXPONENTS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "KWD": 3, "BHD": 3, "TND": 3}
DEFAULT_EXPONENT = 2
# Units of the currency for one US dollar, about; only made-up prices depend on them.
RATES = {
    "USD": 1.0, "CAD": 1.37, "EUR": 0.92, "GBP": 0.79, "JPY": 150.0, "KWD": 0.31, "VND": 25_000.0, "AUD": 1.52,
    "BRL": 5.4, "INR": 84.0, "SAR": 3.75, "KRW": 1_380.0, "MXN": 18.5, "TRY": 34.0,
}  # fmt: skip


def exponent(currency: str) -> int:
    """How many decimals a currency has (ISO 4217)."""
    return EXPONENTS.get(currency, DEFAULT_EXPONENT)


def amount(minor: int, currency: str) -> str:
    """Write minor units as GraphQL does: no superfluous zeros, but one decimal at least ("10.0", "10.25")."""
    digits = exponent(currency)
    if digits == 0:
        return f"{minor}.0"
    sign = "-" if minor < 0 else ""
    whole, part = divmod(abs(minor), 10**digits)
    return f"{sign}{whole}.{str(part).zfill(digits).rstrip('0') or '0'}"


def fixed(text: str, currency: str) -> str:
    """Write an amount as REST and webhooks do: all decimals of the currency, two at least ("10.00")."""
    return f"{Decimal(text):.{max(exponent(currency), DEFAULT_EXPONENT)}f}"


def minor_units(text: str, currency: str) -> int:
    """Read an amount into minor units."""
    return int(Decimal(text).scaleb(exponent(currency)).to_integral_value())


def money(minor: int, currency: str) -> dict[str, str]:
    """A MoneyV2."""
    return {"amount": amount(minor, currency), "currencyCode": currency}


def bag(minor: int, currency: str, presentment: str | None = None) -> MoneyBag:
    """A MoneyBag; what the customer saw is converted."""
    shop_money = money(minor, currency)
    if presentment is None or presentment == currency:
        return {"shopMoney": shop_money, "presentmentMoney": shop_money}
    return {
        "shopMoney": shop_money,
        "presentmentMoney": money(converted(minor, currency, presentment), presentment),
    }


def converted(minor: int, currency: str, target: str) -> int:
    """Minor units of another currency, at a constant rate."""
    rate = RATES.get(target, 1.0) / RATES.get(currency, 1.0)
    return round(minor * rate * 10.0 ** (exponent(target) - exponent(currency)))


def shop_minor(money_bag: dict[str, Any]) -> int:
    """The shop money of a bag in minor units."""
    inner = money_bag["shopMoney"]
    return minor_units(inner["amount"], inner["currencyCode"])


def price_in(dollars: float, currency: str) -> int:
    """A made-up price in minor units, as high in every currency."""
    return max(1, round(dollars * RATES.get(currency, 1.0) * float(10 ** exponent(currency))))


def shared(minor: int, weights: Sequence[int]) -> list[int]:
    """Share minor units out by weight, so that nothing is lost to rounding."""
    total, ends = sum(weights) or 1, list(accumulate(weights, initial=0))
    return [minor * end // total - minor * start // total for start, end in pairwise(ends)]
