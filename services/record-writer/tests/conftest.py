"""A database with this service's schema, and the two views of its neighbours that it reads, by their contract."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec
import psycopg
import pytest
from psycopg.rows import dict_row

from local_stack import schema
from local_stack.postgres import replace_database
from local_stack.repository import POSTGRES_SQL
from record_writer.compliance import ComplianceHandler
from record_writer.domain.redaction import Hasher
from record_writer.handlers import RecordHandler
from record_writer.upkeep import Upkeep
from sync_common.bus import Message, Outcome, in_transaction, one_by_one
from sync_common.contracts.events import RefetchRequested
from sync_common.contracts.records import RawRecord, RecordType, ShopWebhook, fetched, record_key
from sync_common.contracts.resources import Resource, Shape
from sync_common.db import Database
from sync_common.db.migrations import upgrade
from sync_common.runtime import ManualClock

MIGRATIONS = Path(__file__).parents[1] / "migrations"

NEIGHBOURS = """
CREATE TABLE gateway.stores_v1 (
    store_id bigint PRIMARY KEY, advertiser_id bigint NOT NULL, shop_domain text NOT NULL, name text,
    redact_preference text NOT NULL DEFAULT 'erase'
);
CREATE TABLE fetcher.installations_v1 (
    store_id bigint PRIMARY KEY, advertiser_id bigint NOT NULL, installation_id bigint, shop_domain text NOT NULL,
    status text NOT NULL, generation integer NOT NULL DEFAULT 1, connected_at timestamptz,
    disconnected_at timestamptz, shopify_shop_id bigint
);
GRANT SELECT ON gateway.stores_v1, fetcher.installations_v1 TO svc_record_writer;
INSERT INTO gateway.stores_v1 (store_id, advertiser_id, shop_domain) VALUES
    (1, 10, 'acme.myshopify.com'), (2, 20, 'acme.myshopify.com'), (3, 10, 'other.myshopify.com');
INSERT INTO fetcher.installations_v1 (store_id, advertiser_id, installation_id, shop_domain, status, connected_at)
VALUES (1, 10, 1, 'acme.myshopify.com', 'connected', '2026-01-01Z'),
       (2, 20, 1, 'acme.myshopify.com', 'connected', '2026-01-01Z'),
       (3, 10, 2, 'other.myshopify.com', 'connected', '2026-01-01Z');
"""


@pytest.fixture(scope="session")
def records_template(postgres_url: str) -> Iterator[str]:
    name = f"records_{uuid4().hex[:10]}"
    url = schema.create_database(postgres_url, name)
    roles = (POSTGRES_SQL / "roles.sql").read_bytes()
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute("SELECT pg_advisory_lock(%s)", [0x53484F50])  # roles belong to the whole server
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(roles)
    upgrade(replace_database(url, name, "migrate_record_writer"), migrations=MIGRATIONS, schema="records")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(NEIGHBOURS)
    yield name
    schema.drop_database(postgres_url, name)


@pytest.fixture
def records_url(postgres_url: str, records_template: str) -> Iterator[str]:
    """Return the superuser address of a fresh database with three stores: two of one shop, one of another."""
    name = f"records_{uuid4().hex[:12]}"
    yield schema.create_database(postgres_url, name, template=records_template)
    schema.drop_database(postgres_url, name)


@pytest.fixture
async def database(records_url: str) -> AsyncIterator[Database]:
    """Return the pool that the service would have: under its own role."""
    name = records_url.rsplit("/", 1)[1]
    url = replace_database(records_url, name, "svc_record_writer")
    found = Database.from_url(url, application_name="test", pool_size=4)
    yield found
    await found.close()


def at(seconds: float) -> datetime:
    """Return an instant of the tests' one day."""
    return datetime(2026, 6, 1, 12, tzinfo=UTC) + timedelta(seconds=seconds)


