"""A merchant's acts by name: `customer.update` is `update_customer` of `shop.mutate`."""

import inspect
import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

from shopify_simulator.shop import chance, mutate
from shopify_simulator.shop.model import Change, Shop
from shopify_simulator.shops import AdminError


def random_one(shop: Shop, rng: random.Random, now: datetime) -> Change:
    """Do one random act."""
    return chance.random_mutation(shop, rng, now)


def named(shop: Shop, kind: str, number: int | None, changes: dict[str, Any], now: datetime) -> Change:
    """Do the act that a kind names, to the record with this id if the act needs one."""
    function = _functions().get(kind)
    if function is None:
        raise AdminError(422, "unknown_kind", f"A kind is one of {', '.join(sorted(_functions()))}.")
    if "rng" in changes:
        raise AdminError(422, "invalid_changes", f"{kind}: chance cannot be given.")
    arguments = [shop] if number is None else [shop, number]
    try:
        bound = inspect.signature(function).bind(*arguments, now, **changes)
    except TypeError as error:
        raise AdminError(422, "invalid_changes", f"{kind}: {error}.") from None
    try:
        return function(*bound.args, **bound.kwargs)
    except KeyError as error:
        raise AdminError(404, "unknown_record", f"{kind}: there is no {error}.") from None
    except (TypeError, ValueError) as error:
        raise AdminError(422, "invalid_changes", f"{kind}: {error}.") from None


def _functions() -> dict[str, Callable[..., Change]]:
    functions: dict[str, Callable[..., Change]] = {}
    for name, function in inspect.getmembers(mutate, inspect.isfunction):
        verb, _, noun = name.partition("_")
        if function.__module__ == mutate.__name__ and verb and noun:
            functions[f"{noun}.{verb}"] = function
    return functions
