"""Every entity of the product's requirements is there, attribute by attribute, and so are its indexes."""

import re

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
    "public.contacts": """
        id advertiser_id source_type source_id external_id email phone first_name last_name accepts_marketing
        accepts_marketing_updated_at marketing_opt_in_level tags note state total_spent orders_count last_order_at
        first_order_at default_address addresses metadata created_at_source updated_at_source created_at updated_at
        display_name from_shopify marketable admin_url""",
    "public.orders": """
        id advertiser_id source_type source_id contact_id external_id order_number email financial_status
        fulfillment_status currency subtotal total_tax total_discounts total_price line_items discount_codes
        shipping_address billing_address customer_locale tags note cancelled_at cancel_reason closed_at metadata
        ordered_at created_at_source updated_at_source created_at updated_at from_shopify paid refunded
        admin_url""",
    "public.products": """
        id advertiser_id source_type source_id external_id title description product_type vendor tags status variants
        images handle published_at metadata created_at_source updated_at_source created_at updated_at
        from_shopify in_stock primary_image_url admin_url""",
}
INDEXED = {
    "records.contacts": {
        "btree (advertiser_id, email_key)",
        "gin (tags)",
        "btree (advertiser_id, total_spent)",
        "btree (advertiser_id, last_order_at)",
    },
    "records.orders": {
        "btree (advertiser_id, ordered_at DESC)",
        "btree (advertiser_id, contact_id)",
        "btree (advertiser_id, financial_status)",
        "gin (product_ids)",
    },
    "records.products": {"btree (advertiser_id, status)", "gin (tags)", "gin (search)"},
    "sync.sync_jobs": {"btree (store_id, created_at DESC)", "btree (status, created_at)"},
}
MIRROR = ("records.contacts", "records.orders", "records.products")
KEYS = {
    **dict.fromkeys(MIRROR, ("(advertiser_id, id)", "(advertiser_id, source_type, source_id, external_id)")),
    "gateway.shopify_stores": ("(advertiser_id, id)", "(advertiser_id, shop_domain)"),
    "sync.sync_jobs": (
        "(advertiser_id, job_id)",
        "(advertiser_id, store_id, schedule_slot) WHERE (schedule_slot IS NOT NULL)",
        "(advertiser_id, store_id, slot) WHERE (status = ANY (ARRAY['pending'::text, 'running'::text]))",
    ),
}
FREQUENCIES = "realtime every_15_min hourly every_6_hours daily manual"
VALUES = {
    "gateway.advertisers.redact_preference": "erase anonymise",
    "gateway.memberships.role": "owner admin member",
    "gateway.invitations.role": "admin member",
    "gateway.shopify_stores.sync_frequency": FREQUENCIES,
    "gateway.shopify_stores.products_frequency": FREQUENCIES,
    "fetcher.connections.status": "connected disconnected",
    "fetcher.connections.disconnect_reason": "token_expired app_uninstalled user_requested api_error",
    "fetcher.bulk_operations.status": "starting running completed failed",
    "sync.store_state.status": "connected disconnected error syncing",
    "sync.store_state.last_sync_status": "success failed partial",
    "sync.sync_jobs.job_type":
        "full_sync incremental_sync customers_only orders_only products_only backfill",
    "sync.sync_jobs.status": "pending running completed failed cancelled",
    "sync.sync_jobs.triggered_by": "user schedule webhook system",
    "sync.sync_job_parts.state": "waiting running published done failed skipped",
    "sync.sync_job_parts.mode": "bulk paged",
    "sync.sync_job_parts.skip_reason": "not_due scope_missing",
    "sync.checks.reason": "full_sync backfill user",
    "sync.checks.state": "waiting running done failed cancelled",
    "sync.deletions.state": "waiting deleting deleted kept restoring undone",
    "records.contacts.state": "enabled disabled invited declined",
    "records.orders.financial_status":
        "pending authorized partially_paid paid partially_refunded refunded voided expired",
    "records.orders.fulfillment_status": "fulfilled partial unfulfilled",
    "records.products.status": "active archived draft",
    "records.redactions.kind": "store customer order email",
    "records.compliance_receipts.outcome": "done ignored",
    "records.job_ledger.outcome": "created updated unchanged skipped failed",
    "notify.emails.state": "pending sent failed unknown",
    "notify.emails.template":
        "shopify_sync_complete shopify_sync_failed shopify_store_disconnected advertiser_invitation password_reset",
    **dict.fromkeys(
        (
            "fetcher.bulk_operations.resource", "sync.sync_job_parts.resource", "sync.watermarks.resource",
            "sync.proofs.resource", "sync.deletions.resource", "sync.refetch_queue.resource",
            "records.tombstones.resource",
            "records.job_ledger.resource", "records.job_tallies.resource", "records.job_marks.resource",
            "records.job_books.resource", "records.row_tallies.resource",
        ),
        "customers orders products",
    ),
}  # fmt: skip
MONEY = ("total_spent", "subtotal", "total_tax", "total_discounts", "total_price", "refunded_total")


