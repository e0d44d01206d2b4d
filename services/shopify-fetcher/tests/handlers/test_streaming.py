"""A stream over a real connection: whoever goes away stops the reading."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn

from shopify_fetcher.http import make_app
from shopify_fetcher.metrics import REGISTRY
from shopify_fetcher.reading.lines import Lines, stream

from ..builders import SERVICE_TOKEN, Fetcher, MakeShop, until


@asynccontextmanager
async def served(fetcher: Fetcher) -> AsyncIterator[httpx.AsyncClient]:
    parts = fetcher.parts
    app = make_app(
        fetcher.database,
        parts.access,
        parts.connector,
        parts.disconnector,
        parts.reader,
        parts.keys,
        service_token=SERVICE_TOKEN,
    )
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    headers = {"authorization": f"Bearer {SERVICE_TOKEN}"}
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False
    ) as client:
        yield client
    server.should_exit = True
    await serving


def broken_streams() -> float:
    labels = {"resource": "orders", "outcome": "broken"}
    return REGISTRY.get_sample_value("fetcher_streams_ended_total", labels) or 0.0


async def test_caller_that_goes_away_stops_the_reader(fetcher: Fetcher, make_shop: MakeShop) -> None:
    shop = await make_shop(orders=10)
    installation_id = await fetcher.connect(shop)
    await shop.http.patch("/_admin/bulk", json={"minimum_seconds": 30})
    before = broken_streams()

    try:
        async with served(fetcher) as client:
            url = f"/v1/installations/{installation_id}/records/orders?mode=bulk&job_id=1"
            async with client.stream("GET", url) as response:
                first = await anext(response.aiter_bytes())
            await until(lambda: broken_streams() > before)
    finally:
        await shop.http.patch("/_admin/bulk", json={"minimum_seconds": 0})

    assert first.startswith(b'{"type":"total"')


async def test_trouble_of_our_own_cuts_the_stream_instead_of_failing_the_part() -> None:
    """A lost database connection failed a whole job, which then began anew instead of from its cursor."""

    async def read(lines: Lines) -> None:
        await lines.total(3)
        raise ConnectionError("the database went away")

    chunks = [chunk async for chunk in stream(read)]

    assert chunks == [b'{"type":"total","count":3}\n']
