"""The top-level keys of webhook bodies: those of Shopify's own examples, with which a test compares them."""

from collections.abc import Iterable
from typing import Final


def _keys(words: str) -> frozenset[str]:
    return frozenset(words.split())


_CUSTOMER: Final = _keys("""
    addresses admin_graphql_api_id created_at currency default_address email first_name id last_name
    multipass_identifier note phone state tax_exempt tax_exemptions updated_at verified_email
""")
_TAGS: Final = _keys("customerId occurredAt tags")
_ORDER: Final = _keys("""
    admin_graphql_api_id app_id billing_address browser_ip buyer_accepts_marketing cancel_reason
    cancelled_at cart_token checkout_token client_details closed_at confirmation_number confirmed
    contact_email created_at currency current_shipping_price_set current_subtotal_price
    current_subtotal_price_set current_total_additional_fees_set current_total_discounts
    current_total_discounts_set current_total_duties_set current_total_price current_total_price_set
    current_total_tax current_total_tax_set customer customer_locale device_id discount_applications
    discount_codes duties_included email estimated_taxes financial_status fulfillment_status fulfillments
    id landing_site landing_site_ref line_item_groups line_items location_id merchant_business_entity_id
    merchant_of_record_app_id name note note_attributes number order_number order_status_url
    original_total_additional_fees_set original_total_duties_set payment_gateway_names payment_terms phone
    po_number presentment_currency processed_at reference referring_site refunds returns shipping_address
    shipping_lines source_identifier source_name source_url subtotal_price subtotal_price_set tags
    tax_exempt tax_lines taxes_included test token total_cash_rounding_payment_adjustment_set
    total_cash_rounding_refund_adjustment_set total_discounts total_discounts_set total_line_items_price
    total_line_items_price_set total_outstanding total_price total_price_set total_shipping_price_set
    total_tax total_tax_set total_tip_received total_weight updated_at user_id
""")
_PRODUCT: Final = _keys("""
    admin_graphql_api_id body_html category created_at handle has_variants_that_requires_components id
    image images media options product_type published_at published_scope status tags template_suffix title
    updated_at variant_gids variants vendor
""")

KEYS: Final[dict[str, frozenset[str]]] = {
    "customers/create": _CUSTOMER,
    "customers/update": _CUSTOMER,
    "customers/enable": _CUSTOMER,
    "customers/disable": _CUSTOMER,
    "customers/delete": _keys("admin_graphql_api_id id tax_exemptions"),
    "customers/merge": _keys("""
    admin_graphql_api_customer_deleted_id admin_graphql_api_customer_kept_id admin_graphql_api_job_id errors
    status
"""),
    "customers/purchasing_summary": _keys("amountSpent customerId lastOrderId numberOfOrders occurredAt"),
    "customer.tags_added": _TAGS,
    "customer.tags_removed": _TAGS,
    "customers_email_marketing_consent/update": _keys("customer_id email_address email_marketing_consent"),
    "customers_marketing_consent/update": _keys("id phone sms_marketing_consent"),
    "orders/create": _ORDER,
    "orders/updated": _ORDER,
    "orders/cancelled": _ORDER,
    "orders/edited": _keys("order_edit"),
    "orders/delete": _keys("id"),
    "refunds/create": _keys("""
    admin_graphql_api_id created_at duties id note order_adjustments order_id processed_at
    refund_line_items refund_shipping_lines restock return total_duties_set transactions user_id
"""),
    "products/create": _PRODUCT,
    "products/update": _PRODUCT,
    "products/delete": _keys("id"),
    "customers/data_request": _keys("customer data_request orders_requested shop_domain shop_id"),
    "customers/redact": _keys("customer orders_to_redact shop_domain shop_id"),
    "shop/redact": _keys("shop_domain shop_id"),
}


def unknown_keys(topic: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the keys of a body that Shopify's example of its topic has not."""
    known = KEYS[topic]
    return () if known.issuperset(names) else tuple(sorted(set(names) - known))
