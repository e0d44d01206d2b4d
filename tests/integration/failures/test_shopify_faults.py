"""Whatever Shopify does wrong, a sync ends complete and exact, or failed with a reason that a merchant understands.

Each fault has a shop of its own, is met by its first sync and again by a later one whose changes no webhook told.
The shops are busy side by side, since most of the time they wait; each test waits for the end of one story.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pytest

from local_stack.platform import Platform, Row
from local_stack.stack import Stack

from ..conftest import make_login
from ..invariants import broken
from ..merchants import Merchant, Store, merchant_at_work

SHOP: Final = {"customers": 30, "orders": 40, "products": 6}
STORIES_AT_ONCE: Final = 8

COUNTED = {"operation": "OrdersCount"}
STARTED = {"operation": "BulkRun"}
POLLED = {"operation": "BulkStatus"}
FILE = {"path": "/bulk/"}
PAGE = {"operation": "OrdersPage"}

NO_EXPORT = {
    "objectCount": "0", "rootObjectCount": "0", "fileSize": None, "url": None, "completedAt": None,
    "id": "gid://shopify/BulkOperation/1", "createdAt": "2026-01-01T00:00:00Z", "errorCode": None,
}  # fmt: skip
FAILED = {"data": {"bulkOperation": NO_EXPORT | {"status": "FAILED", "errorCode": "INTERNAL_SERVER_ERROR"}}}
NOT_KEPT = {"data": {"bulkOperation": NO_EXPORT | {"status": "COMPLETED", "objectCount": "9"}}}
NO_EXPORTS = {**POLLED, "status": 200, "body": FAILED, "share": 1.0}
"""Every export fails, and so do those of its slices: then a resource is read by pages."""


def beside(data: Any, **error: Any) -> Row:
    """Return a fault that answers with data and an error beside it."""
    return {"status": 200, "body": {"data": data, "errors": [{"message": "?", **error}]}}


NO_ORDERS = {"orders": {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}}
NEW_CODE = {"extensions": {"code": "NEVER_HEARD_OF"}}


@dataclass(frozen=True)
class Trouble:
    """What strikes a shop's first sync and a later one, either may be spared; how many orders change in between."""

    first: tuple[Row, ...] = ()
    incremental: tuple[Row, ...] = ()
    orders: int = 5


def everywhere(*of: Row, file: bool = False) -> Trouble:
    """Return faults that strike the calls of both syncs by turns, and in case a file."""
    one, other = of[0], of[-1]
    first = [STARTED | one, POLLED | other, *([FILE | one] if file else [])]
    return Trouble(tuple(first), (COUNTED | one, PAGE | other))


def told_to_wait(seconds: str | None) -> Row:
    """Return a 429."""
    return {"status": 429, "headers": {} if seconds is None else {"Retry-After": seconds}}


TROUBLES: Final[Mapping[str, Trouble]] = {
    # These two wait for a minute, so they begin first.
    "a first sync told to wait for a day": Trouble(first=(POLLED | told_to_wait("99999"),)),
    "a later sync told to wait for a day": Trouble(incremental=(PAGE | told_to_wait("99999"),)),
    "429 without a time": everywhere(told_to_wait(None), file=True),
    "429 with a decimal": everywhere(told_to_wait("1.5")),
    "429 with words": everywhere(told_to_wait("soon")),
    "429 with a time that is past": everywhere(told_to_wait("-1")),
    "throttled in 200": everywhere({"effect": "throttled"}),
    "500 and 502": everywhere({"status": 500}, {"status": 502}, file=True),
    "503, and a start that was lost": Trouble(
        (STARTED | {"effect": "replaced", "status": 503}, POLLED | {"status": 503}), (PAGE | {"status": 503},)
    ),
    "reset before a byte": everywhere({"effect": "drop"}, file=True),
    "reset within an answer": everywhere({"effect": "drop", "after_bytes": 90}, file=True),
    "slow bodies": everywhere({"effect": "drip", "delay_seconds": 3}, file=True),
    "pages of HTML": everywhere({"effect": "html"}, file=True),
    "redirects": everywhere({"status": 302, "headers": {"Location": "https://elsewhere.example/"}}, file=True),
    "garbage for gzip": everywhere({"effect": "corrupt_gzip"}, file=True),
    "gzip that is cut": everywhere({"effect": "corrupt_gzip", "after_bytes": 60}, file=True),
    "a file cut between lines": Trouble((FILE | {"effect": "truncate_lines"},)),
    "a file that stays cut": Trouble((FILE | {"effect": "truncate_lines", "times": 9},)),
    "a file without some parents": Trouble((FILE | {"effect": "missing_parents"},)),
    "a file that stays without some parents": Trouble((FILE | {"effect": "missing_parents", "times": 9},)),
    "an address that has expired": Trouble((FILE | {"status": 403},)),
    "a file that is not kept": Trouble((POLLED | {"status": 200, "body": NOT_KEPT},)),
    "first page again": Trouble(
        (NO_EXPORTS, {"operation": "OrdersById", "effect": "repeat_cursor"}), (PAGE | {"effect": "repeat_cursor"},)
    ),
    "second page again": Trouble(incremental=(PAGE | {"effect": "repeat_cursor", "skip": 1},), orders=25),
    "nested page again": Trouble(
        (NO_EXPORTS, {"operation": "MoreVariants", "effect": "repeat_cursor"}),
        ({"operation": "MoreVariants", "effect": "repeat_cursor"},),
    ),
    "an unknown error beside data": Trouble(
        (
            COUNTED | beside({"count": {"count": 0}}, **NEW_CODE),
            POLLED | beside(NOT_KEPT["data"], path=["bulkOperation", "url"], **NEW_CODE),
        ),
        (PAGE | beside(NO_ORDERS, path=["orders"], **NEW_CODE),),
    ),
    "an error without a code beside data": Trouble(
        (COUNTED | beside({"count": {"count": 0}}), STARTED | beside({"bulkOperationRunQuery": None})),
        (PAGE | beside(NO_ORDERS, extensions=None),),
    ),
}  # fmt: skip
CONSENT = re.compile(
    r"customers/\d+\.(accepts_marketing|accepts_marketing_updated_at|marketing_opt_in_level):"
)
ROTATION = {"path": "/admin/oauth/access_token", "operation": "refresh_token"}
LOST_PAIR = ROTATION | {"effect": "replaced", "status": 520, "text": "<html>origin error</html>"}
HELD_BACK = {"operation": "Count(", "effect": "delay", "delay_seconds": 2, "times": 3}
"""The calls with which the three resources of a sync begin: they arrive after the token has ended."""


