"""The stream: everything first, then only what changed."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest

from oauth_gateway.domain.access import Membership, Role
from oauth_gateway.domain.words import Viewer
from oauth_gateway.handlers.context import Gateway
from oauth_gateway.handlers.live import STARTING_SECONDS_MAX, Channel, Hub
from oauth_gateway.http.app import create_app
from oauth_gateway.http.assets import Assets
from oauth_gateway.http.fragments import Fragments, news_fragments, page_fragments
from oauth_gateway.http.rendering import Pages, View
from oauth_gateway.http.site import Site
from oauth_gateway.metrics import REGISTRY
from sync_common.runtime import ManualClock

from ..conftest import NOW, PUBLIC_URL
from ..seed import Seed
from .client import SHOPIFY, log_in, post


def targets(text: str) -> list[str]:
    return re.findall(r'<hx-partial hx-target="#([^"]+)"', text)


def render(channel: Channel) -> Fragments:
    assert channel.snapshot is not None
    membership = Membership(channel.advertiser_id, "acme", "Acme Apparel", Role.OWNER)
    view = View(
        Viewer(NOW), "0" * 64, SHOPIFY, "https://help.example.com", "https://{shop}", membership=membership
    )
    return page_fragments(Pages(Assets()), view, channel.snapshot, channel.pace)


def failed_polls() -> float:
    return REGISTRY.get_sample_value("gateway_live_poll_failures_total") or 0


@asynccontextmanager
async def watching(hub: Hub, advertiser_id: int) -> AsyncIterator[Channel]:
    async with hub.watch(advertiser_id) as channel:
        assert await channel.next_version(0, timeout_seconds=5) == 1
        yield channel


async def test_only_what_changed_is_sent(gateway: Gateway, acme: int, seed: Seed) -> None:
    one, two = seed.store(acme, "acme.myshopify.com"), seed.store(acme, "acme-eu.myshopify.com")

    async with watching(Hub(gateway, poll_seconds=0.02), acme) as channel:
        before = render(channel)
        seed.execute("UPDATE gateway.shopify_stores SET name = 'Acme EU' WHERE id = %(store)s", store=two)
        await channel.next_version(1, timeout_seconds=5)
        after = render(channel)

    assert targets(before.since(Fragments())) == [
        "banners",
        "nav",
        "nav-sheet",
        "totals",
        "stores",
        "syncs",
        "history",
    ]
    assert targets(after.since(before)) == [f"store-{two}"]
    assert one != two


async def test_section_is_sent_when_a_card_changes_its_kind(gateway: Gateway, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")

    async with watching(Hub(gateway, poll_seconds=0.02), acme) as channel:
        before = render(channel)
        seed.disconnect(store_id)
        await channel.next_version(1, timeout_seconds=5)
        after = render(channel)

    assert "stores" in targets(after.since(before))


async def test_sync_asked_for_is_starting_until_its_job_is_there(
    gateway: Gateway, acme: int, seed: Seed, clock: ManualClock
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    hub = Hub(gateway, poll_seconds=0.02)

    async with watching(hub, acme) as channel:
        idle = channel.snapshot
        assert idle is not None
        assert hub.starting(idle) == frozenset()
        hub.wish(idle.stores[0])
        assert hub.starting(idle) == {store_id}
        seed.job(store_id, status="running")
        await channel.next_version(1, timeout_seconds=5)
        running = channel.snapshot
        assert running is not None
        seed.execute("UPDATE sync.sync_jobs SET status = 'completed', completed_at = now()")
        await channel.next_version(2, timeout_seconds=5)
        ended = channel.snapshot
        assert ended is not None

    assert hub.starting(running) == frozenset()
    assert hub.starting(ended) == frozenset()
    clock.advance(STARTING_SECONDS_MAX)
    assert hub.starting(idle) == frozenset()


async def test_nothing_is_sent_while_nothing_changes(gateway: Gateway, acme: int, seed: Seed) -> None:
    seed.store(acme, "acme.myshopify.com")

    async with watching(Hub(gateway, poll_seconds=0.01), acme) as channel:
        version = await channel.next_version(1, timeout_seconds=0.2)
        same = render(channel)

    assert version == 1
    assert same.since(same) == ""


async def test_pages_of_one_advertiser_share_one_poll(gateway: Gateway, acme: int, seed: Seed) -> None:
    seed.store(acme, "acme.myshopify.com")
    hub = Hub(gateway, poll_seconds=0.02)

    async with watching(hub, acme) as first, hub.watch(acme) as second:
        assert first is second
        assert hub.streams == 2
        task = first.task

    assert hub.streams == 0
    assert task is not None
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_poll_survives_an_outage(
    gateway: Gateway, acme: int, seed: Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oauth_gateway.handlers.live.BACKOFF_SECONDS", 0.02)
    store_id = seed.store(acme, "acme.myshopify.com")

    async with watching(Hub(gateway, poll_seconds=0.02), acme) as channel:
        failures = failed_polls()
        seed.execute("ALTER TABLE gateway.shopify_stores RENAME TO away")
        async with asyncio.timeout(5):
            while failed_polls() == failures:  # noqa: ASYNC110 - a counter raises no event
                await asyncio.sleep(0.01)
        seed.execute("UPDATE gateway.away SET name = 'Back' WHERE id = %(store)s", store=store_id)
        seed.execute("ALTER TABLE gateway.away RENAME TO shopify_stores")
        await channel.next_version(1, timeout_seconds=5)

    assert channel.snapshot is not None
    assert channel.snapshot.stores[0].name == "Back"


async def test_seconds_of_a_rate_limit_are_counted_down(
    gateway: Gateway, acme: int, seed: Seed, site: Site, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the job changes meanwhile, so nothing was sent until it went on."""
    monkeypatch.setattr("oauth_gateway.http.live.COUNTDOWN_SECONDS", 0.02)
    seed.job(seed.store(acme, "acme.myshopify.com"), status="running")
    seed.execute("UPDATE sync.sync_jobs SET throttled_until = %(at)s", at=seed.now + timedelta(seconds=42))
    hub = Hub(gateway, poll_seconds=0.02)
    transport = httpx.ASGITransport(create_app(gateway, site, hub))
    async with httpx.AsyncClient(
        transport=transport, base_url=PUBLIC_URL, headers={"origin": PUBLIC_URL}
    ) as browser:
        await log_in(browser)
        stream = asyncio.create_task(browser.get(f"{SHOPIFY}/events"))
        async with asyncio.timeout(10):
            while not hub.streams:  # noqa: ASYNC110 - nobody tells of a new stream
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.3)
        clock.advance(10)
        await asyncio.sleep(0.3)
        clock.advance(10)  # a stream that ends sends once more
        hub.closing.set()
        hub.wake()
        text = (await asyncio.wait_for(stream, timeout=10)).text

    assert "resuming in 42 s" in text
    assert "resuming in 32 s" in text


