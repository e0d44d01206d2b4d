"""The demo: connect a made-up store, mirror it live, change it, and show that everything balances."""

import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from local_stack.browser import Browser, PageProblem
from local_stack.platform import NotInTime, Platform, Row, eventually
from local_stack.stack import Stack
from sync_common.contracts.resources import Resource

SHOP = "acme.myshopify.com"
SYNC_SECONDS_MAX = 300
OUTCOMES = ("created", "updated", "unchanged", "skipped", "failed")


@dataclass(frozen=True)
class Change:
    """One act of the merchant, and the column in which it must arrive."""

    words: str
    kind: str
    resource: Resource
    changes: dict[str, Any]
    column: str
    expected: Any


def run_demo(stack: Stack, console: Console, *, customers: int, orders: int, products: int) -> bool:
    """Play the demo; return whether everything held. Problems are printed, not raised."""
    platform = Platform(stack)
    console.print(f"Making up {SHOP}: {customers:,} customers, {orders:,} orders, {products:,} products…")
    try:
        platform.create_shop(SHOP, customers=customers, orders=orders, products=products, name="Acme Apparel")
        with Browser() as browser:
            platform.log_in(browser, stack.login)
            started = time.monotonic()
            platform.connect(browser, stack.login, SHOP)
        console.print("Connected through the log-in, consent and callback pages.")
        store = _found(platform.store(SHOP, stack.login.slug))
        job = _watch_sync(platform, console, store["store_id"])
        seconds = time.monotonic() - started
        held = _print_balance(platform, console, store, job, seconds)
        held &= _print_changes(platform, console, store)
        held &= _print_mail(platform, console)
    except (NotInTime, PageProblem, httpx.HTTPError, psycopg.Error) as problem:
        text = f"Did not hold: {type(problem).__name__}: {problem}"
        console.print(text, style="bold red", markup=False)
        return False
    console.print(
        "Everything held." if held else "Something did not hold.", style="bold green" if held else "bold red"
    )
    return held


def _watch_sync(platform: Platform, console: Console, store_id: int) -> Row:
    columns = (
        TextColumn("{task.description:10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("{task.fields[state]}"),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        bars = {
            resource.value: progress.add_task(resource.value, total=None, state="waiting")
            for resource in Resource
        }

        def ended() -> Row | None:
            jobs = platform.jobs(store_id)
            if jobs:
                _draw(progress, bars, jobs[-1])
            return jobs[-1] if jobs and jobs[-1]["status"] not in {"pending", "running"} else None

        return eventually(
            ended, within_seconds=SYNC_SECONDS_MAX, what="the first sync ended", interval_seconds=0.2
        )


def _draw(progress: Progress, bars: dict[str, TaskID], job: Row) -> None:
    for part in job["parts"]:
        written = (job["records_processed"] or {}).get(part["resource"], 0)
        progress.update(
            bars[part["resource"]], total=part["total"], completed=written, state=part["state"], refresh=True
        )


def _print_balance(platform: Platform, console: Console, store: Row, job: Row, seconds: float) -> bool:
    shopify = platform.shop(SHOP)["visibleCounts"]
    counts = platform.rows("SELECT * FROM records.store_counts_v1 WHERE store_id = %s", store["store_id"])
    books = {
        row["resource"]: row
        for row in platform.rows("SELECT * FROM records.job_books_v1 WHERE job_id = %s", job["job_id"])
    }
    table = Table(title=f"First sync of {SHOP}")
    for heading in ("", "Shopify", "rows", *OUTCOMES):
        table.add_column(heading, justify="left" if not heading else "right")
    held: bool = job["status"] == "completed"
    total = 0
    for resource in Resource:
        rows, book = counts[0][resource.value], books[resource.value]
        outcomes = [book[outcome] for outcome in OUTCOMES]
        total += sum(outcomes)
        held &= shopify[resource] == rows == book["created"] == sum(outcomes)
        table.add_row(resource.value, *(f"{n:,}" for n in (shopify[resource], rows, *outcomes)))
    console.print(table)
    console.print(
        f"Job {job['status']} in {seconds:.1f} s from the click on Connect: {total:,} records, "
        f"{total / seconds:,.0f} a second. {'The books balance.' if held else 'The books do not balance.'}"
    )
    if job["error_message"]:
        console.print(f"Error: {job['error_message']}", style="red")
    return held


def _print_changes(platform: Platform, console: Console, store: Row) -> bool:
    table = Table(title="Three changes in Shopify, seen through webhooks")
    for heading in ("change", "record", "arrived after"):
        table.add_column(heading)
    for change in _changes():
        external_id = _some_record(platform, store, change.resource)
        sent = time.monotonic()
        platform.mutate(SHOP, kind=change.kind, id=int(external_id), changes=change.changes)
        eventually(
            partial(_arrived, platform, store, change, external_id),
            within_seconds=30,
            what=f"{change.words} {external_id} arrived",
            interval_seconds=0.01,
        )
        table.add_row(
            change.words, f"{change.resource}/{external_id}", f"{(time.monotonic() - sent) * 1000:.0f} ms"
        )
    console.print(table)
    return True


def _changes() -> list[Change]:
    return [
        Change(
            "customer renamed",
            "customer.update",
            Resource.CUSTOMERS,
            {"first_name": "Zoë"},
            "first_name",
            "Zoë",
        ),
        Change(
            "order annotated", "order.update", Resource.ORDERS, {"note": "Ring twice"}, "note", "Ring twice"
        ),
        Change(
            "product retitled",
            "product.update",
            Resource.PRODUCTS,
            {"title": "Blue Tee"},
            "title",
            "Blue Tee",
        ),
    ]


def _table(resource: Resource) -> str:
    return "records.contacts" if resource is Resource.CUSTOMERS else f"records.{resource}"


def _some_record(platform: Platform, store: Row, resource: Resource) -> str:
    query = f"""SELECT external_id FROM {_table(resource)}
                WHERE source_id = %s AND deleted_at IS NULL ORDER BY id LIMIT 1"""  # noqa: S608
    return str(platform.rows(query, store["store_id"])[0]["external_id"])


def _arrived(platform: Platform, store: Row, change: Change, external_id: str) -> bool:
    query = f"""SELECT {change.column} AS value FROM {_table(change.resource)}
                WHERE source_id = %s AND external_id = %s"""  # noqa: S608
    return bool(platform.rows(query, store["store_id"], external_id)[0]["value"] == change.expected)


def _print_mail(platform: Platform, console: Console) -> bool:
    mails = eventually(platform.mails, within_seconds=30, what="Loops accepted the mail")
    console.rule("The one e-mail, as Loops got it")
    console.print(
        f"To: {mails[0]['email']}\nSubject: {mails[0]['subject']}\n\n{mails[0]['text']}", highlight=False
    )
    console.rule()
    return len(mails) == 1


def _found(row: Row | None) -> Row:
    if row is None:
        raise NotInTime("the store is not in the database")
    return row
