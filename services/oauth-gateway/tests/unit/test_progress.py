"""How far a sync is and how long it still takes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oauth_gateway.domain.jobs import Job, Outcomes, Part
from oauth_gateway.domain.page import ApiHealth, RecordCounts, Snapshot, Store
from oauth_gateway.domain.progress import (
    AveragePace,
    Bar,
    Samples,
    WatchedPace,
    job_bar,
    part_bar,
    part_words,
    time_left,
)
from oauth_gateway.domain.stores import Frequency, clean_name
from oauth_gateway.domain.words import Viewer
from sync_common.contracts.events.lifecycle import JobType, TriggeredBy
from sync_common.contracts.resources import Resource

NOW = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


def job(**changed: Any) -> Job:
    values: dict[str, Any] = {
        "id": 1,
        "store_id": 7,
        "shop_domain": "acme.myshopify.com",
        "job_type": JobType.FULL_SYNC,
        "status": "running",
        "triggered_by": TriggeredBy.SYSTEM,
        "created_at": NOW - timedelta(minutes=2),
        "started_at": NOW - timedelta(minutes=2),
        "parts": (
            Part(Resource.CUSTOMERS, "done", total=800, done=800),
            Part(Resource.ORDERS, "running", total=1000, done=400),
            Part(Resource.PRODUCTS, "waiting", total=200),
        ),
    }
    return Job(**(values | changed))


def store(**changed: Any) -> Store:
    values: dict[str, Any] = {
        "id": 7,
        "shop_domain": "acme.myshopify.com",
        "name": "Acme",
        "frequency": Frequency.HOURLY,
        "connection": "connected",
        "initial_sync_completed": True,
        "last_sync_at": NOW,
    }
    return Store(**(values | changed))


def outcomes(failed: int) -> tuple[Outcomes, ...]:
    return (Outcomes(Resource.ORDERS, 10, 10 - failed, 0, 0, 0, failed),)


def test_job_adds_its_parts_up() -> None:
    assert (job().done, job().total, job().percent) == (1200, 2000, 60)


def test_running_job_is_never_at_a_hundred_percent() -> None:
    finished = tuple(Part(resource, "published", total=5, done=5) for resource in Resource)

    assert job(parts=finished).percent == 99
    assert finished[0].percent == 99


def test_empty_resource_that_is_done_fills_its_bar() -> None:
    part = Part(Resource.PRODUCTS, "done", total=0, done=0)

    assert (part.shown_done, part.shown_total, part.percent) == (1, 1, 100)


def test_total_grows_with_what_is_there() -> None:
    assert Part(Resource.ORDERS, "running", total=10, done=12).shown_total == 12


@pytest.mark.parametrize(
    ("changed", "rate", "words"),
    [
        ({}, 8.0, "About 2 min left"),
        ({}, 100.0, "Under 1 min left"),
        ({}, None, "Estimating time left"),
        ({}, 0.0, "Estimating time left"),
        ({"started_at": NOW - timedelta(seconds=9)}, 8.0, "Estimating time left"),
        ({"parts": ()}, 8.0, "Estimating time left"),
        ({"status": "pending", "started_at": None}, None, "Starting soon"),
        ({"throttled_until": NOW + timedelta(seconds=120)}, 8.0, "About 4 min left"),
        ({"throttled_until": NOW + timedelta(seconds=120)}, 0.0, "About 3 min left"),
        ({"throttled_until": NOW + timedelta(seconds=120)}, None, "About 3 min left"),
        ({"estimated_seconds": 100}, 8.0, "About 2 min left, 2 min more than expected"),
        ({"estimated_seconds": 220}, 8.0, "About 2 min left"),
        ({}, 0.2, "About 1 h 7 min left"),
    ],
)
def test_time_left(changed: dict[str, Any], rate: float | None, words: str) -> None:
    assert time_left(job(**changed), records_a_second=rate, now=NOW) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (12, "Rate limited, resuming in 12 s"),
        (11.2, "Rate limited, resuming in 12 s"),
        (0.1, "Rate limited, resuming in 1 s"),
    ],
)
def test_rate_limit_is_counted_down(seconds: float, words: str) -> None:
    throttled = job(throttled_until=NOW + timedelta(seconds=seconds))

    assert throttled.throttled_words(NOW) == words
    assert throttled.long_status(Viewer(NOW)) == ("busy", words)
    assert throttled.long_status(Viewer(NOW + timedelta(minutes=1))) == ("busy", "Running")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "Shopify exported 12 records (34 lines); all are accounted for."),
        ({"outcomes": outcomes(3)}, "Shopify exported 12 records (34 lines); 2 are not accounted for."),
        ({"job_type": JobType.INCREMENTAL_SYNC}, None),
        ({"status": "failed"}, None),
        ({"parts": (Part(Resource.ORDERS, "done"),)}, None),
        (
            {"parts": (Part(Resource.ORDERS, "done", read_count=1),)},
            "Shopify exported 1 record; all are accounted for.",
        ),
    ],
)
def test_books_of_a_full_sync_are_closed(changed: dict[str, Any], words: str | None) -> None:
    values = {
        "status": "completed",
        "parts": (Part(Resource.ORDERS, "done", read_count=12, object_count=34),),
        "outcomes": (Outcomes(Resource.ORDERS, 12, 1, 1, 1, 1, 8),),
    }
    ended = job(**(values | changed))

    assert (ended.books.words(Viewer(NOW)) if ended.books else None) == words


def test_pace_is_the_average_until_it_was_watched_for_ten_seconds() -> None:
    pace = WatchedPace()
    pace.watch([job()], at=0, now=NOW)
    first = pace.of_job(job())
    faster = job(parts=(Part(Resource.ORDERS, "running", total=5000, done=1400),))
    pace.watch([faster], at=20, now=NOW + timedelta(seconds=20))

    assert first == AveragePace(NOW).of_job(job()) == 10
    assert pace.of_job(faster) == (1400 - 1200) / 20


def test_window_forgets_what_is_older_than_a_minute() -> None:
    samples = Samples()
    for at, done in ((0, 0), (100, 1000), (160, 1060)):
        samples.add(at, done)

    assert samples.rate() == 1


def test_steps_say_what_they_do() -> None:
    said = [
        part_words(part, number=str(part.done), total=str(part.total), duration="2m 04s", pace="24 a second")
        for part in job().parts
    ]

    assert said == ["800 of 800 in 2m 04s", "400 of 1000 · 24 a second", "200 to sync"]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("scope_missing", "The app may not read them"),
        ("not_due", "Not due: they have a schedule of their own"),
        (None, "Not read in this sync"),
    ],
)
def test_skipped_part_says_why(reason: str | None, words: str) -> None:
    part = Part(Resource.ORDERS, "skipped", skip_reason=reason)

    assert part.progress_words(0) == "Skipped"
    assert part_words(part, number="0", total="0", duration=None, pace=None) == words


@pytest.mark.parametrize(
    ("changed", "label"),
    [
        ({"status": "completed"}, ("ok", "Success")),
        ({"status": "completed", "outcomes": outcomes(1)}, ("warn", "With errors")),
        ({"status": "running"}, ("busy", "Running")),
        ({"status": "pending"}, ("idle", "Pending")),
        ({"status": "failed"}, ("bad", "Failed")),
        ({"status": "cancelled"}, ("idle", "Cancelled")),
        ({"status": "pending", "attempt": 1}, ("idle", "Pending")),
    ],
)
def test_job_labels(changed: dict[str, Any], label: tuple[str, str]) -> None:
    assert job(**changed).status_label() == label


def test_details_count_the_errors() -> None:
    many = job(status="completed", outcomes=(Outcomes(Resource.ORDERS, 9000, 0, 0, 0, 0, 1234),))
    few = job(status="completed", outcomes=outcomes(3))

    assert few.long_status(Viewer(NOW)) == ("warn", "Completed with 3 errors")
    assert many.long_status(Viewer(NOW, locale="de")) == ("warn", "Completed with 1.234 errors")


def test_bar_never_moves_back_in_one_job() -> None:
    pace = WatchedPace()
    counting = job(parts=(Part(Resource.CUSTOMERS, "done", total=800, done=800),))
    counted = job(parts=(*counting.parts, Part(Resource.ORDERS, "running", total=3200, done=0)))

    pace.watch([counting], at=0, now=NOW)
    before = job_bar(counting, pace)
    pace.watch([counted], at=1, now=NOW)
    after = job_bar(counted, pace)

    assert before == Bar(800, 800, 99)
    assert after == Bar(4000, 4000, 99)
    assert job_bar(counted, AveragePace(NOW)) == Bar(4000, 800, 20)


def test_part_whose_total_grows_keeps_its_bar() -> None:
    pace = WatchedPace()
    half = Part(Resource.ORDERS, "running", total=100, done=50)
    grown = Part(Resource.ORDERS, "running", total=200, done=60)

    pace.watch([job(parts=(half,))], at=0, now=NOW)
    pace.watch([job(parts=(grown,))], at=1, now=NOW)

    assert part_bar(grown, job(parts=(grown,)), pace) == Bar(200, 100, 50)


@pytest.mark.parametrize(
    ("changed", "label"),
    [
        ({}, ("ok", "Connected")),
        ({"last_sync_at": None}, ("idle", "Never synced yet")),
        ({"job": job()}, ("busy", "Syncing")),
        ({"job": job(throttled_until=NOW + timedelta(seconds=5))}, ("busy", "Rate limited, resuming in 5 s")),
        ({"sync_status": "error"}, ("bad", "Error")),
        ({"job": job(status="pending", attempt=1)}, ("bad", "Error")),
        ({"connection": "disconnected", "job": job()}, ("bad", "Disconnected")),
    ],
)
def test_store_labels(changed: dict[str, Any], label: tuple[str, str]) -> None:
    assert store(**changed).status_label(NOW) == label


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"sync_status": None}, "First sync starts in about 1 minute"),
        ({"next_run_at": NOW + timedelta(minutes=24)}, "First sync starts in 24 min"),
        ({"next_run_at": NOW - timedelta(minutes=1)}, "Press Sync Now to start"),
        ({"next_run_at": None}, "Press Sync Now to start"),
        ({"next_run_at": NOW + timedelta(hours=1), "frequency": Frequency.MANUAL}, "Press Sync Now to start"),
    ],
)
def test_first_sync_is_promised_only_when_it_is_planned(changed: dict[str, Any], words: str) -> None:
    assert store(**({"sync_status": "connected"} | changed)).first_sync_words(Viewer(NOW)) == words


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (0, "API rate limit exceeded"),
        (1, "API rate limit exceeded after 1 retry"),
        (3, "API rate limit exceeded after 3 retries"),
    ],
)
def test_failure_counts_its_retries(attempt: int, words: str) -> None:
    assert job(attempt=attempt, error_message="API rate limit exceeded.").failure_words == words


def test_only_a_stores_latest_failure_can_be_retried() -> None:
    failed = job(id=4, status="failed")
    retry, running = job(id=5, status="pending", attempt=1), job(id=5)

    assert store(last_ended_job_id=4).can_retry(failed)
    assert store(last_ended_job_id=4, job=retry).can_retry(failed)
    assert not store(last_ended_job_id=4, job=running).can_retry(failed)
    assert not store(last_ended_job_id=5).can_retry(failed)
    assert not store(last_ended_job_id=4, connection="disconnected").can_retry(failed)
    assert not store(last_ended_job_id=4).can_retry(job(id=4, status="completed"))


def test_card_follows_the_state() -> None:
    assert store().kind == "card"
    assert store(initial_sync_completed=False).kind == "card"
    assert store(initial_sync_completed=False, job=job()).kind == "sync"
    assert store(connection="disconnected").kind == "row"


def test_store_disconnected_by_choice_needs_no_attention() -> None:
    lost = store(connection="disconnected", disconnect_reason="token_expired")
    left = store(connection="disconnected", disconnect_reason="user_requested")

    assert Snapshot(stores=(lost, left, store())).attention == (lost,)


def test_totals_are_the_sum_of_the_stores() -> None:
    one, two = store(counts=RecordCounts(1, 2, 3)), store(counts=RecordCounts(10, 20, 30))

    assert Snapshot(stores=(one, two)).totals == RecordCounts(11, 22, 33)


@pytest.mark.parametrize(("available", "words"), [(1800, "Good"), (600, "Slowing down"), (100, "Busy")])
def test_api_health_has_a_word(available: int, words: str) -> None:
    assert ApiHealth(2000, available).words(NOW) == words
    assert ApiHealth(2000, available, NOW + timedelta(seconds=1)).words(NOW) == "Rate limited"


@given(st.text(max_size=300))
def test_clean_names_are_short_single_lines(typed: str) -> None:
    name = clean_name(typed, fallback="acme.myshopify.com")

    assert name is None or (0 < len(name) <= 100 and not any(ord(letter) < 32 for letter in name))
