"""Shopify over HTTP: a GraphQL call, the token endpoint, a bulk file."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
import structlog

from shopify_fetcher import metrics
from shopify_fetcher.clients.answers import (
    Answer,
    TokenPair,
    is_dead_refresh_token,
    raise_for_our_credentials,
    read_answer,
    refuse_status,
    token_pair,
)
from shopify_fetcher.clients.documents import document
from shopify_fetcher.domain.shop import shop_domain
from shopify_fetcher.errors import CodeRefused, Malformed, TokenRefused, Transient
from sync_common.contracts.resources import SHOPIFY_API_VERSION
from sync_common.http import AnswerTooLarge, Client, HTTPError, Response, read_limited
from sync_common.runtime import Clock

ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
TOKEN_ANSWER_BYTES_MAX: Final = 64 * 1024
CALL_SECONDS_MAX: Final = 120.0  # however slowly an answer drips
BULK_CHUNK_BYTES: Final = 256 * 1024

_VERSION: Final = re.compile(r"20[0-9]{2}-[0-9]{2}|unstable")

log = structlog.get_logger()


class ShopifyClient:
    """Every call to Shopify. Who may call when is the business of `access`."""

    def __init__(
        self, http: Client, clock: Clock, *, url_template: str, client_id: str, client_secret: str
    ) -> None:
        self._http = http
        self._clock = clock
        self._template = url_template
        self._client_id = client_id
        self._client_secret = client_secret
        self._noted_versions: set[str] = set()

    def __repr__(self) -> str:
        return "ShopifyClient(***)"

    async def graphql(self, shop: str, token: str, name: str, variables: Mapping[str, Any]) -> Answer:
        """Run the document `name`; raise an error named for the reaction."""
        body = msgspec.json.encode({"query": document(name, variables), "variables": variables})
        headers = {"X-Shopify-Access-Token": token, "Content-Type": "application/json"}
        sent = self._clock.now()
        response, content = await self._post(
            self._url(shop, f"/admin/api/{SHOPIFY_API_VERSION}/graphql.json"), body, headers, ANSWER_BYTES_MAX
        )
        received = self._clock.now()
        refuse_status(response, content)
        self._note_version(response)
        return read_answer(response, content, sent=sent, received=received)

    async def exchange_code(self, shop: str, code: str) -> TokenPair:
        """Trade an authorization code for an expiring offline pair (authorization code grant)."""
        response, content = await self._token_call(shop, {"code": code, "expiring": 1})
        if response.status_code in (400, 401, 403):
            raise_for_our_credentials(content)
            raise CodeRefused("Shopify refused the authorization code")
        refuse_status(response, content)
        return token_pair(content)

    async def refresh(self, shop: str, refresh_token: str) -> TokenPair:
        """Rotate a pair. Raise TokenRefused only when Shopify says that the refresh token is dead."""
        fields = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        response, content = await self._token_call(shop, fields)
        if response.status_code in (400, 401):
            raise_for_our_credentials(content)
            if is_dead_refresh_token(response.status_code, content):
                raise TokenRefused("the refresh token is not active any more")
            raise Transient(f"the token endpoint answered {response.status_code}")
        if response.status_code == 200:
            return token_pair(content)
        refuse_status(response, content)
        raise Transient(f"the token endpoint answered {response.status_code}")

    @asynccontextmanager
    async def open_bulk_file(self, url: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Stream a bulk operation's file. It lies on another host, so no token goes with the request."""
        if self._template.startswith("https:") and not url.startswith("https:"):
            raise Malformed("the address of a bulk file is not https")
        try:
            async with self._http.stream("GET", url) as response:
                if response.status_code in (403, 404, 410):
                    raise Transient("the address of a bulk file has expired")
                if response.status_code != 200:
                    raise Transient(f"the bulk file answered {response.status_code}")
                yield response.aiter_bytes(BULK_CHUNK_BYTES)
        except HTTPError as error:
            raise Transient(f"the bulk file cannot be read: {type(error).__name__}") from None

    async def _token_call(self, shop: str, fields: Mapping[str, Any]) -> tuple[Response, bytes]:
        body = {"client_id": self._client_id, "client_secret": self._client_secret, **fields}
        return await self._post(
            self._url(shop, "/admin/oauth/access_token"),
            msgspec.json.encode(body),
            {"Content-Type": "application/json", "Accept": "application/json"},
            TOKEN_ANSWER_BYTES_MAX,
        )

    async def _post(
        self, url: str, body: bytes, headers: Mapping[str, str], limit: int
    ) -> tuple[Response, bytes]:
        try:
            async with (
                asyncio.timeout(CALL_SECONDS_MAX),
                self._http.stream("POST", url, content=body, headers=headers) as response,
            ):
                return response, await read_limited(response, limit)
        except TimeoutError:
            raise Transient("an answer took too long") from None
        except AnswerTooLarge:
            raise Malformed("an answer is larger than allowed") from None
        except HTTPError as error:
            raise Transient(f"Shopify cannot be reached: {type(error).__name__}") from None

    def _note_version(self, response: Response) -> None:
        """Report an answer by another version than ours (API versioning): a retired one falls forward."""
        answered = response.headers.get("X-Shopify-API-Version")
        if answered is None or answered == SHOPIFY_API_VERSION:
            return
        version = answered if _VERSION.fullmatch(answered) else "other"
        metrics.version_mismatches.labels(version).inc()
        if version not in self._noted_versions:  # once: every call would say the same
            self._noted_versions.add(version)
            log.warning("api_version_differs", api_version=version)

    def _url(self, shop: str, path: str) -> str:
        return self._template.replace("{shop}", shop_domain(shop)).rstrip("/") + path
