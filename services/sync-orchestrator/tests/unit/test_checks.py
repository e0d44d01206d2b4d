"""What a check compares, and how many deletions it may make by itself."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sync_common.contracts.events import DeletionDecision
from sync_common.contracts.resources import Resource
from sync_orchestrator.domain.checks import AFTER_DECISION, DeletionState, must_wait, scope_of

README = Path(__file__).parents[2] / "README.md"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
GRACE = timedelta(minutes=2)


@pytest.mark.parametrize(
    ("deletions", "rows", "waits"),
    [
        (0, 0, False),
        (5, 5, False),  # a small store's handful never waits
        (6, 599, True),  # more than one per cent
        (6, 600, False),
        (50, 1_000_000, False),
        (51, 1_000_000, True),
    ],
)
def test_many_deletions_wait_for_a_person(deletions: int, rows: int, waits: bool) -> None:
    assert must_wait(deletions, rows) is waits


def test_orders_about_to_leave_the_window_are_not_compared() -> None:
    scope = scope_of(Resource.ORDERS, NOW, grace=GRACE, sees_all_orders=False)

    assert scope.created_since == NOW - timedelta(days=60) + timedelta(hours=2)
    assert scope.covers(scope.created_since)
    assert not scope.covers(scope.created_since - timedelta(seconds=1))
    assert not scope.covers(None)


@pytest.mark.parametrize("resource", list(Resource))
def test_everything_but_the_young_is_compared_where_the_app_sees_all(resource: Resource) -> None:
    scope = scope_of(resource, NOW, grace=GRACE, sees_all_orders=True)

    assert scope.covers(None)
    assert scope.covers(NOW - GRACE)
    assert not scope.covers(NOW - GRACE + timedelta(seconds=1))


def test_nothing_that_was_kept_or_undone_is_decided_again() -> None:
    decided = {state for sources, _ in AFTER_DECISION.values() for state in sources}

    assert decided == {DeletionState.WAITING, DeletionState.DELETING, DeletionState.DELETED}
    assert set(AFTER_DECISION) == set(DeletionDecision)


def test_readme_draws_exactly_what_people_can_decide() -> None:
    drawing = README.read_text(encoding="utf-8").split("### A check", 1)[1].split("```", 2)[1]
    words = {
        "deletes": DeletionDecision.DELETE,
        "keeps": DeletionDecision.KEEP,
        "undoes": DeletionDecision.UNDO,
    }

    drawn = {
        (words[word], source, target)
        for source, target, word in re.findall(r"(\w+) --> (\w+): a person (\w+)", drawing)
    }

    assert drawn == {
        (decision, source, target)
        for decision, (sources, target) in AFTER_DECISION.items()
        for source in sources
    }
