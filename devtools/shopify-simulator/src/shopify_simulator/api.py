"""The Admin GraphQL API over HTTP, and the files of bulk operations."""

from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from shopify_simulator.graphql.context import RequestContext
from shopify_simulator.graphql.execute import execute
from shopify_simulator.shop.model import (
    API_VERSION,
    CANDIDATE_VERSION,
    SUPPORTED_VERSIONS,
    AppInstallation,
    Shop,
)
from shopify_simulator.shops import Authenticated, Hosted, Session, ShopifyError, Sim
from shopify_simulator.state import Call, HostedShop, Simulator
from shopify_simulator.webhooks.shop_payload import shop_facts

EXPIRED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"

router = APIRouter()


def answering_version(asked: str) -> str:
    """The version that answers: a retired one falls forward to the oldest supported ("API versioning")."""
    if asked in (*SUPPORTED_VERSIONS, CANDIDATE_VERSION, "unstable"):
        return asked
    return SUPPORTED_VERSIONS[0] if asked < SUPPORTED_VERSIONS[0] else API_VERSION


def _answering_version(asked: str, simulator: Simulator) -> str:
    """The version that the administrator lets answer, whatever is asked for; else the one that would."""
    return simulator.answers_as or answering_version(asked)


@router.post("/admin/api/{version}/graphql.json")
async def graphql(
    request: Request, version: str, hosted: Hosted, simulator: Sim, session: Authenticated
) -> Response:
    """Run a GraphQL document. Most errors have status 200, as Shopify's do."""
    body = await _decode(request)
    call: Call = request.scope["call"]
    call.operation = body.get("operationName") or _operation_name(body["query"])
    context = _context(hosted, simulator, session, version)
    answer = execute(context, body["query"], body.get("variables"), body.get("operationName"))
    _note_cost(call, answer)
    headers = {"X-Shopify-API-Version": context.api_version}
    return Response(msgspec.json.encode(answer), media_type="application/json", headers=headers)


@router.get("/admin/api/{version}/shop.json")
async def rest_shop(version: str, hosted: Hosted, simulator: Sim, session: Authenticated) -> Response:
    """The one REST resource that GraphQL clients still ask for, to see whether they are let in."""
    body = msgspec.json.encode({"shop": shop_facts(hosted.shop, simulator.now())})
    answering = _answering_version(version, simulator)
    headers = {"X-Shopify-API-Version": answering, "X-Shopify-Shop-Api-Call-Limit": "1/40"}
    return Response(body, media_type="application/json", headers=headers)


@router.get("/bulk/{name}.jsonl")
async def bulk_file(name: str, simulator: Sim) -> Response:
    """Serve the result of a bulk operation to whoever knows its name, as long as its address lives; ranges work."""
    if simulator.bulk.has_expired(name, simulator.now()):
        return Response(EXPIRED, status_code=403, media_type="application/xml")
    path = simulator.bulk.open_file(name)
    if path is None:
        raise ShopifyError(404, "Not Found")
    return FileResponse(path, media_type="application/jsonl")


def _context(hosted: HostedShop, simulator: Simulator, session: Session, version: str) -> RequestContext:
    def uninstall(shop: Shop, app: AppInstallation) -> None:
        simulator.uninstall(hosted)

    return RequestContext(
        shop=hosted.shop,
        app=session.installation,
        scopes=frozenset(session.token.scopes),
        now=simulator.now,
        base_url=simulator.settings.base_url,
        bulk=simulator.bulk,
        api_version=_answering_version(version, simulator),
        on_uninstall=uninstall,
    )


async def _decode(request: Request) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(await request.body())
    except msgspec.DecodeError:
        raise ShopifyError(400, {"query": "Required parameter missing or invalid"}) from None
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        raise ShopifyError(400, {"query": "Required parameter missing or invalid"})
    if not isinstance(body.get("variables"), dict | None):
        raise ShopifyError(400, {"variables": "Must be an object"})
    return body


def _operation_name(document: str) -> str | None:
    """The first operation's name, for the log of calls."""
    for line in document.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word in ("query", "mutation"):
            return rest.partition("(")[0].partition("{")[0].strip() or None
    return None


def _note_cost(call: Call, answer: dict[str, Any]) -> None:
    cost = answer.get("extensions", {}).get("cost")
    if cost is not None:
        call.requested_cost = cost["requestedQueryCost"]
        call.cost = cost["actualQueryCost"] or 0
        call.available = cost["throttleStatus"]["currentlyAvailable"]
    codes = [(error.get("extensions") or {}).get("code") for error in answer.get("errors", [])]
    call.throttled = "THROTTLED" in codes
