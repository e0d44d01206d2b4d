"""The administrator's API under `/_admin`: make shops, act on them and look inside."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from itertools import islice
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

import msgspec
from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from shopify_simulator import mutations
from shopify_simulator.graphql.access import ORDER_WINDOW
from shopify_simulator.oauth import install_link, refused_scopes
from shopify_simulator.shop.generate import generate
from shopify_simulator.shop.model import (
    PLANS,
    RESOURCES,
    Change,
    ProtectedData,
    Record,
    Resource,
    Shop,
    timestamp,
)
from shopify_simulator.shops import AdminError, Sim
from shopify_simulator.state import CALL_LOG_SIZE, HostedShop, ShopStatus, Simulator
from shopify_simulator.truth import resolved
from shopify_simulator.webhooks.payloads import customer_reference

TRUTH_CHUNK = 200
SHOP_NAME = r"[a-z0-9][a-z0-9-]*(\.myshopify\.com)?"

router = APIRouter(prefix="/_admin")


class Body(BaseModel):
    """A request of the administrator. Unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid")


class NewShop(Body):
    """What a shop is made of."""

    shop: str = Field(pattern=f"^{SHOP_NAME}$")
    seed: int = 1
    customers: int = Field(default=100, ge=0, le=2_000_000)
    orders: int = Field(default=200, ge=0, le=2_000_000)
    products: int = Field(default=50, ge=0, le=500_000)
    plan: str = "basic"
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    timezone: str = "America/New_York"
    name: str | None = None


class ShopChange(Body):
    """What can be set on a shop at any time."""

    status: ShopStatus | None = None
    index_lag_seconds: float | None = Field(default=None, ge=0, le=3600)
    protected_data: ProtectedData | None = None
    api_points_left: float | None = Field(default=None, ge=0)


class Mutations(Body):
    """Either so many random acts, or one by name."""

    random: int = Field(default=0, ge=0, le=100_000)
    seed: int = 1
    kind: str | None = None
    id: int | None = None
    changes: dict[str, Any] = {}


class Release(Body):
    """How held deliveries go out."""

    shuffle: bool = False
    duplicate: float = Field(default=0.0, ge=0, le=1)
    drop: float = Field(default=0.0, ge=0, le=1)
    seed: int = 1
    in_sequence: bool = False
    keep_holding: bool = False


class Settle(Body):
    """How long to wait."""

    deadline_seconds: float = Field(default=30.0, gt=0, le=600)


class ExpireTokens(Body):
    """Which tokens shall end."""

    refresh_tokens: bool = False


class Scopes(Body):
    """What the app may do from now on."""

    scopes: list[str]


class InstallLink(Body):
    """Where the link leads, if not to the app's own address."""

    app_url: str | None = None


class Compliance(Body):
    """Which compliance webhook, about whom."""

    topic: Literal["customers/data_request", "customers/redact", "shop/redact"]
    customer_id: int | None = None


async def known_shop(shop: str, simulator: Sim) -> HostedShop:
    """The shop that a path names."""
    hosted = simulator.shops.get(_domain(shop))
    if hosted is None:
        raise AdminError(404, "unknown_shop", f"There is no shop {_domain(shop)}.")
    return hosted


Known = Annotated[HostedShop, Depends(known_shop)]


@router.post("/shops", status_code=201)
async def create_shop(body: NewShop, simulator: Sim) -> Any:
    """Make up a shop; the same seed makes the same shop."""
    domain = _domain(body.shop)
    if body.plan not in PLANS:
        raise AdminError(422, "unknown_plan", f"A plan is one of {', '.join(PLANS)}.")
    if body.timezone not in available_timezones():
        raise AdminError(422, "unknown_timezone", "A time zone is an IANA name such as Europe/Berlin.")
    if domain in simulator.shops or domain in simulator.opening:
        raise AdminError(409, "shop_exists", f"There is a shop {domain} already.")
    simulator.opening.add(domain)
    try:
        shop = await asyncio.to_thread(
            generate,
            domain,
            seed=body.seed,
            now=simulator.now(),
            customers=body.customers,
            orders=body.orders,
            products=body.products,
            currency=body.currency,
            zone=body.timezone,
            plan=body.plan,
            name=body.name,
        )
    finally:
        simulator.opening.discard(domain)
    return _overview(simulator.add(shop), simulator)


@router.get("/shops")
async def list_shops(simulator: Sim) -> Any:
    """Every shop, in short."""
    return {"shops": [_overview(hosted, simulator) for hosted in simulator.shops.values()]}


@router.get("/shops/{shop}")
async def show_shop(hosted: Known, simulator: Sim) -> Any:
    """One shop: its counts, the installation without tokens, the subscriptions, what became of its refreshes."""
    installation = hosted.installation
    return _overview(hosted, simulator) | {
        "subscriptions": list(installation.subscriptions.values()) if installation else [],
        "bulkOperations": list(installation.bulk_operations.values()) if installation else [],
        "tombstones": [
            {"resource": one.resource, "id": one.id, "deletedAt": timestamp(one.deleted_at)}
            for one in hosted.shop.tombstones
        ],
        "tokens": asdict(simulator.tokens.counts(hosted.domain)),
    }


