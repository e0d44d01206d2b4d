"""The administrator's switches: faults, how bulk operations run, which version answers, and how old orders are."""

from datetime import timedelta
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field

from shopify_simulator.admin import Body, Known
from shopify_simulator.faults.fault import Fault
from shopify_simulator.shop.model import parse_timestamp, timestamp
from shopify_simulator.shops import Sim

router = APIRouter(prefix="/_admin")


class BulkChange(Body):
    """How bulk operations run from now on, and whether the next one fails."""

    minimum_seconds: float | None = Field(default=None, ge=0, le=3600)
    url_lifetime_seconds: float | None = Field(default=None, ge=0, le=31_536_000)
    concurrent_max: int | None = Field(default=None, ge=1, le=5)
    children_first: bool | None = None
    fail_next: Literal["ACCESS_DENIED", "INTERNAL_SERVER_ERROR", "TIMEOUT"] | None = None
    fail_after_objects: int = Field(default=0, ge=0)


class ApiChange(Body):
    """Which version answers every call from now on, as if the one asked for had been retired; null ends it."""

    answers_as: str | None = Field(pattern=r"^(\d{4}-\d{2}|unstable)$")


class Ageing(Body):
    """How many orders, the newest first, become how many days older."""

    orders: int = Field(ge=1)
    days: float = Field(ge=-3650, le=3650)


@router.post("/shops/{shop}/age-orders")
async def age_orders(hosted: Known, body: Ageing, simulator: Sim) -> Any:
    """Move the creation of the newest orders back, as time does: nobody is told, and nothing else of them changes."""
    shop, age = hosted.shop, timedelta(days=body.days)
    newest = [key for _, key in shop.orders.sorted_by("createdAt")[-body.orders :]]
    for key in newest:
        order = shop.orders[key]
        created_at = timestamp(parse_timestamp(order["createdAt"]) - age)
        shop.put("orders", {**order, "createdAt": created_at}, simulator.now())
    return {"aged": newest}


@router.get("/shops/{shop}/faults")
async def shop_faults(hosted: Known, simulator: Sim) -> Any:
    """The faults that are still to strike this shop."""
    return {"faults": [fault.model_dump() for fault in simulator.faults if fault.shop == hosted.domain]}


@router.post("/shops/{shop}/faults", status_code=201)
async def add_shop_faults(hosted: Known, body: list[Fault], simulator: Sim) -> Any:
    """Add faults for one shop; the first that matches strikes."""
    simulator.faults.extend(fault.model_copy(update={"shop": hosted.domain}) for fault in body)
    return {"faults": len(simulator.faults)}


@router.delete("/shops/{shop}/faults", status_code=204)
async def clear_shop_faults(hosted: Known, simulator: Sim) -> None:
    """Let nothing more go wrong for this shop."""
    simulator.faults = [fault for fault in simulator.faults if fault.shop != hosted.domain]


@router.post("/faults", status_code=201)
async def add_faults(body: list[Fault], simulator: Sim) -> Any:
    """Add faults for any request, whichever shop it is about."""
    simulator.faults.extend(body)
    return {"faults": len(simulator.faults)}


@router.delete("/faults", status_code=204)
async def clear_faults(simulator: Sim) -> None:
    """Let nothing more go wrong."""
    simulator.faults.clear()


@router.patch("/bulk")
async def change_bulk(body: BulkChange, simulator: Sim) -> Any:
    """Slow bulk operations down, limit them, let their addresses expire, or let the next operation fail."""
    bulk = simulator.bulk
    if body.minimum_seconds is not None:
        bulk.minimum_seconds = body.minimum_seconds
    if body.url_lifetime_seconds is not None:
        bulk.url_lifetime = timedelta(seconds=body.url_lifetime_seconds)
    if body.concurrent_max is not None:
        bulk.concurrent_max = body.concurrent_max
    if body.children_first is not None:
        bulk.children_first = body.children_first
    if body.fail_next is not None:
        bulk.fail_next(body.fail_next, body.fail_after_objects)
    return {
        "minimum_seconds": bulk.minimum_seconds,
        "url_lifetime_seconds": bulk.url_lifetime.total_seconds(),
        "concurrent_max": bulk.concurrent_max,
        "children_first": bulk.children_first,
    }


@router.patch("/api")
async def change_api(body: ApiChange, simulator: Sim) -> Any:
    """Let another version of the API answer than the one that is asked for."""
    simulator.answers_as = body.answers_as
    return {"answers_as": simulator.answers_as}
