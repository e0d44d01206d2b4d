"""First syncs beside dlt, on the same machine and from shops of the same size: what a load of customers takes."""

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
from rich.console import Console

from benchmarks.measure import Cost, table
from benchmarks.sync import FirstSync, cpu_seconds, first_sync, running_stack
from local_stack import schema
from local_stack.environment import SIMULATOR
from local_stack.platform import NO_TLS, Platform
from local_stack.repository import ROOT, scratch_folder
from local_stack.stack import Stack
from shopify_fetcher.clients.documents import document
from sync_common.contracts.resources import SHOPIFY_API_VERSION, Resource
from sync_common.contracts.topics import OAUTH_GATEWAY

PYTHON = ROOT / ".local" / "peers" / "bin" / "python"
PROGRAM = Path(__file__).with_name("dlt_customers.py")
OUR_SHOP, DLT_SHOP = "ours.myshopify.com", "dlt.myshopify.com"
SIZES = (10_000, 50_000)
PLAN = "enterprise"
"""Its budget of 40,000 points and 2,000 a second pays for every page at once, so no reader waits for it."""

DISPOSITIONS = {"append": "dlt, append", "merge": "dlt, merge by id"}
EXPLAINED = """\
dlt: from the start of its process to its end; pages of 250, its default settings; append, run twice, holds all twice.
Ours: from the click on Connect to completed, on services that run already; a bulk operation, rows merged by id."""


def run(console: Console, *, sizes: Sequence[int] = SIZES) -> None:
    """Print what each size takes dlt and us; stop where a customer is missing, or there twice."""
    if not PYTHON.exists():
        console.print("peers: dlt is not installed; `make bench-peers` does it, in an environment of its own")
        return
    shown = table(
        "peers: all customers of a shop into PostgreSQL",
        "", "customers", "seconds", "rec/s", "ours / it", "rows found", "CPU s, all processes",
    )  # fmt: skip
    for size in sizes:
        with running_stack() as stack:
            for shop in (DLT_SHOP, OUR_SHOP):
                Platform(stack).create_shop(shop, customers=size, orders=0, products=0, plan=PLAN)
            # dlt comes first: what the other leaves behind, a vacuum that is due, is not its to bear.
            costs = {name: _dlt(stack, size, how) for how, name in DISPOSITIONS.items()}
            sync = first_sync(stack, OUR_SHOP, Resource.CUSTOMERS)
            costs["ours"] = _ours(stack, size, sync)
            done_besides = _done_besides(stack, sync)
        for name, cost in costs.items():
            shown.add_row(
                name, f"{size:,}", f"{cost.seconds:.1f}", f"{cost.per_second:,.0f}",
                f"{costs['ours'].per_second / cost.per_second:.2f}", f"{cost.records:,}", f"{cost.cpu_seconds:.1f}",
            )  # fmt: skip
    console.print(shown)
    console.print(EXPLAINED, done_besides, sep="\n", highlight=False)


def _ours(stack: Stack, size: int, sync: FirstSync) -> Cost:
    query = "SELECT external_id FROM records.contacts WHERE source_id = %s"
    found = [row["external_id"] for row in Platform(stack).rows(query, sync.job["store_id"])]
    _assert_all(stack, OUR_SHOP, found, size)
    return Cost(len(found), sync.seconds, sum(sync.spent.values()))


def _dlt(stack: Stack, size: int, disposition: str) -> Cost:
    """Let dlt load the shop into a database of its own; return its cost, the simulator's and PostgreSQL's included."""
    url = schema.create_database(stack.servers[0].address, f"dlt_{disposition}")
    told = {
        "graphql_url": f"{_shop_url(stack, DLT_SHOP)}/admin/api/{SHOPIFY_API_VERSION}/graphql.json",
        "token": _token(stack, DLT_SHOP),
        "query": document("customers_page").replace("UPDATED_AT", "ID"),
        "database_url": _with_password(url),
        "disposition": disposition,
    }
    before, started = _dlt_cpu(stack), time.perf_counter()
    _run_program(told)
    seconds, after = time.perf_counter() - started, _dlt_cpu(stack)
    with psycopg.connect(url) as connection:
        found = [str(row[0]) for row in connection.execute("SELECT legacy_resource_id FROM shop.customers")]
    _assert_all(stack, DLT_SHOP, found, size)
    return Cost(len(found), seconds, after - before)


def _run_program(told: Mapping[str, str]) -> None:
    """Run dlt's program in its own environment, with a home that is thrown away and nothing sent to its makers."""
    with scratch_folder("bench-dlt") as folder:
        environment = {
            "PATH": os.environ["PATH"],
            "DLT_DATA_DIR": str(folder),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
        }
        done = subprocess.run(  # noqa: S603 - the command is ours
            [PYTHON, PROGRAM],
            input=json.dumps({**told, "folder": str(folder)}),
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, f"dlt failed:\n{done.stderr[-2_000:]}"


def _dlt_cpu(stack: Stack) -> float:
    """Return the CPU seconds of what works when dlt does: the stack's services stand by, and are not counted."""
    spent, children = cpu_seconds(stack), os.times()
    return spent[SIMULATOR] + spent.get("postgres", 0.0) + children.children_user + children.children_system


def _assert_all(stack: Stack, shop: str, found: Sequence[str], size: int) -> None:
    """Stop unless every customer of the shop was found once, and no read of it had to wait for the budget."""
    platform = Platform(stack)
    expected = [customer["legacyResourceId"] for customer in platform.truth(shop, Resource.CUSTOMERS)]
    assert len(expected) == size, f"{shop} has {len(expected):,} customers"
    assert sorted(found) == sorted(expected), f"{len(found):,} rows are not the {size:,} customers of {shop}"
    calls = platform.simulator("GET", f"/shops/{shop}/calls?limit=50000")["calls"]
    assert not any(call["throttled"] for call in calls), f"reads of {shop} were throttled"


def _done_besides(stack: Stack, sync: FirstSync) -> str:
    """Say what was done in our time that dlt does not do."""
    installation: dict[str, Any] = Platform(stack).shop(OUR_SHOP)["installation"]
    return (
        f"Ours in the same time, too: consent and tokens, {installation['subscriptionCount']} webhook subscriptions, "
        f"the books of {len(sync.job['parts'])} parts closed, every record accounted for."
    )


def _token(stack: Stack, shop: str) -> str:
    """Install the app as a merchant does, and change the code for a token as the app does."""
    app = {"client_id": stack.secrets.client_id}
    asked = app | {
        "scope": "read_customers,read_orders",
        "redirect_uri": f"{stack.url(OAUTH_GATEWAY)}/auth/shopify/callback",
        "state": "bench",
        "decision": "install",
    }
    with httpx.Client(base_url=_shop_url(stack, shop), trust_env=False, verify=NO_TLS, timeout=30) as client:
        callback = urlsplit(client.post("/admin/oauth/authorize", data=asked).headers["location"])
        code = parse_qs(callback.query)["code"][0]
        proof = app | {"client_secret": stack.secrets.client_secret, "code": code, "expiring": "1"}
        granted = client.post("/admin/oauth/access_token", json=proof).raise_for_status().json()
    return str(granted["access_token"])


def _shop_url(stack: Stack, shop: str) -> str:
    return stack.addresses.shopify_url.format(shop=shop)


def _with_password(url: str) -> str:
    """Return the address with a password, which dlt insists on and a server that trusts us ignores."""
    return url if urlsplit(url).password else url.replace("@", ":unused@", 1)