@pytest.mark.parametrize("entity", ENTITIES)
def test_entity_has_every_attribute(catalogue: StackDatabase, entity: str) -> None:
    with psycopg.connect(catalogue.url()) as connection:
        cursor = connection.execute(f"SELECT * FROM {entity} LIMIT 0".encode())
        columns = {column.name for column in cursor.description or ()}

    assert set(ENTITIES[entity].split()) - columns == set()
    assert not {name for name in columns if "token" in name or "secret" in name}


def indexes(database: StackDatabase, table: str, *, unique: bool) -> list[str]:
    """Return a table's indexes as the catalogue spells them, from the method on; of unique ones the columns on."""
    with psycopg.connect(database.url()) as connection:
        rows = connection.execute(
            """SELECT pg_get_indexdef(indexrelid) FROM pg_index
               WHERE indrelid = %s::regclass AND indisunique = %s AND indisvalid ORDER BY 1""",
            [table, unique],
        ).fetchall()
    return [
        definition.partition(" USING ")[2].removeprefix("btree " if unique else "") for (definition,) in rows
    ]


@pytest.mark.parametrize("table", INDEXED)
def test_entity_has_its_indexes(catalogue: StackDatabase, table: str) -> None:
    assert INDEXED[table] - set(indexes(catalogue, table, unique=False)) == set()


@pytest.mark.parametrize("table", KEYS)
def test_entity_has_its_keys_and_no_others(catalogue: StackDatabase, table: str) -> None:
    assert tuple(sorted(indexes(catalogue, table, unique=True))) == KEYS[table]


def test_columns_take_the_listed_values_only(catalogue: StackDatabase) -> None:
    with psycopg.connect(catalogue.url()) as connection:
        rows = connection.execute(
            """SELECT conrelid::regclass || '.' || attname, pg_get_constraintdef(con.oid)
               FROM pg_constraint con JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
               WHERE contype = 'c' AND convalidated AND cardinality(conkey) = 1
                 AND pg_get_constraintdef(con.oid) LIKE '%= ANY (ARRAY[%'"""
        ).fetchall()

    assert {column: " ".join(re.findall("'([^']+)'::text", check)) for column, check in rows} == VALUES


def test_record_without_a_version_is_older_than_any(catalogue: StackDatabase) -> None:
    """A version that were NULL would make every comparison with it silently false."""
    with psycopg.connect(catalogue.url()) as connection:
        rows = connection.execute(
            """SELECT DISTINCT attnotnull, pg_get_expr(adbin, adrelid), count(*) FROM pg_attribute
               LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
               WHERE attrelid = ANY (%s::regclass[]) AND attname IN ('updated_at_source', 'observed_at')
               GROUP BY 1, 2""",
            [list(MIRROR)],
        ).fetchall()

    assert rows == [(True, "'-infinity'::timestamp with time zone", 6)]


def test_order_refers_to_a_contact_of_its_own_tenant(catalogue: StackDatabase) -> None:
    with psycopg.connect(catalogue.url()) as connection:
        rows = connection.execute(
            """SELECT pg_get_constraintdef(oid) FROM pg_constraint
               WHERE contype = 'f' AND conrelid = 'records.orders'::regclass"""
        ).fetchall()

    assert rows == [
        (
            "FOREIGN KEY (advertiser_id, contact_id) REFERENCES records.contacts(advertiser_id, id)"
            " ON DELETE SET NULL (contact_id)",
        )
    ]


def test_money_keeps_twenty_digits_and_four_decimals(catalogue: StackDatabase) -> None:
    with psycopg.connect(catalogue.url()) as connection:
        types = connection.execute(
            """SELECT DISTINCT format_type(atttypid, atttypmod) FROM pg_attribute
               WHERE attrelid IN ('records.contacts'::regclass, 'records.orders'::regclass) AND attname = ANY (%s)""",
            [list(MONEY)],
        ).fetchall()

    assert types == [("numeric(20,4)",)]


def test_contact_that_people_enter_has_an_email_or_a_phone(catalogue: StackDatabase) -> None:
    """Shopify has customers with neither; whoever is typed in or uploaded must be reachable."""
    enter = """INSERT INTO records.contacts (advertiser_id, source_type, source_id, external_id, phone)
               VALUES (1, %s, 1, '1', %s)"""

    with psycopg.connect(catalogue.url()) as connection:
        connection.execute(enter, ["ShopifyStore", None])
        connection.execute(enter, ["CsvImport", "+31 6 1234"])
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(enter, ["ManualUpload", None])
        connection.rollback()