def stamp(seconds: float) -> str:
    """Return an instant as GraphQL writes it."""
    return at(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def graphql_customer(number: int = 1, updated: float = 0, **fields: Any) -> dict[str, Any]:
    address = {
        "id": f"gid://shopify/MailingAddress/{number}?model_name=CustomerAddress",
        "firstName": "Ada",
        "lastName": "Lovelace",
        "name": "Ada Lovelace",
        "company": None,
        "address1": "1 Main St",
        "address2": None,
        "city": "London",
        "province": None,
        "provinceCode": None,
        "country": "United Kingdom",
        "countryCodeV2": "GB",
        "zip": "N1",
        "phone": None,
    }
    return {
        "id": f"gid://shopify/Customer/{number}",
        "legacyResourceId": str(number),
        "firstName": "Ada",
        "lastName": "Lovelace",
        "displayName": "Ada Lovelace",
        "state": "ENABLED",
        "note": None,
        "tags": ["vip", "b2b"],
        "locale": "en",
        "taxExempt": False,
        "verifiedEmail": True,
        "numberOfOrders": "2",
        "amountSpent": {"amount": "12.5", "currencyCode": "USD"},
        "lastOrder": {"id": "gid://shopify/Order/1", "createdAt": stamp(-60), "processedAt": stamp(-60)},
        "defaultEmailAddress": {
            "emailAddress": f"ada{number}@example.com",
            "validFormat": True,
            "marketingState": "SUBSCRIBED",
            "marketingOptInLevel": "SINGLE_OPT_IN",
            "marketingUpdatedAt": stamp(-3600),
        },
        "defaultPhoneNumber": {"phoneNumber": "+4412345678", "smsMarketingConsent": None},
        "defaultAddress": {"id": address["id"]},
        "addressesV2": {"nodes": [address]},
        "createdAt": stamp(-86400),
        "updatedAt": stamp(updated),
        **fields,
    }


def rest_customer(number: int = 1, updated: float = 0, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/Customer/{number}",
        "email": f"ada{number}@example.com",
        "phone": "+4412345678",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "state": "enabled",
        "note": None,
        "verified_email": True,
        "tax_exempt": False,
        "addresses": [],
        "default_address": None,
        "created_at": stamp(-86400),
        "updated_at": stamp(updated),
        **fields,
    }


def _bag(amount: str) -> dict[str, Any]:
    money = {"amount": amount, "currencyCode": "USD"}
    return {"shopMoney": money, "presentmentMoney": money}


def graphql_order(
    number: int = 100, updated: float = 0, customer: int | None = 1, **fields: Any
) -> dict[str, Any]:
    line = {
        "id": f"gid://shopify/LineItem/{number}1",
        "title": "Shirt",
        "name": "Shirt - L",
        "variantTitle": "L",
        "sku": "S-L",
        "vendor": "Acme",
        "quantity": 2,
        "currentQuantity": 2,
        "isGiftCard": False,
        "originalUnitPriceSet": _bag("10.0"),
        "totalDiscountSet": _bag("0.0"),
        "discountedTotalSet": _bag("20.0"),
        "product": {"id": "gid://shopify/Product/7", "legacyResourceId": "7"},
        "variant": {"id": "gid://shopify/ProductVariant/8", "legacyResourceId": "8"},
    }
    reference = {"id": f"gid://shopify/Customer/{customer}", "legacyResourceId": str(customer)}
    sums = {
        name: _bag(amount)
        for name, amount in {
            "subtotalPriceSet": "20.0",
            "totalTaxSet": "0.0",
            "totalDiscountsSet": "0.0",
            "totalPriceSet": "20.0",
            "currentSubtotalPriceSet": "20.0",
            "currentTotalTaxSet": "0.0",
            "currentTotalDiscountsSet": "0.0",
            "currentTotalPriceSet": "20.0",
            "totalRefundedSet": "0.0",
        }.items()
    }
    return {
        "id": f"gid://shopify/Order/{number}",
        "legacyResourceId": str(number),
        "name": f"#{number}",
        "number": number,
        "email": f"ada{customer}@example.com" if customer else None,
        "phone": None,
        "customer": reference if customer else None,
        "displayFinancialStatus": "PAID",
        "displayFulfillmentStatus": "UNFULFILLED",
        "returnStatus": "NO_RETURN",
        "currencyCode": "USD",
        "presentmentCurrencyCode": "USD",
        "taxesIncluded": False,
        **sums,
        "discountCodes": ["TEN"],
        "lineItems": {"nodes": [line]},
        "shippingAddress": None,
        "billingAddress": None,
        "customerLocale": "en",
        "customerAcceptsMarketing": True,
        "tags": ["b", "a"],
        "note": None,
        "sourceName": "web",
        "statusPageUrl": "https://acme.example/orders/1",
        "test": False,
        "confirmed": True,
        "edited": False,
        "cancelReason": None,
        "cancelledAt": None,
        "closedAt": None,
        "processedAt": stamp(-100),
        "createdAt": stamp(-90),
        "updatedAt": stamp(updated),
        **fields,
    }


def rest_order(
    number: int = 100, updated: float = 0, customer: int | None = 1, **fields: Any
) -> dict[str, Any]:
    """Return the order webhook that says the same as `graphql_order`."""
    line = {
        "id": int(f"{number}1"),
        "title": "Shirt",
        "variant_title": "L",
        "sku": "S-L",
        "vendor": "Acme",
        "quantity": 2,
        "current_quantity": 2,
        "gift_card": False,
        "price": "10.00",
        "total_discount": "0.00",
        "product_id": 7,
        "variant_id": 8,
    }
    return {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/Order/{number}",
        "name": f"#{number}",
        "order_number": number,
        "email": f"ada{customer}@example.com" if customer else "",
        "phone": None,
        "customer": {"id": customer} if customer else None,
        "financial_status": "paid",
        "fulfillment_status": None,
        "currency": "USD",
        "presentment_currency": "USD",
        "taxes_included": False,
        "subtotal_price": "20.00",
        "total_tax": "0.00",
        "total_discounts": "0.00",
        "total_price": "20.00",
        "total_price_set": {"shop_money": {"amount": "20.00"}, "presentment_money": {"amount": "20.00"}},
        "current_subtotal_price": "20.00",
        "current_total_tax": "0.00",
        "current_total_discounts": "0.00",
        "current_total_price": "20.00",
        "refunds": [],
        "discount_codes": [{"code": "TEN", "amount": "0.00", "type": "percentage"}],
        "line_items": [line],
        "shipping_address": None,
        "billing_address": None,
        "customer_locale": "en",
        "buyer_accepts_marketing": True,
        "tags": "a, b",
        "note": "",
        "source_name": "web",
        "order_status_url": "https://acme.example/orders/1",
        "test": False,
        "confirmed": True,
        "cancel_reason": None,
        "cancelled_at": None,
        "closed_at": None,
        "processed_at": at(-100).astimezone(ZoneInfo("America/New_York")).isoformat(),
        "created_at": at(-90).astimezone(ZoneInfo("America/New_York")).isoformat(),
        "updated_at": at(updated).astimezone(ZoneInfo("America/New_York")).isoformat(),
        **fields,
    }


def graphql_product(number: int = 7, updated: float = 0, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/Product/{number}",
        "legacyResourceId": str(number),
        "title": "Shirt",
        "handle": "shirt",
        "descriptionHtml": "<p>Soft <b>cotton</b></p>",
        "productType": "Shirts",
        "vendor": "Acme",
        "tags": ["cotton", "mens"],
        "status": "ACTIVE",
        "isGiftCard": False,
        "totalInventory": 3,
        "tracksInventory": True,
        "onlineStoreUrl": None,
        "options": [],
        "media": {
            "nodes": [
                {
                    "alt": "front",
                    "mediaContentType": "IMAGE",
                    "image": {
                        "url": "https://cdn.example/1.png",
                        "altText": "front",
                        "width": 10,
                        "height": 20,
                    },
                }
            ]
        },
        "variants": {
            "nodes": [
                {
                    "id": "gid://shopify/ProductVariant/8",
                    "legacyResourceId": "8",
                    "title": "L",
                    "position": 1,
                    "sku": "S-L",
                    "barcode": "",
                    "price": "10.0",
                    "compareAtPrice": None,
                    "inventoryQuantity": 3,
                    "inventoryPolicy": "DENY",
                    "availableForSale": True,
                    "selectedOptions": [{"name": "Size", "value": "L"}],
                }
            ]
        },
        "publishedAt": stamp(-500),
        "createdAt": stamp(-1000),
        "updatedAt": stamp(updated),
        **fields,
    }


def rest_product(number: int = 7, updated: float = 0, **fields: Any) -> dict[str, Any]:
    """Return the product webhook that says the same as `graphql_product`."""
    return {
        "id": number,
        "title": "Shirt",
        "handle": "shirt",
        "body_html": "<p>Soft <b>cotton</b></p>",
        "product_type": "Shirts",
        "vendor": "Acme",
        "tags": "mens, cotton",
        "status": "active",
        "options": [],
        "images": [
            {"src": "https://cdn.example/1.png", "alt": "front", "width": 10, "height": 20, "position": 1}
        ],
        "variants": [
            {
                "id": 8,
                "title": "L",
                "position": 1,
                "sku": "S-L",
                "barcode": None,
                "price": "10.00",
                "compare_at_price": None,
                "inventory_quantity": 3,
                "inventory_policy": "deny",
                "option1": "L",
                "option2": None,
                "option3": None,
            }
        ],
        "variant_gids": [{"admin_graphql_api_id": "gid://shopify/ProductVariant/8"}],
        "published_at": stamp(-500),
        "created_at": stamp(-1000),
        "updated_at": stamp(updated),
        **fields,
    }


SHOP = "acme.myshopify.com"
OF_TOPIC = {
    "customer": Resource.CUSTOMERS,
    "order": Resource.ORDERS,
    "refund": Resource.ORDERS,
    "product": Resource.PRODUCTS,
}


class Records:
    """Records of an imaginary shop, in both dialects; a pair of builders says the same thing twice."""

    at = staticmethod(at)
    stamp = staticmethod(stamp)
    graphql_customer = staticmethod(graphql_customer)
    rest_customer = staticmethod(rest_customer)
    graphql_order = staticmethod(graphql_order)
    rest_order = staticmethod(rest_order)
    graphql_product = staticmethod(graphql_product)
    rest_product = staticmethod(rest_product)


@pytest.fixture(scope="session")
def records() -> type[Records]:
    return Records


class World(Records):
    """Everything a test does to the writer: messages in, rows and owed events out."""

    def __init__(
        self, database: Database, url: str, superuser: psycopg.AsyncConnection[dict[str, Any]]
    ) -> None:
        self.database = database
        self.superuser = superuser
        self.url = url
        self.clock = ManualClock(at(0))
        self.hasher = Hasher(b"a secret of the tests, long enough")
        self.handlers = {resource: RecordHandler(resource, self.hasher, self.clock) for resource in Resource}
        self._offset = 0

    def webhook(
        self,
        topic: str,
        body: dict[str, Any],
        observed: float,
        *,
        shop: str = SHOP,
        webhook_id: str | None = None,
    ) -> RawRecord:
        value = msgspec.json.encode(body)
        resource = next(found for prefix, found in OF_TOPIC.items() if topic.startswith(prefix))
        return RawRecord(
            type=RecordType.DELIVERED,
            resource=resource,
            shop=shop,
            record_id=str(body.get("id", "1")),
            observed_at=at(observed),
            body=value,
            shape=Shape.REST,
            event_id=uuid4().hex,
            source="webhook-ingest",
            occurred_at=at(observed),
            digest=sha256(value).hexdigest(),
            webhook_topic=topic,
            webhook_id=webhook_id or uuid4().hex,
            triggered_at=at(observed),
        )

    def read(
        self,
        resource: Resource,
        body: dict[str, Any],
        observed: float,
        *,
        job_id: int | None = 5,
        store_id: int = 1,
        advertiser_id: int = 10,
        shop: str = SHOP,
        epoch: int = 1,
    ) -> RawRecord:
        """Return a record read by a job, or by id where job_id is None."""
        return fetched(
            resource=resource,
            shop=shop,
            record_id=str(body["legacyResourceId"]),
            body=msgspec.json.encode(body),
            observed_at=at(observed),
            now=at(observed),
            source="sync-orchestrator",
            api_version="2026-10",
            store_id=None if job_id is None else store_id,
            advertiser_id=None if job_id is None else advertiser_id,
            job_id=job_id,
            epoch=None if job_id is None else epoch,
        )

    def gone(self, resource: Resource, number: int, observed: float, shop: str = SHOP) -> RawRecord:
        return fetched(
            resource=resource,
            shop=shop,
            record_id=str(number),
            body=b"",
            observed_at=at(observed),
            now=at(observed),
            source="sync-orchestrator",
            api_version="2026-10",
            gone=True,
        )

    def message(self, raw: RawRecord, partition: int = 0) -> Message:
        self._offset += 1
        return Message(
            topic=f"shopify.{raw.resource}.{'sync' if raw.store_id else 'live'}.v1",
            partition=partition,
            offset=self._offset,
            key=record_key(raw.shop, raw.record_id),
            value=raw.body,
            headers=raw.envelope().to_headers(),
            timestamp_ms=0,
        )

    async def write(self, *raws: RawRecord, partition: int = 0) -> Sequence[Outcome]:
        """Hand records to the writer as one batch, as the bus would: one transaction."""
        handle = in_transaction(self.database, self.handlers[raws[0].resource])
        return await handle([self.message(raw, partition) for raw in raws])

    async def comply(self, topic: str, body: dict[str, Any], observed: float, *, shop: str = SHOP) -> Outcome:
        """Hand one compliance request to its handler, as the bus would."""
        value = msgspec.json.encode({"shop_domain": SHOP, **body})
        webhook = ShopWebhook(
            topic=topic,
            shop=shop,
            observed_at=at(observed),
            body=value,
            event_id=uuid4().hex,
            source="webhook-ingest",
            occurred_at=at(observed),
            digest=sha256(value).hexdigest(),
            webhook_id=uuid4().hex,
        )
        headers = webhook.envelope().to_headers()
        message = Message("shopify.compliance.v1", 0, 0, shop.encode(), value, headers, 0)
        handler = one_by_one(ComplianceHandler(self.hasher, self.clock))
        (outcome,) = await in_transaction(self.database, handler)([message])
        return outcome

    def upkeep(self) -> Upkeep:
        return Upkeep(self.database, self.clock, sweep_seconds=1)

    async def execute(self, statement: str, **parameters: Any) -> None:
        """Change what the neighbours' views say."""
        await self.superuser.execute(statement.encode(), parameters)

    async def rows(self, statement: str, **parameters: Any) -> list[dict[str, Any]]:
        """Return rows as the superuser sees them."""
        async with await psycopg.AsyncConnection.connect(
            self.url, row_factory=dict_row, autocommit=True
        ) as connection:
            return await (await connection.execute(statement.encode(), parameters)).fetchall()

    async def row(self, table: str, external_id: object, store_id: int = 1) -> dict[str, Any]:
        """Return one mirrored row, or an empty dict."""
        found = await self.rows(
            f"SELECT *, xmin::text FROM records.{table} WHERE source_id = %(store)s AND external_id = %(id)s",
            store=store_id,
            id=str(external_id),
        )
        return found[0] if found else {}

    async def rows_as(
        self, role: str, statement: str, *, advertiser_id: int | None = None
    ) -> list[dict[str, Any]]:
        """Return rows as another service sees them, for one advertiser where given."""
        url = replace_database(self.url, self.url.rsplit("/", 1)[1], role)
        async with await psycopg.AsyncConnection.connect(url, row_factory=dict_row) as connection:
            setting = "" if advertiser_id is None else str(advertiser_id)
            await connection.execute("SELECT set_config('app.advertiser_id', %s, true)", [setting])
            return await (await connection.execute(statement.encode())).fetchall()

    async def books(self, **only: Any) -> list[dict[str, Any]]:
        """Return the jobs' books as the orchestrator reads them."""
        books = "SELECT * FROM records.job_books_v1 ORDER BY job_id, resource, epoch"
        rows = await self.rows_as("svc_sync_orchestrator", books)
        return [row for row in rows if only.items() <= row.items()]

    async def refetches(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """Return the refetches owed so far: resource, reason and ids."""
        events = [
            RefetchRequested.model_validate_json(row["body"])
            for row in await self.rows(
                "SELECT body FROM records.outbox WHERE topic = 'refetch.requested.v1' ORDER BY id"
            )
        ]
        return [(event.resource, event.reason, event.record_ids) for event in events]


@pytest.fixture
async def world(database: Database, records_url: str) -> AsyncIterator[World]:
    async with await psycopg.AsyncConnection.connect(
        records_url, row_factory=dict_row, autocommit=True
    ) as superuser:
        yield World(database, records_url, superuser)
