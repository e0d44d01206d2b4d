"""Every entity of the product's requirements is there, attribute by attribute, and so are its indexes."""

import psycopg
import pytest

from local_stack.testing import StackDatabase

ENTITIES = {
    "public.shopify_stores": """
        id advertiser_id shop_domain access_scopes name status last_sync_at last_sync_status last_sync_error
        sync_frequency initial_sync_completed shopify_shop_id shop_owner email currency timezone plan_name
        webhooks_installed created_at updated_at""",
    "public.sync_jobs": """
        id advertiser_id shopify_store_id job_type status started_at completed_at records_processed records_created
        records_updated records_failed error_message error_details estimated_duration actual_duration triggered_by
        triggered_by_user_id sidekiq_jid created_at updated_at""",
    "records.contacts": """
        advertiser_id source_type source_id external_id email phone first_name last_name accepts_marketing
        accepts_marketing_updated_at marketing_opt_in_level tags note state total_spent orders_count last_order_at
        first_order_at default_address addresses metadata created_at_source updated_at_source created_at updated_at
        display_name marketable""",
    "records.orders": """
        advertiser_id source_type source_id contact_id external_id order_number email financial_status
        fulfillment_status currency subtotal total_tax total_discounts total_price line_items discount_codes
        shipping_address billing_address customer_locale tags note cancelled_at cancel_reason closed_at metadata
        ordered_at created_at_source updated_at_source created_at updated_at product_ids paid refunded""",
    "records.products": """
        advertiser_id source_type source_id external_id title description product_type vendor tags status variants
        images handle published_at metadata created_at_source updated_at_source created_at updated_at
        in_stock primary_image_url""",
}
INDEXED = {
    "records.contacts": [
        "advertiser_id, lower(email)", "tags", "advertiser_id, total_spent", "advertiser_id, last_order_at",
    ],
    "records.orders": [
        "advertiser_id, ordered_at DESC", "advertiser_id, contact_id", "advertiser_id, financial_status", "product_ids",
    ],
    "records.products": ["advertiser_id, status", "tags", "search"],
}  # fmt: skip
UNIQUE = "advertiser_id, source_type, source_id, external_id"
MONEY = ("total_spent", "subtotal", "total_tax", "total_discounts", "total_price", "refunded_total")


@pytest.mark.parametrize("entity", ENTITIES)
def test_entity_has_every_attribute(stack_database: StackDatabase, entity: str) -> None:
    with psycopg.connect(stack_database.url()) as connection:
        cursor = connection.execute(f"SELECT * FROM {entity} LIMIT 0".encode())
        columns = {column.name for column in cursor.description or ()}

    assert set(ENTITIES[entity].split()) - columns == set()
    assert not {name for name in columns if "token" in name or "secret" in name}


@pytest.mark.parametrize("table", INDEXED)
def test_entity_has_its_indexes_and_its_unique_key(stack_database: StackDatabase, table: str) -> None:
    with psycopg.connect(stack_database.url()) as connection:
        rows = connection.execute(
            "SELECT pg_get_indexdef(indexrelid), indisunique FROM pg_index WHERE indrelid = %s::regclass",
            [table],
        ).fetchall()
    keys = {definition.partition("(")[2].rpartition(")")[0]: unique for definition, unique in rows}

    assert [key for key in INDEXED[table] if key not in keys] == []
    assert keys[UNIQUE]


def test_money_keeps_twenty_digits_and_four_decimals(stack_database: StackDatabase) -> None:
    with psycopg.connect(stack_database.url()) as connection:
        types = connection.execute(
            """SELECT DISTINCT format_type(atttypid, atttypmod) FROM pg_attribute
               WHERE attrelid IN ('records.contacts'::regclass, 'records.orders'::regclass) AND attname = ANY (%s)""",
            [list(MONEY)],
        ).fetchall()

    assert types == [("numeric(20,4)",)]
