"""Works on the master keys, through the only service that has them."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from shopctl.errors import ShopctlError
from sync_common.http import Client, HTTPError


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did: `keys` says how many installations each master key seals now."""

    key_id: str = ""
    rewrapped: int = 0
    unreadable: int = 0
    keys: dict[str, int] = field(default_factory=dict)

    @property
    def others(self) -> int:
        """Return how many installations another master key still seals."""
        return sum(count for key_id, count in self.keys.items() if key_id != self.key_id)


@dataclass(frozen=True)
class Keys:
    """The shopify-fetcher's keys; nothing of them comes here."""

    client: Client

    async def rotate(self) -> Rotated:
        """Have every data key sealed by the master key that is in use, some at a time."""
        done, after = Rotated(), 0
        while True:
            step = await self._step(after)
            done = replace(
                done,
                key_id=step["key_id"],
                rewrapped=done.rewrapped + step["rewrapped"],
                unreadable=done.unreadable + step["unreadable"],
                keys=step["keys"],
            )
            if step["next"] is None:
                return done
            after = step["next"]

    async def _step(self, after: int) -> dict[str, Any]:
        try:
            answer = await self.client.post("/v1/keys/rotate", json={"after": after})
        except HTTPError as error:
            raise ShopctlError(f"the fetcher cannot be reached: {type(error).__name__}") from None
        if answer.status_code == 401:
            raise ShopctlError("the fetcher does not know this service token")
        if answer.status_code != 200:
            raise ShopctlError(f"the fetcher answered {answer.status_code}")
        step: dict[str, Any] = answer.json()
        return step


OpenKeys = Callable[[], AbstractAsyncContextManager[Keys]]
