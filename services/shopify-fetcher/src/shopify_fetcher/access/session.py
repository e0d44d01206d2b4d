"""Calls Shopify for one installation: token, budget, retries and the reaction to each refusal, in one place."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import stamina

from shopify_fetcher import metrics
from shopify_fetcher.access.pacing import OnWait, Pacer
from shopify_fetcher.access.tokens import AccessToken, TokenKeeper
from shopify_fetcher.clients.shopify import Answer, ShopifyClient
from shopify_fetcher.domain.budget import Lane
from shopify_fetcher.errors import FetcherError, Throttled, TokenRefused, Transient
from shopify_fetcher.store.installations import Installation

FIRST_COST_GUESS: Final = 50.0
THROTTLED_TRIES_MAX: Final = 100

OnRefused = Callable[[Installation, int | None], Awaitable[None]]


@dataclass(slots=True)
class CostBook:
    """What each document has cost before, per size asked for: the best guess for the next call."""

    known: dict[tuple[str, int], float] = field(default_factory=dict)

    def guess(self, name: str, variables: Mapping[str, Any]) -> float:
        """Return what the next call will probably be charged."""
        return self.known.get(_size_key(name, variables), FIRST_COST_GUESS)

    def learn(self, name: str, variables: Mapping[str, Any], cost: float) -> None:
        """Keep what a call was charged."""
        if cost > 0:
            self.known[_size_key(name, variables)] = cost


def _size_key(name: str, variables: Mapping[str, Any]) -> tuple[str, int]:
    return name, int(variables.get("first") or len(variables.get("ids", ())))


class Access:
    """The way to Shopify of a whole process; `session` opens it for one installation and purpose."""

    def __init__(
        self, shopify: ShopifyClient, tokens: TokenKeeper, pacer: Pacer, on_refused: OnRefused | None = None
    ) -> None:
        self.shopify = shopify
        self.tokens = tokens
        self.pacer = pacer
        self.on_refused = on_refused
        self.costs = CostBook()

    def session(
        self,
        installation: Installation,
        lane: Lane,
        on_wait: OnWait | None = None,
        *,
        concludes: bool = True,
    ) -> "ShopSession":
        """Open the way to one shop; a probe passes `concludes=False` and draws its own conclusion."""
        return ShopSession(self, installation, lane, on_wait, concludes=concludes)


class ShopSession:
    """Calls for one installation in one lane."""

    def __init__(
        self,
        access: Access,
        installation: Installation,
        lane: Lane,
        on_wait: OnWait | None,
        *,
        concludes: bool,
    ) -> None:
        self._access = access
        self.installation = installation
        self._lane = lane
        self._on_wait = on_wait
        self._concludes = concludes

    async def call(
        self, name: str, variables: Mapping[str, Any] | None = None, *, idempotent: bool = True
    ) -> Answer:
        """Run a document and return its answer. Throttling is waited out, moments of failure are retried.

        A refused token is refreshed once. Only a refresh token that is refused too ends the installation.
        """
        attempts = 4 if idempotent else 1
        try:
            async for attempt in stamina.retry_context(
                on=Transient, attempts=attempts, timeout=60, wait_initial=0.2, wait_max=5
            ):
                with attempt:
                    return await self._call_within_budget(name, variables or {})
        except TokenRefused as error:
            if self._concludes and self._access.on_refused is not None:
                await self._access.on_refused(self.installation, error.version)
            raise
        raise AssertionError  # pragma: no cover - the loop returns or raises

    async def _call_within_budget(self, name: str, variables: Mapping[str, Any]) -> Answer:
        pacer, installation_id, lane = self._access.pacer, self.installation.id, self._lane
        for _ in range(THROTTLED_TRIES_MAX):
            cost = self._access.costs.guess(name, variables)
            await pacer.wait_for(installation_id, cost=cost, lane=lane, on_wait=self._on_wait)
            try:
                answer = await self._call_with_token(name, variables)
            except (
                Throttled
            ) as error:  # every process is held back now: the next turn waits in the budget's row
                await pacer.block(installation_id, lane=lane, reserved=cost, seconds=error.resume_in)
            except FetcherError:
                await pacer.settle(installation_id, lane=lane, reserved=cost, cost=0, status=None)
                raise
            else:
                await pacer.settle(
                    installation_id, lane=lane, reserved=cost, cost=answer.actual_cost, status=answer.status
                )
                return answer
        raise Transient("Shopify has throttled this call for too long")

    async def _call_with_token(self, name: str, variables: Mapping[str, Any]) -> Answer:
        tokens, shop = self._access.tokens, self.installation.shop_domain
        token = await tokens.current(
            self.installation.id, shop
        )  # after the wait: it may have outlived a token
        try:
            return await self._send(token, name, variables)
        except TokenRefused:
            token = await tokens.refreshed(self.installation.id, shop, seen=token.version)
        try:
            return await self._send(token, name, variables)
        except TokenRefused:  # Shopify has just made this pair: it is not dead, whatever this answer says
            raise Transient("a token that was just renewed is refused") from None

    async def _send(self, token: AccessToken, name: str, variables: Mapping[str, Any]) -> Answer:
        started, outcome = time.perf_counter(), "answered"
        try:
            answer = await self._access.shopify.graphql(
                self.installation.shop_domain, token.value, name, variables
            )
        except FetcherError as error:
            outcome = error.code
            if isinstance(error, Throttled):
                metrics.throttled_calls.labels(self._lane.value).inc()
            raise
        finally:
            metrics.shopify_calls.labels(name, outcome).inc()
            metrics.shopify_call_seconds.labels(name).observe(time.perf_counter() - started)
        self._access.costs.learn(name, variables, answer.requested_cost)
        return answer
