"""What the tests do to one shop: as its merchant, as the app, and as the administrator of the simulator."""

import json
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar
from urllib.parse import parse_qsl, urlsplit

import httpx

from .serving import CALLBACK, SECRET

Answer = TypeVar("Answer")
SCOPES = "read_customers,read_orders,read_products,read_inventory"
# Loading the authorities costs more than a test, and nothing here speaks TLS.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
SUBSCRIBE = """
mutation Subscribe($topic: WebhookSubscriptionTopic!, $webhookSubscription: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $webhookSubscription) {
    webhookSubscription { id }
    userErrors { field message }
  }
}
"""


def eventually(probe: Callable[[], Answer | None], seconds: float = 15) -> Answer:
    """Ask until there is an answer; fail at the deadline."""
    deadline = time.monotonic() + seconds
    while (answer := probe()) is None:
        assert time.monotonic() < deadline, "the deadline has passed"
        time.sleep(0.01)
    return answer


class Merchant:
    """One shop, reached by path."""

    def __init__(self, address: str, name: str) -> None:
        self.address = address
        self.domain = f"{name}.myshopify.com"
        self.http = httpx.Client(base_url=address, timeout=60, verify=NO_TLS)
        self.admin = httpx.Client(base_url=f"{address}/_admin/shops/{self.domain}", timeout=60, verify=NO_TLS)
        self.shop = httpx.Client(base_url=f"{address}/shops/{self.domain}", timeout=60, verify=NO_TLS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.delete(f"/_admin/shops/{self.domain}")
        for client in (self.http, self.admin, self.shop):
            client.close()

    def create(self, **size: Any) -> dict[str, Any]:
        body = {"shop": self.domain, "seed": 7, "customers": 20, "orders": 30, "products": 10, **size}
        answer = self.http.post("/_admin/shops", json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def consent(self, scopes: str = SCOPES, state: str = "f00d") -> dict[str, str]:
        """Press Install; answer the parameters of the callback."""
        form = {"client_id": "client", "scope": scopes, "redirect_uri": CALLBACK, "state": state}
        answer = self.shop.post("/admin/oauth/authorize", data={**form, "decision": "install"})
        assert answer.status_code == 303, answer.text
        return dict(parse_qsl(urlsplit(answer.headers["location"]).query))

    def token_call(self, **fields: Any) -> httpx.Response:
        return self.shop.post(
            "/admin/oauth/access_token", json={"client_id": "client", "client_secret": SECRET, **fields}
        )

    def install(self, scopes: str = SCOPES) -> dict[str, Any]:
        answer = self.token_call(code=self.consent(scopes)["code"], expiring=1)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def graphql(
        self, token: str, query: str = "{ shop { name } }", variables: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        return self.shop.post(
            "/admin/api/2026-10/graphql.json",
            json={"query": query, "variables": variables or {}},
            headers={"X-Shopify-Access-Token": token},
        )

    def subscribe(self, token: str, topic: str, uri: str, **options: Any) -> str:
        subscription = {"uri": uri, "format": "JSON", **options}
        answer = self.graphql(token, SUBSCRIBE, {"topic": topic, "webhookSubscription": subscription})
        result = answer.json()["data"]["webhookSubscriptionCreate"]
        assert result["userErrors"] == [], result
        return str(result["webhookSubscription"]["id"])

    def control(self, path: str, **body: Any) -> Any:
        answer = self.admin.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def settle(self) -> None:
        assert self.control("deliveries/settle", deadline_seconds=20)["settled"]

    def look(self) -> dict[str, Any]:
        return dict(self.http.get(f"/_admin/shops/{self.domain}").json())

    def truth(self, resource: str) -> list[dict[str, Any]]:
        lines = self.admin.get(f"truth/{resource}").content.splitlines()
        return [dict(json.loads(line)) for line in lines]
