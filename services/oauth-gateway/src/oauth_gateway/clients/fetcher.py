"""The fetcher's internal HTTP: install, connect and disconnect. The gateway never sees a token."""

from dataclasses import dataclass
from typing import Final, NotRequired, TypedDict

from oauth_gateway.errors import ConnectionRefused, FetcherUnavailable
from sync_common.http import Client, HTTPError, Response

CONNECT_SECONDS: Final = 40.0  # it exchanges the code, reads the shop and subscribes about twenty webhooks
DISCONNECT_SECONDS: Final = 20.0


class Proof(TypedDict):
    """What lets a store be connected: the code of a typed connect, or the claim of an install; never both."""

    code: NotRequired[str]
    claim: NotRequired[str]


@dataclass(frozen=True, slots=True, repr=False)
class Installed:
    """A shop's installation that nobody has claimed; `claim` connects a store to it, once."""

    shop_domain: str
    shop_name: str
    claim: str


class FetcherClient:
    """Ask the fetcher to connect or disconnect a store; `client` carries its address and the service token."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def install(self, *, shop_domain: str, code: str) -> Installed:
        """Exchange a code before the store's advertiser is known; raise ConnectionRefused as a connect does."""
        body: dict[str, object] = {"shop_domain": shop_domain, "code": code}
        response = await self._post("/v1/installations", body, timeout_seconds=CONNECT_SECONDS)
        if response.status_code != 200:
            raise _refusal(response)
        try:
            answer = response.json()
            return Installed(str(answer["shop_domain"]), str(answer["shop_name"]), str(answer["claim"]))
        except (ValueError, KeyError, TypeError):
            raise FetcherUnavailable("an install was answered without a claim") from None

    async def connect(
        self, *, store_id: int, advertiser_id: int, user_id: int, shop_domain: str, proof: Proof
    ) -> None:
        """Turn a code or a claim into a working connection; raise ConnectionRefused where that cannot be."""
        body = {
            "store_id": store_id,
            "advertiser_id": advertiser_id,
            "user_id": user_id,
            "shop_domain": shop_domain,
            **proof,
        }
        response = await self._post("/v1/connections", body, timeout_seconds=CONNECT_SECONDS)
        if response.status_code != 200:
            raise _refusal(response)

    async def disconnect(self, *, store_id: int, advertiser_id: int) -> None:
        """Disconnect a store; doing so twice is the same as once."""
        path = f"/v1/connections/{store_id}/disconnect"
        response = await self._post(
            path, {"advertiser_id": advertiser_id}, timeout_seconds=DISCONNECT_SECONDS
        )
        if response.status_code != 204:
            raise FetcherUnavailable(f"disconnect was answered with status {response.status_code}")

    async def _post(self, path: str, body: dict[str, object], *, timeout_seconds: float) -> Response:
        try:
            response = await self._client.post(path, json=body, timeout=timeout_seconds)
        except HTTPError as error:
            raise FetcherUnavailable(type(error).__name__) from error
        if response.status_code >= 500 or response.status_code in (401, 403, 404):
            raise FetcherUnavailable(f"status {response.status_code}")
        return response


def _refusal(response: Response) -> ConnectionRefused:
    """Return the machine-readable reason of a refusal, with the scopes that it names."""
    try:
        body = response.json()
        return ConnectionRefused(str(body["code"]), tuple(str(scope) for scope in body.get("missing", ())))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise FetcherUnavailable(f"status {response.status_code} without a code") from None
