"""The stream of a page: everything first, then what changed."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from oauth_gateway.domain.page import Snapshot
from oauth_gateway.errors import NotFound, NotLoggedIn
from oauth_gateway.handlers import login
from oauth_gateway.handlers.live import Channel
from oauth_gateway.http.access import AnyParts, Parts, Tenant, parts_of, tenant_view, with_banners
from oauth_gateway.http.fragments import Fragments, news_fragments, page_fragments
from oauth_gateway.http.rendering import viewer_of
from oauth_gateway.metrics import LIVE_STREAMS

router = APIRouter()

STREAM_SECONDS_MAX: Final = 300.0  # then the page reconnects, perhaps elsewhere
SESSION_SECONDS: Final = 5.0  # an open stream outlives its session, or a role, no longer than this
REFRESH_SECONDS: Final = 15.0  # "2 minutes ago" grows older without any change
COUNTDOWN_SECONDS: Final = 1.0  # "resuming in 12 s" does so faster
RECONNECT_MS: Final = 500


class StreamNotAllowed(Exception):
    """Raised where a page would be sent to log in: a stream cannot follow a redirect."""


async def streaming_tenant(request: Request, slug: str, parts: Annotated[Parts, Depends(parts_of)]) -> Tenant:
    """Return the member behind a stream; raise StreamNotAllowed when the session has ended."""
    try:
        visit = await login.visit(parts.gateway, request.cookies.get(parts.site.session_cookie))
    except NotLoggedIn:
        raise StreamNotAllowed from None
    return Tenant(visit, visit.member_of(slug))


async def channel_of(
    parts: AnyParts, tenant: Annotated[Tenant, Depends(streaming_tenant)]
) -> AsyncIterator[Channel]:
    """Take part in the advertiser's channel while the stream is open."""
    async with parts.hub.watch(tenant.membership.advertiser_id) as channel:
        LIVE_STREAMS.inc()
        try:
            yield channel
        finally:
            LIVE_STREAMS.dec()


@router.get("/advertisers/{slug}/integrations/shopify/events", response_class=EventSourceResponse)
async def events(
    request: Request,
    parts: AnyParts,
    tenant: Annotated[Tenant, Depends(streaming_tenant)],
    channel: Annotated[Channel, Depends(channel_of)],
) -> AsyncIterator[ServerSentEvent]:
    """Stream the page's fragments. A resumed stream begins with everything, whatever it has seen."""
    clock = parts.gateway.clock
    view = await tenant_view(request, parts, tenant, Snapshot())
    ends_at, checked_at = clock.monotonic() + STREAM_SECONDS_MAX, clock.monotonic()
    sent, version, seen = Fragments(), 0, None
    while not parts.hub.closing.is_set() and clock.monotonic() < ends_at:
        counts_down = seen is not None and seen.is_throttled(clock.now())
        patience = COUNTDOWN_SECONDS if counts_down else REFRESH_SECONDS
        version = await channel.next_version(version, timeout_seconds=patience)
        snapshot = channel.snapshot
        if snapshot is None:
            continue
        if clock.monotonic() - checked_at >= SESSION_SECONDS:
            try:
                tenant = await streaming_tenant(request, tenant.membership.slug, parts)
            except (StreamNotAllowed, NotFound):
                return  # the page asks again, and is told then
            checked_at = clock.monotonic()
        viewer = viewer_of(request, parts.gateway.clock.now(), snapshot.timezone)
        starting = parts.hub.starting(snapshot)
        view = replace(view, viewer=viewer, membership=tenant.membership, just_requested=starting)
        view = await with_banners(view, parts, tenant, snapshot)
        fragments = page_fragments(parts.pages, view, snapshot, channel.pace)
        news = news_fragments(parts.pages, view, seen or snapshot, snapshot)
        if changed := fragments.since(sent) + news:
            yield ServerSentEvent(raw_data=changed, id=str(version), retry=RECONNECT_MS)
        sent, seen = fragments, snapshot
