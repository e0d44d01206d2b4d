"""Calls Shopify for one installation: token, budget, retries and the reaction to each refusal, in one place."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import stamina

from shopify_fetcher import metrics
from shopify_fetcher.access.costs import CostBook
from shopify_fetcher.access.journal import journal
from shopify_fetcher.access.pacing import Hold, OnWait, Pacer
from shopify_fetcher.access.tokens import AccessToken, TokenKeeper
from shopify_fetcher.clients.answers import Answer, BudgetSpent
from shopify_fetcher.clients.shopify import ShopifyClient
from shopify_fetcher.domain.budget import Lane
from shopify_fetcher.errors import FetcherError, Throttled, TokenRefused, Transient
from shopify_fetcher.store.installations import Installation

THROTTLED_TRIES_MAX: Final = 100

OnRefused = Callable[[Installation, int | None], Awaitable[None]]


class Access:
    """The way to Shopify of a whole process; `session` opens it for one installation and purpose."""

    def __init__(
        self,
        shopify: ShopifyClient,
        tokens: TokenKeeper,
        pacer: Pacer,
        costs: CostBook,
        on_refused: OnRefused | None = None,
    ) -> None:
        self.shopify = shopify
        self.tokens = tokens
        self.pacer = pacer
        self.costs = costs
        self.on_refused = on_refused

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
        pacer = self._access.pacer
        for _ in range(THROTTLED_TRIES_MAX):
            cost = await self._access.costs.guess(name, variables)
            hold = await pacer.wait_for(
                self.installation.id, cost=cost, lane=self._lane, on_wait=self._on_wait
            )
            try:
                answer = await self._call_with_token(hold, name, variables)
            except Throttled as error:
                # Every process is held back now: the next turn waits in the budget's row.
                told = error.status if isinstance(error, BudgetSpent) else None
                await pacer.block(hold, seconds=error.resume_in, status=told)
                if isinstance(error, BudgetSpent):
                    await self._access.costs.learn(name, variables, error.requested_cost)
            except Transient:  # the call may have been charged: the next answer tells
                await pacer.settle(hold, cost=cost, status=None)
                raise
            except FetcherError:
                await pacer.settle(hold, cost=0, status=None)
                raise
            else:
                await pacer.settle(hold, cost=answer.actual_cost, status=answer.status)
                await self._access.costs.learn(name, variables, answer.requested_cost)
                return answer
        raise Transient("Shopify has throttled this call for too long")

    async def _call_with_token(self, hold: Hold, name: str, variables: Mapping[str, Any]) -> Answer:
        tokens, shop = self._access.tokens, self.installation.shop_domain
        # After the wait, which may have outlived a token.
        token = await tokens.current(self.installation.id, shop)
        try:
            return await self._send(hold, token, name, variables)
        except TokenRefused:
            token = await tokens.refreshed(self.installation.id, shop, seen=token.version)
        try:
            return await self._send(hold, token, name, variables)
        except TokenRefused:  # Shopify has just made this pair: it is not dead, whatever this answer says
            raise Transient("a token that was just renewed is refused") from None

    async def _send(self, hold: Hold, token: AccessToken, name: str, variables: Mapping[str, Any]) -> Answer:
        shop, lane = self.installation.shop_domain, self._lane.value
        with journal(name, self.installation.id, lane=lane, wait_seconds=hold.waited_seconds) as call:
            try:
                answer = await self._access.shopify.graphql(shop, token.value, name, variables)
            except Throttled:
                metrics.throttled_calls.labels(lane).inc()
                raise
            call.cost = answer.actual_cost
            return answer