async def test_stream_without_a_session_is_refused_without_a_redirect(
    browser: httpx.AsyncClient, acme: int
) -> None:
    answer = await browser.get(f"{SHOPIFY}/events")

    assert answer.status_code == 401


async def test_stream_ends_when_its_session_does(
    gateway: Gateway, site: Site, acme: int, seed: Seed, clock: ManualClock
) -> None:
    """An open stream went on for up to five minutes after the person had logged out."""
    seed.store(acme, "acme.myshopify.com")
    hub = Hub(gateway, poll_seconds=0.02)
    transport = httpx.ASGITransport(create_app(gateway, site, hub))
    async with httpx.AsyncClient(
        transport=transport, base_url=PUBLIC_URL, headers={"origin": PUBLIC_URL}
    ) as browser:
        await log_in(browser)
        stream = asyncio.create_task(browser.get(f"{SHOPIFY}/events"))
        async with asyncio.timeout(10):
            while not hub.streams:  # noqa: ASYNC110 - nobody tells of a new stream
                await asyncio.sleep(0.01)
        await post(browser, SHOPIFY, "/logout")
        clock.advance(5)
        seed.execute("UPDATE gateway.shopify_stores SET name = 'Seen by nobody'")

        answer = await asyncio.wait_for(stream, timeout=10)

    assert answer.status_code == 200
    assert "Seen by nobody" not in answer.text


async def test_polite_region_tells_of_jobs_that_begin_and_end(
    gateway: Gateway, acme: int, seed: Seed
) -> None:
    store_id = seed.store(acme, "acme.myshopify.com")
    job_id = seed.job(store_id, status="pending", triggered_by="system", is_first_sync=True)

    async with watching(Hub(gateway, poll_seconds=0.02), acme) as channel:
        pending = channel.snapshot
        seed.execute("UPDATE sync.sync_jobs SET status = 'running', started_at = now()")
        await channel.next_version(1, timeout_seconds=5)
        running = channel.snapshot
        seed.execute(
            "UPDATE sync.sync_jobs SET status = 'failed', completed_at = now(), error_message = 'Shopify was down.'"
        )
        await channel.next_version(2, timeout_seconds=5)
        failed = channel.snapshot

    assert pending is not None
    assert running is not None
    assert failed is not None
    assert [job.id for job in running.begun_since(pending)] == [job_id]
    assert running.ended_since(pending) == ()
    membership = Membership(acme, "acme", "Acme Apparel", Role.OWNER)
    view = View(Viewer(NOW), "0" * 64, SHOPIFY, "https://help.example.com", "", membership=membership)
    pages = Pages(Assets())
    assert "Sync of acme.myshopify.com started." in news_fragments(pages, view, pending, running)
    told = news_fragments(pages, view, running, failed)
    assert targets(told) == ["toasts"]
    assert "Sync of acme.myshopify.com failed: Shopify was down." in told
    assert news_fragments(pages, view, failed, failed) == ""
