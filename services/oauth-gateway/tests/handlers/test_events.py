"""What the gateway does about facts told by others."""

from oauth_gateway.handlers.events import lifecycle_handler
from sync_common.bus import Done, Message, Rejected
from sync_common.bus.events import event_body, event_envelope
from sync_common.contracts.events import Event, ShopRedacted, StoreDisconnected
from sync_common.contracts.events.lifecycle import DisconnectReason
from sync_common.db import Database

from ..conftest import NOW
from ..seed import Seed


def message(event: Event, *, body: bytes | None = None) -> Message:
    headers = event_envelope(event, source="test", now=NOW).to_headers()
    value = event_body(event) if body is None else body
    return Message("sync.lifecycle.v1", 0, 0, event.key().encode(), value, headers, 0)


def redacted(store_id: int, advertiser_id: int) -> ShopRedacted:
    return ShopRedacted(
        store_id=store_id,
        advertiser_id=advertiser_id,
        shop_domain="acme.myshopify.com",
        generation=1,
        redacted_at=NOW,
    )


async def test_redaction_erases_what_people_wrote(database: Database, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com", name="Dana's shop")

    outcomes = await lifecycle_handler(database)([message(redacted(store_id, acme))] * 2)

    assert outcomes == [Done(), Done()]
    assert seed.scalar("SELECT name FROM gateway.shopify_stores") == "acme.myshopify.com"


async def test_other_facts_change_nothing(database: Database, acme: int, seed: Seed) -> None:
    store_id = seed.store(acme, "acme.myshopify.com", name="Acme US")
    fact = StoreDisconnected(
        store_id=store_id,
        advertiser_id=acme,
        shop_domain="acme.myshopify.com",
        installation_id=1,
        generation=1,
        reason=DisconnectReason.TOKEN_EXPIRED,
        disconnected_at=NOW,
    )

    outcomes = await lifecycle_handler(database)([message(fact)])

    assert outcomes == [Done()]
    assert seed.scalar("SELECT name FROM gateway.shopify_stores") == "Acme US"


async def test_unreadable_redaction_is_rejected(database: Database, acme: int) -> None:
    outcomes = await lifecycle_handler(database)([message(redacted(1, acme), body=b"{}")])

    assert isinstance(outcomes[0], Rejected)
