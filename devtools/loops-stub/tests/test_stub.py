"""The stub answers as Loops does ("API reference"), over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from loops_stub.app import create_app
from loops_stub.settings import Settings
from loops_stub.templates import TEMPLATES, Template

KEY = {"Authorization": "Bearer local-loops-key"}
RESET = {
    "email": "ada@example.com",
    "transactionalId": "stub_password_reset",
    "dataVariables": {"reset_url": "https://app.example.com/r/1", "valid_for": "1 hour"},
}


class Hands:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(1_800_000_000 + self.seconds, UTC)


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
async def loops(clock: Hands) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(), now=clock.now, monotonic=clock.monotonic)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://loops") as client:
        yield client


async def send(
    loops: httpx.AsyncClient, *, key: str | None = None, headers: dict[str, str] = KEY, **changes: Any
) -> httpx.Response:
    idempotency = {"Idempotency-Key": key} if key is not None else {}
    return await loops.post(
        "/api/v1/transactional", json={**RESET, **changes}, headers={**headers, **idempotency}
    )


async def test_mail_is_accepted_and_kept(loops: httpx.AsyncClient) -> None:
    answer = await send(loops)

    assert (answer.status_code, answer.json()) == (200, {"success": True})
    (mail,) = (await loops.get("/_admin/mails")).json()
    assert mail["email"] == "ada@example.com"
    assert mail["subject"] == "Reset your password"
    assert mail["links"] == [{"label": "Choose a New Password", "url": "https://app.example.com/r/1"}]


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "local-loops-key", "Bearer schlüssel"])
async def test_wrong_key_is_refused(loops: httpx.AsyncClient, authorization: str) -> None:
    answer = await loops.post(
        "/api/v1/transactional", json=RESET, headers={b"authorization": authorization.encode()}
    )

    assert answer.status_code == 401
    assert answer.json()["success"] is False
    assert (await loops.get("/_admin/mails")).json() == []


async def test_repeated_idempotency_key_is_a_conflict_for_24_hours(
    loops: httpx.AsyncClient, clock: Hands
) -> None:
    assert (await send(loops, key="once")).status_code == 200

    clock.seconds = 24 * 3600 - 1
    conflict = await send(loops, key="once")
    clock.seconds = 24 * 3600
    later = await send(loops, key="once")

    assert conflict.status_code == 409
    assert conflict.json()["message"].startswith("Idempotency key already used")
    assert later.status_code == 200


async def test_refused_mail_leaves_its_key_unused(loops: httpx.AsyncClient) -> None:
    refused = await send(loops, key="k", dataVariables={"valid_for": "1 hour"})

    assert refused.status_code == 400
    assert refused.json()["message"] == "Missing required data variable(s): reset_url"
    assert (await send(loops, key="k")).status_code == 200


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"transactionalId": "unknown"}, 404),
        ({"email": "nobody"}, 400),
        ({"email": None}, 400),
        ({"dataVariables": {"reset_url": {"nested": 1}}}, 400),
    ],
)
async def test_unusable_request_is_refused(
    loops: httpx.AsyncClient, changes: dict[str, Any], status: int
) -> None:
    answer = await send(loops, **changes)

    assert answer.status_code == status
    assert answer.json()["success"] is False


async def test_key_over_100_characters_is_refused(loops: httpx.AsyncClient) -> None:
    assert (await send(loops, key="k" * 100)).status_code == 200
    assert (await send(loops, key="k" * 101)).status_code == 400


async def test_eleventh_request_of_a_second_is_limited(loops: httpx.AsyncClient, clock: Hands) -> None:
    answers = [await send(loops) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert answers[0].headers["x-ratelimit-limit"] == "10"
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers[-2:]] == ["0", "0"]
    clock.seconds = 1.0
    assert (await send(loops)).status_code == 200


async def test_faults_meet_the_next_sends_in_order(loops: httpx.AsyncClient) -> None:
    for kind in ("error_after_accepting", "server_error", "rate_limited", "refuse"):
        assert (await loops.post("/_admin/faults", json={"kind": kind})).status_code == 204

    answers = [(await send(loops)).status_code for _ in range(5)]

    assert answers == [500, 500, 429, 400, 200]
    assert len((await loops.get("/_admin/mails")).json()) == 2


async def test_wrong_method_and_path_are_answered_as_loops_does(loops: httpx.AsyncClient) -> None:
    wrong_method = await loops.get("/api/v1/transactional", headers=KEY)
    wrong_path = await loops.get("/api/v1/nothing", headers=KEY)

    assert (wrong_method.status_code, wrong_method.json()["success"]) == (405, False)
    assert (wrong_path.status_code, wrong_path.json()["success"]) == (404, False)


async def test_api_key_can_be_tried(loops: httpx.AsyncClient) -> None:
    assert (await loops.get("/api/v1/api-key", headers=KEY)).json()["success"] is True
    assert (await loops.get("/api/v1/api-key")).status_code == 401


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.name)
async def test_every_template_has_a_page_with_escaped_values(
    loops: httpx.AsyncClient, template: Template
) -> None:
    values = dict.fromkeys(template.variables, "<script>alert(1)</script>")
    assert (
        await send(loops, transactionalId=template.transactional_id, dataVariables=values)
    ).status_code == 200

    page = await loops.get("/mails/1")
    inbox = await loops.get("/")

    assert page.status_code == inbox.status_code == 200
    assert "<script>" not in page.text + inbox.text
    assert "&lt;script&gt;" in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_sync_complete_reads_as_the_requirements_say(loops: httpx.AsyncClient) -> None:
    values = {
        "shop_name": "acme.myshopify.com",
        "customers_synced": 1234,
        "orders_synced": 5678,
        "products_synced": 90,
        "duration": "8 minutes",
        "view_url": "https://app.example.com/advertisers/acme/integrations/shopify",
    }
    await send(loops, transactionalId="stub_shopify_sync_complete", dataVariables=values)

    (mail,) = (await loops.get("/_admin/mails")).json()

    assert mail["subject"] == "Your Shopify sync is complete!"
    assert "• 1,234 customers\n• 5,678 orders\n• 90 products\n\nThis took 8 minutes." in mail["text"]
    assert mail["links"][0]["label"] == "View Your Data"


async def test_link_that_is_no_web_address_is_not_clickable(loops: httpx.AsyncClient) -> None:
    await send(loops, dataVariables={"reset_url": "javascript:alert(1)", "valid_for": "1 hour"})

    page = await loops.get("/mails/1")

    assert 'href="javascript' not in page.text


async def test_mails_can_be_forgotten(loops: httpx.AsyncClient) -> None:
    await send(loops, key="k")

    assert (await loops.delete("/_admin/mails")).status_code == 204

    assert (await loops.get("/_admin/mails")).json() == []
    assert (await loops.get("/mails/1")).status_code == 404
    assert (await send(loops, key="k")).status_code == 200


async def test_health_is_told(loops: httpx.AsyncClient) -> None:
    assert (await loops.get("/healthz")).status_code == 200


async def test_answer_that_does_not_come_leaves_the_mail_accepted(loops: httpx.AsyncClient) -> None:
    await loops.post("/_admin/faults", json={"kind": "silent_after_accepting"})

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await send(loops, key="k")

    assert len((await loops.get("/_admin/mails")).json()) == 1
    assert (await send(loops, key="k")).status_code == 409