@router.patch("/shops/{shop}")
async def change_shop(hosted: Known, body: ShopChange, simulator: Sim) -> Any:
    """Freeze, lock or close a shop, let its search index lag, hide its customers, or spend its API budget."""
    if body.status is not None:
        hosted.status = body.status
    if body.index_lag_seconds is not None:
        hosted.shop.index_lag = timedelta(seconds=body.index_lag_seconds)
    if body.protected_data is not None:
        hosted.shop.protected_data = body.protected_data
    if body.api_points_left is not None and hosted.installation is not None:
        hosted.installation.bucket.drain(body.api_points_left)
    return _overview(hosted, simulator)


@router.delete("/shops/{shop}", status_code=204)
async def delete_shop(hosted: Known, simulator: Sim) -> None:
    """Take a shop away without a webhook."""
    simulator.remove(hosted)


@router.get("/shops/{shop}/truth/{resource}")
async def truth(hosted: Known, resource: Resource) -> StreamingResponse:
    """Every record as GraphQL would answer it, connections complete, one per line, in order of id."""
    shop = hosted.shop.snapshot()
    records = shop.records(resource)

    def lines() -> Iterator[bytes]:
        order = iter(records.sorted_by("legacyResourceId"))
        while chunk := list(islice(order, TRUTH_CHUNK)):
            found = (resolved(shop, resource, records[key]) for _, key in chunk)
            yield b"".join(msgspec.json.encode(record) + b"\n" for record in found)

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@router.post("/shops/{shop}/mutations")
async def mutate(hosted: Known, body: Mutations, simulator: Sim) -> Any:
    """Act as the merchant: one named act, or many random ones."""
    if (body.kind is None) == (body.random == 0):
        raise AdminError(422, "invalid_request", "Give either `random` or `kind`.")
    changes: list[Change] = []
    if body.kind is not None:
        changes = [mutations.named(hosted.shop, body.kind, body.id, body.changes, simulator.now())]
        simulator.publish(hosted, changes[0])
    else:
        rng = random.Random(body.seed)
        for _ in range(body.random):
            changes.append(mutations.random_one(hosted.shop, rng, simulator.now()))
            simulator.publish(hosted, changes[-1])
            await asyncio.sleep(0)
    return {"changes": [_described(part) for change in changes for part in change.flattened()]}


@router.get("/shops/{shop}/calls")
async def calls(hosted: Known, limit: Annotated[int, Query(ge=1, le=CALL_LOG_SIZE)] = 1000) -> Response:
    """The calls that the shop got, newest last."""
    body = {"total": len(hosted.calls), "calls": list(hosted.calls)[-limit:]}
    return Response(msgspec.json.encode(body), media_type="application/json")


@router.get("/shops/{shop}/deliveries")
async def deliveries(
    hosted: Known,
    simulator: Sim,
    topic: str | None = None,
    state: str | None = None,
    limit: Annotated[int, Query(ge=1, le=50_000)] = 1000,
) -> Any:
    """The deliveries of the shop, newest last."""
    queue = simulator.deliveries.queue(hosted.domain)
    wanted = [
        one
        for one in queue.log
        if (topic is None or one.topic == topic) and (state is None or one.state == state)
    ]
    return {
        "onHold": queue.on_hold,
        "held": len(queue.held),
        "pending": queue.pending,
        "total": len(wanted),
        "deliveries": [one.described() for one in wanted[-limit:]],
    }


@router.post("/shops/{shop}/deliveries/hold")
async def hold(hosted: Known, simulator: Sim) -> Any:
    """Keep deliveries back from now on."""
    simulator.deliveries.hold(hosted.domain)
    return {"onHold": True}


@router.post("/shops/{shop}/deliveries/release")
async def release(hosted: Known, simulator: Sim, body: Release | None = None) -> Any:
    """Send what was kept back, shuffled, duplicated or with losses, as the seed decides."""
    options = (body or Release()).model_dump()
    rng = random.Random(options.pop("seed"))
    return simulator.deliveries.release(hosted.domain, rng=rng, **options)


@router.post("/shops/{shop}/deliveries/settle")
async def settle(hosted: Known, simulator: Sim, body: Settle | None = None) -> Any:
    """Wait until no delivery is under way."""
    settled = await simulator.deliveries.settle(hosted.domain, (body or Settle()).deadline_seconds)
    queue = simulator.deliveries.queue(hosted.domain)
    return {"settled": settled, "pending": queue.pending, "held": len(queue.held)}


