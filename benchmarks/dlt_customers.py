"""dlt's way: a shop's customers, by pages of the Admin GraphQL API, into PostgreSQL.

Run by `benchmarks.peers` as a program in dlt's own environment, which has nothing of ours; told all on stdin. Written
as dlt's documentation does it for an API with cursors: dlt's own source for Shopify reads the REST API, which new apps
may not use.
"""

import json
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

import dlt  # type: ignore[import-not-found]
from dlt.sources.helpers.rest_client import RESTClient  # type: ignore[import-not-found]
from dlt.sources.helpers.rest_client.paginators import (  # type: ignore[import-not-found]
    JSONResponseCursorPaginator,
)

PAGE_RECORDS = 250
"""The most that Shopify gives."""

SLICE_PAGES = 100
"""Shopify ends the pages of one connection at 25,000 objects: what follows is another search, behind the last id."""


def customers(graphql_url: str, token: str, query: str) -> Iterator[Any]:
    """Yield the shop's customers page by page; the query sorts them by id."""
    client = RESTClient(
        base_url=graphql_url,
        headers={"X-Shopify-Access-Token": token},
        paginator=JSONResponseCursorPaginator(
            cursor_path="data.customers.pageInfo.endCursor",
            cursor_body_path="variables.after",
            has_more_path="data.customers.pageInfo.hasNextPage",
        ),
    )
    last_id, is_over = "0", False
    while not is_over:
        asked = {"query": query, "variables": {"first": PAGE_RECORDS, "query": f"id:>{last_id}"}}
        pages = client.paginate(method="POST", json=asked, data_selector="data.customers.nodes")
        is_over = True
        for number, page in enumerate(islice(pages, SLICE_PAGES), start=1):
            yield page
            is_over = number < SLICE_PAGES or not page
            last_id = page[-1]["legacyResourceId"] if page else last_id


def main() -> None:
    """Load all customers, as dlt does it when no setting is changed."""
    told = json.load(sys.stdin)
    resource = dlt.resource(
        customers(told["graphql_url"], told["token"], told["query"]),
        name="customers",
        primary_key="id",
        write_disposition=told["disposition"],
    )
    pipeline = dlt.pipeline(
        "customers",
        pipelines_dir=told["folder"],
        destination=dlt.destinations.postgres(told["database_url"]),
        dataset_name="shop",
    )
    pipeline.run(resource).raise_on_failed_jobs()


if __name__ == "__main__":
    main()
