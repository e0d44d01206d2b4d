"""Statements that are algorithms live in queries/*.sql; what differs per table is filled in here."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from sqlalchemy import ARRAY, Text
from sqlalchemy.dialects.postgresql import JSONB

from record_writer.domain import customers, orders
from record_writer.domain.rows import ROWS
from record_writer.store.tables import MIRROR
from sync_common.contracts.resources import Resource

DEFAULTS = {
    "accepts_marketing": "false",
    "tags": "'{}'::text[]",
    "total_spent": "0",
    "orders_count": "0",
    "addresses": "'[]'::jsonb",
    "metadata": "'{}'::jsonb",
    "line_items": "'[]'::jsonb",
    "product_ids": "'{}'::text[]",
    "discount_codes": "'[]'::jsonb",
    "variants": "'[]'::jsonb",
    "images": "'[]'::jsonb",
}
"""What a column holds that no payload has carried yet."""

LINKS = {
    "contact_id": "coalesce(customer.id, namesake.id)",
    "match_rank": "CASE WHEN customer.id IS NOT NULL THEN 3 ELSE coalesce(namesake.rank, 0) END",
}
"""The columns of an order that no payload carries: its contact, see queries/staged_orders.sql."""

CONSENT = (
    "accepts_marketing",
    "accepts_marketing_updated_at",
    "marketing_opt_in_level",
    "email_marketing_state",
)
PROTECTED = {
    Resource.CUSTOMERS: customers.PROTECTED,
    Resource.ORDERS: orders.PROTECTED,
    Resource.PRODUCTS: (),
}
"""Columns that Shopify's data protection nulls all at once; then they must not erase what is stored."""

PRODUCTS_STATUS = {
    "archived": ", status = 'archived', archived_from = status",
    "unarchived": ", status = archived_from, archived_from = NULL",
}
"""A product that is deleted is archived too, and no longer when its deletion is taken back."""


@cache
def query(name: str) -> str:
    """Return the statement of queries/<name>.sql."""
    return files("record_writer.store").joinpath("queries", f"{name}.sql").read_text(encoding="utf-8")


@cache
def statement(name: str, resource: Resource) -> str:
    """Return a statement about one resource's table."""
    columns = _columns(resource)
    return query(name).format(
        table=MIRROR[resource].name,
        columns=", ".join(columns),
        data_columns=", ".join(data_columns(resource)),
        **{kind: ", ".join(names) for kind, names in layout(resource)._asdict().items()},
        values=", ".join(LINKS.get(column) or _value("staged.", column) for column in columns),
        staged=query("staged_orders") if resource is Resource.ORDERS else "staged",
        assignments=_full(resource) if name == "upsert_records" else _partial(resource),
        differs=_differs(resource),
        **(PRODUCTS_STATUS if resource is Resource.PRODUCTS else dict.fromkeys(PRODUCTS_STATUS, "")),
    )


class Layout(NamedTuple):
    """The columns that a payload can carry, by how COPY writes them."""

    plain: Sequence[str]
    """Numbers, times and flags: nothing in them is ever escaped."""
    texts: Sequence[str]
    arrays: Sequence[str]
    documents: Sequence[str]


@cache
def layout(resource: Resource) -> Layout:
    """Return the columns of a resource's staging table by kind."""
    types = {name: MIRROR[resource].columns[name].type for name in data_columns(resource)}
    texts, arrays, documents = (
        [name for name, found in types.items() if isinstance(found, kind)] for kind in (Text, ARRAY, JSONB)
    )
    plain = [name for name in types if name not in (*texts, *arrays, *documents)]
    return Layout(plain, texts, arrays, documents)


def data_columns(resource: Resource) -> tuple[str, ...]:
    """Return the columns that a payload can carry."""
    return ROWS[resource].__struct_fields__


def _columns(resource: Resource) -> tuple[str, ...]:
    links = LINKS if resource is Resource.ORDERS else ()
    return (*data_columns(resource), *links)


def _value(source: str, column: str) -> str:
    default = DEFAULTS.get(column)
    return f"coalesce({source}{column}, {default})" if default else f"{source}{column}"


def _full(resource: Resource) -> str:
    return ",\n    ".join(f"{column} = {_full_value(resource, column)}" for column in _columns(resource))


def _full_value(resource: Resource, column: str) -> str:
    if column == "metadata":
        return _metadata("excluded.metadata")
    if column == "created_at_source":
        return "coalesce(excluded.created_at_source, stored.created_at_source)"
    if column in LINKS:
        return f"CASE WHEN {_RELINK} THEN excluded.{column} ELSE stored.{column} END"
    if column in PROTECTED[resource]:
        return f"CASE WHEN {_hidden(resource)} THEN stored.{column} ELSE excluded.{column} END"
    if column in CONSENT and resource is Resource.CUSTOMERS:
        return f"CASE WHEN {_OLDER_CONSENT} THEN stored.{column} ELSE excluded.{column} END"
    return f"excluded.{column}"


_RELINK = """excluded.link_rank > stored.link_rank
        OR excluded.link_rank = 3 AND stored.link_rank = 3
        OR excluded.customer_external_id IS DISTINCT FROM stored.customer_external_id
           AND excluded.customer_external_id IS NOT NULL"""
_OLDER_CONSENT = """lower(excluded.email) = lower(stored.email)
        AND excluded.accepts_marketing_updated_at < stored.accepts_marketing_updated_at"""


def _metadata(incoming: str) -> str:
    """Return what is kept of metadata: all that was ever said, unless the person is erased."""
    return f"CASE WHEN {incoming} ? 'redacted' THEN {incoming} ELSE stored.metadata || {incoming} END"


def _hidden(resource: Resource) -> str:
    """Return the condition that Shopify hid the personal columns, and not we, for a person who is erased."""
    are_null = (
        f"excluded.{name} = '[]'" if name == "addresses" else f"excluded.{name} IS NULL"
        for name in PROTECTED[resource]
    )
    return " AND ".join((*are_null, "NOT excluded.metadata ? 'redacted'"))


def _partial(resource: Resource) -> str:
    columns = data_columns(resource)
    return ",\n    ".join(f"{column} = {_partial_value(resource, column)}" for column in columns)


def _partial_value(resource: Resource, column: str) -> str:
    if column == "metadata":
        return _metadata("coalesce(staged.metadata, '{}')")
    return f"CASE WHEN {_carries(resource, column)} THEN {_value('staged.', column)} ELSE stored.{column} END"


def _carries(resource: Resource, column: str) -> str:
    carried = f"'{column}' = ANY (staged.carried)"
    if column not in CONSENT or resource is not Resource.CUSTOMERS:
        return carried
    return (
        f"{carried} AND lower(coalesce(staged.consent_email, stored.email)) = lower(stored.email) AND "
        "coalesce(staged.accepts_marketing_updated_at >= stored.accepts_marketing_updated_at, true)"
    )


def _differs(resource: Resource) -> str:
    return " OR ".join(
        f"{_carries(resource, column)} AND {_value('staged.', column)} IS DISTINCT FROM stored.{column}"
        for column in data_columns(resource)
        if column != "metadata"
    )
