"""What the tests do to one shop: as its merchant, as the app, and as the administrator of the simulator."""

from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import httpx

from .serving import CALLBACK, SECRET

SCOPES = "read_customers,read_orders,read_products,read_inventory"
SUBSCRIBE = """
mutation Subscribe($topic: WebhookSubscriptionTopic!, $webhookSubscription: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $webhookSubscription) {
    webhookSubscription { id }
    userErrors { field message }
  }
}
"""


class Merchant:
    """One shop, reached by path."""

    def __init__(self, address: str, name: str) -> None:
        self.address = address
        self.domain = f"{name}.myshopify.com"
        self.admin = httpx.Client(base_url=f"{address}/_admin/shops/{self.domain}", timeout=30)
        self.shop = httpx.Client(base_url=f"{address}/shops/{self.domain}", timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.admin.close()
        self.shop.close()

    def create(self, **size: Any) -> dict[str, Any]:
        body = {"shop": self.domain, "seed": 7, "customers": 20, "orders": 30, "products": 10, **size}
        answer = httpx.post(f"{self.address}/_admin/shops", json=body, timeout=60)
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
        return dict(httpx.get(f"{self.address}/_admin/shops/{self.domain}").json())

    def truth(self, resource: str) -> list[dict[str, Any]]:
        lines = self.admin.get(f"truth/{resource}").text.splitlines()
        return [dict(httpx.Response(200, text=line).json()) for line in lines]