def tell_trouble(trouble: Trouble, store: Store) -> None:
    """Meet a fault in the first sync, and in the next."""
    store.arm(trouble.first)
    store.connect()
    end_well(store, store.ended())

    store.lose("by the telephone", orders=trouble.orders)
    store.arm(trouble.incremental)
    end_well(store, store.sync())


def end_well(store: Store, job: Row) -> None:
    """Raise unless the job ended as it may and its fault has struck; after a failure the next sync must do."""
    store.must_be_exact_or_explained(job)
    assert [fault for fault in store.faults_left() if fault["share"] is None] == []
    store.disarm()
    if job["status"] != "completed":
        again = store.sync()
        assert (again["status"], again["error_message"]) == ("completed", None)
        assert store.faults_of_mirror() == []


def tell_lost_rotations(store: Store) -> None:
    """Lose the answer to a token's rotation; the pair that it replaced is good for one more."""
    store.arm((LOST_PAIR, HELD_BACK))
    store.connect()
    store.expire_tokens()
    end_well(store, store.ended())

    store.lose("by the telephone")
    store.arm((LOST_PAIR,))  # before the token ends: a check under way may be the first to renew it
    store.expire_tokens()
    end_well(store, store.sync())


def tell_late_webhooks(store: Store) -> None:
    """Sync while webhooks are late; let them come twice and in any order, then lose all."""
    store.connect()
    end_well(store, store.ended())

    store.deliveries("hold")
    store.act_at_random(60, seed=5)
    during = store.sync()
    store.deliveries("release", shuffle=True, duplicate=0.5, seed=3)
    assert (during["status"], during["error_message"]) == ("completed", None)
    store.must_become_exact()

    store.lose("lost")
    assert store.faults_of_mirror() != []
    end_well(store, store.sync())


def tell_hidden(how: str, store: Store) -> None:
    """Hide names, addresses, phones and e-mails from an app that has read them: they stay."""
    store.connect()
    end_well(store, store.ended())

    store.switch(protected_data=how)
    store.change("told by webhooks")
    store.deliveries("settle")
    store.lose("by the telephone")
    job = store.sync()

    assert (job["status"], job["error_message"]) == ("completed", None)
    wrong = store.faults_of_mirror()
    if how == "nulls":  # nobody is marketable whose consent we are not shown
        wrong = [one for one in wrong if not CONSENT.match(one)]
    assert wrong == []


def tell_denied(store: Store) -> None:
    """Deny customers and orders to an app that has read them: nothing is lost, and the merchant is told why."""
    store.connect()
    end_well(store, store.ended())

    store.switch(protected_data="denied")
    job = store.sync()
    store.must_be_exact_or_explained(job)

    assert (job["status"], job["error_code"]) == ("failed", "access_denied")
    assert store.faults_of_mirror() == []


def tell_denied_from_the_start(store: Store) -> None:
    """Deny customers and orders to an app that was never allowed to read them."""
    store.switch(protected_data="denied")
    store.connect()
    job = store.ended()
    store.must_be_exact_or_explained(job)

    assert (job["status"], job["error_code"]) == ("failed", "access_denied")


STORIES: Final[Mapping[str, Callable[[Store], None]]] = {
    **{name: partial(tell_trouble, trouble) for name, trouble in TROUBLES.items()},
    "520 on the rotation of a token": tell_lost_rotations,
    "webhooks late, twice, shuffled and lost": tell_late_webhooks,
    "personal data hidden without a word": partial(tell_hidden, "nulls"),
    "personal data hidden with errors": partial(tell_hidden, "errors"),
    "customers and orders denied": tell_denied,
    "customers and orders denied from the start": tell_denied_from_the_start,
}


@pytest.fixture(scope="module")
def stories(stack: Stack) -> Iterator[Mapping[str, "Future[None]"]]:
    """Let all stories begin."""
    platform = Platform(stack)
    with (
        merchant_at_work(platform, make_login(stack)) as merchant,
        ThreadPoolExecutor(STORIES_AT_ONCE) as threads,
    ):
        begun = [
            threads.submit(tell, merchant, f"fault-{number}.myshopify.com", story)
            for number, story in enumerate(STORIES.values())
        ]
        yield dict(zip(STORIES, begun, strict=True))
        threads.shutdown(cancel_futures=True)


def tell(merchant: Merchant, domain: str, story: Callable[[Store], None]) -> None:
    """Make up a shop and let a story happen to it."""
    merchant.platform.create_shop(domain, seed=7, **SHOP)
    story(Store(merchant, domain))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", STORIES)
def test_no_sync_ends_complete_and_wrong(name: str, stories: Mapping[str, "Future[None]"]) -> None:
    stories[name].result()


def test_invariants_hold_after_all_of_it(platform: Platform, stories: Mapping[str, "Future[None]"]) -> None:
    for story in stories.values():
        story.exception()

    assert broken(platform) == {}