@router.post("/shops/{shop}/install-link")
async def make_install_link(hosted: Known, simulator: Sim, body: InstallLink | None = None) -> Any:
    """The signed App URL that Shopify opens when a merchant starts the installation there."""
    app_url = (body and body.app_url) or simulator.settings.app_url
    return {"url": install_link(hosted, simulator, app_url)}


@router.post("/shops/{shop}/uninstall")
async def uninstall(hosted: Known, simulator: Sim) -> Any:
    """Uninstall the app as the merchant."""
    _require_installation(hosted)
    simulator.uninstall(hosted)
    return _overview(hosted, simulator)


@router.post("/shops/{shop}/scopes")
async def change_scopes(hosted: Known, body: Scopes, simulator: Sim) -> Any:
    """Change what the app may do, and fire app/scopes_update."""
    _require_installation(hosted)
    invalid = refused_scopes(body.scopes, simulator.settings)
    if invalid:
        raise AdminError(422, "invalid_scope", f"These scopes are invalid: {', '.join(invalid)}.")
    simulator.grant(hosted, tuple(body.scopes))
    return _overview(hosted, simulator)


@router.post("/shops/{shop}/expire-tokens")
async def expire_tokens(hosted: Known, simulator: Sim, body: ExpireTokens | None = None) -> Any:
    """End the life of the shop's access tokens now, and of its refresh tokens when asked."""
    refresh_tokens = body is not None and body.refresh_tokens
    return {"expired": simulator.tokens.expire(hosted.domain, refresh_tokens=refresh_tokens)}


@router.post("/shops/{shop}/compliance")
async def compliance(hosted: Known, body: Compliance, simulator: Sim) -> Any:
    """Fire a compliance webhook at the address in the app's configuration."""
    if not simulator.fire_compliance(hosted, body.topic, _compliance_body(hosted, body)):
        raise AdminError(409, "no_address", "SIMULATOR_APP_WEBHOOK_URI is not set.")
    return {"topic": body.topic}


@router.get("/secrets")
async def secrets(simulator: Sim) -> Any:
    """Every secret ever given out, for a search that must find none of them elsewhere."""
    return {
        "client_secret": simulator.settings.client_secret.get_secret_value(),
        "issued": list(simulator.tokens.issued),
    }


def _domain(shop: str) -> str:
    return f"{shop.lower().removesuffix('.myshopify.com')}.myshopify.com"


def _require_installation(hosted: HostedShop) -> None:
    if hosted.installation is None:
        raise AdminError(409, "not_installed", f"The app is not installed on {hosted.domain}.")


def _overview(hosted: HostedShop, simulator: Simulator) -> dict[str, Any]:
    shop, installation = hosted.shop, hosted.installation
    counts = {resource: len(shop.records(resource)) for resource in RESOURCES}
    since = timestamp(simulator.now() - ORDER_WINDOW)
    recent = sum(1 for order in shop.orders.values() if order["createdAt"] >= since)
    return {
        "shop": shop.domain,
        "id": shop.id,
        "name": shop.facts["name"],
        "plan": shop.plan.public_display_name,
        "currency": shop.currency,
        "timezone": shop.zone.key,
        "status": hosted.status,
        "protectedData": shop.protected_data,
        "counts": counts,
        "visibleCounts": {**counts, "orders": recent},
        "installation": None
        if installation is None or hosted.installed_at is None
        else {
            "id": installation.installation_id,
            "scopes": sorted(installation.granted_scopes),
            "installedAt": timestamp(hosted.installed_at),
            "subscriptionCount": len(installation.subscriptions),
        },
    }


def _described(change: Change) -> dict[str, Any]:
    record = change.after or change.before or {}
    return {
        "resource": change.resource,
        "kind": change.kind,
        "id": change.id,
        "topics": change.topics,
        "updatedAt": record.get("updatedAt"),
        "deleted": change.after is None,
    }


def _deleted_customer(shop: Shop, key: int) -> Record | None:
    """The customer as it was last: Shopify sends customers/redact long after a deletion."""
    stones = (one for one in shop.tombstones if one.resource == "customers" and one.id == key)
    return next((stone.record for stone in stones), None)


def _compliance_body(hosted: HostedShop, body: Compliance) -> dict[str, Any]:
    shop = hosted.shop
    if body.topic == "shop/redact":
        return {"shop_id": shop.id, "shop_domain": shop.domain}
    key = body.customer_id or 0
    customer = shop.customers.get(key) or _deleted_customer(shop, key)
    if customer is None:
        raise AdminError(404, "unknown_customer", f"{shop.domain} has no customer {body.customer_id}.")
    orders = [int(order["legacyResourceId"]) for order in shop.orders.of_customer(key)]
    if body.topic == "customers/redact":
        return {**customer_reference(shop, customer), "orders_to_redact": orders}
    request = {"id": shop.next_id()}
    return {**customer_reference(shop, customer), "orders_requested": orders, "data_request": request}
