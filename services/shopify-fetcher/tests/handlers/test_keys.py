"""A new master key: every data key is wrapped anew while tokens are in use."""

import base64
from typing import Any

import pytest

from shopify_fetcher.access import rotation
from shopify_fetcher.access.rotation import KeyRotation
from shopify_fetcher.access.tokens import TokenKeeper
from shopify_fetcher.access.vault import Vault
from shopify_fetcher.store import credentials
from sync_common.runtime import KeyRing

from ..builders import MASTER_KEYS, Fetcher, MakeShop

NEW_KEY = "next:" + base64.b64encode(bytes(range(32))).decode()
BOTH = f"{NEW_KEY},{MASTER_KEYS}"


def vault(keys: str) -> Vault:
    return Vault(KeyRing.from_setting(keys))


async def token(fetcher: Fetcher, installation_id: int, keys: str) -> str:
    keeper = TokenKeeper(fetcher.database, fetcher.parts.access.shopify, vault(keys))
    return (await keeper.current(installation_id, "unused.myshopify.com")).value


async def test_every_data_key_is_wrapped_anew_and_every_token_stays(
    fetcher: Fetcher, make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "ROWS_AT_ONCE", 2)
    ids = [await fetcher.connect(await make_shop(), store_id=number) for number in range(1, 6)]
    before = [await token(fetcher, number, MASTER_KEYS) for number in ids]
    keys = KeyRotation(fetcher.database, vault(BOTH))

    at: int | None = 0
    steps = []
    while at is not None:
        steps.append(await keys.step(at))
        at = steps[-1].next

    assert [step.rewrapped for step in steps] == [2, 2, 1, 0]
    assert steps[-1].keys == {"next": 5}
    assert [await token(fetcher, number, NEW_KEY) for number in ids] == before


async def test_pair_that_was_replaced_meanwhile_is_left_alone(
    fetcher: Fetcher, make_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    read = credentials.sealed_otherwise

    async def read_and_reconnect(*arguments: Any, **named: Any) -> Any:
        rows = await read(*arguments, **named)
        await fetcher.connect(shop)
        return rows

    monkeypatch.setattr(credentials, "sealed_otherwise", read_and_reconnect)

    step = await KeyRotation(fetcher.database, vault(BOTH)).step(0)

    assert (step.rewrapped, step.keys) == (0, {"test": 1})
    assert await token(fetcher, installation_id, MASTER_KEYS)


async def test_refresh_after_the_rotation_keeps_the_previous_refresh_token_readable(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    shop = await make_shop()
    installation_id = await fetcher.connect(shop)
    await KeyRotation(fetcher.database, vault(BOTH)).step(0)
    keeper = TokenKeeper(fetcher.database, fetcher.parts.access.shopify, vault(NEW_KEY))
    async with fetcher.database.transaction() as tx:
        stored = await credentials.load(tx, installation_id)
    assert stored is not None

    await keeper.refreshed(installation_id, shop.domain, seen=stored.token_version)

    async with fetcher.database.transaction() as tx:
        stored = await credentials.load(tx, installation_id)
    assert stored is not None
    assert len(vault(NEW_KEY).refresh_tokens(stored)) == 2


async def test_key_that_is_gone_is_counted_and_hides_no_other(fetcher: Fetcher, make_shop: MakeShop) -> None:
    for number in (1, 2):
        await fetcher.connect(await make_shop(), store_id=number)
    await fetcher.execute("UPDATE fetcher.credentials SET data_key = 'x'::bytea WHERE installation_id = 1")

    step = await KeyRotation(fetcher.database, vault(BOTH)).step(0)

    assert (step.rewrapped, step.unreadable, step.keys) == (1, 1, {"next": 1, "test": 1})


async def test_rotation_is_asked_for_over_the_internal_interface(
    fetcher: Fetcher, make_shop: MakeShop
) -> None:
    await fetcher.connect(await make_shop())

    async with fetcher.client() as client:
        answer = await client.post("/v1/keys/rotate", json={"after": 0})

    assert answer.json() == {
        "key_id": "test",
        "rewrapped": 0,
        "unreadable": 0,
        "next": None,
        "keys": {"test": 1},
    }
