"""Once the requested refetches are answered, the rows do not depend on order, duplication or batching."""

import random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sync_common.contracts.resources import Resource

from ..histories import (
    ACTS,
    GAPS,
    Delivery,
    History,
    Step,
    every_delivery,
    some_delivery,
    some_history,
    tell,
)
from ..mirror import Mirror

CUSTOMERS, ORDERS, PRODUCTS = Resource
EVENTS_MAX = 5  # of a history whose every order is tried: 120 orders
SOAK_HISTORIES = 10_000
SOAK_STEPS_MAX = 9
SOAK_SHARED = 250  # histories that travel in the same batches

quickly = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def histories(resource):
    def steps(acts):
        return st.lists(step(acts), min_size=1, max_size=EVENTS_MAX - 1).map(tuple)

    return st.builds(History, st.just(resource), steps(ACTS[resource]))


def step(acts):
    return st.builds(Step, st.sampled_from(acts), st.sampled_from(GAPS))


def lived(resource, *steps):
    return History(resource, tuple(Step(act, gap) for act, gap in steps))


@pytest.fixture
def mirror(world):
    return Mirror(world)


async def assert_every_order_ends_in_the_truth(mirror, history):
    count = len(tell(mirror.world, history, 0).events)
    cases = [(history, delivery) for delivery in every_delivery(count)]
    failures = await mirror.failures(cases)
    wrong = [(delivery, failure) for (_, delivery), failure in zip(cases, failures, strict=True) if failure]
    assert not wrong, f"{len(wrong)} of {len(cases)} deliveries, for example {wrong[0]}"
    assert await mirror.unbalanced() == []


@given(histories(ORDERS))
@example(lived(ORDERS, ("update", 0.5), ("page", 0.5), ("update", 1.0), ("redact", 1.0)))
@example(lived(ORDERS, ("update", 0.2), ("waver", 0.2), ("page", 0.2), ("update", 0.2)))
@example(lived(ORDERS, ("edit", 0.5), ("page", 0.2), ("delete", 0.2), ("look", 1.0)))
@quickly
async def test_every_order_of_an_orders_history_ends_in_the_truth(mirror, history):
    await assert_every_order_ends_in_the_truth(mirror, history)


@given(histories(PRODUCTS))
@example(lived(PRODUCTS, ("update", 1.0), ("update", 0.0), ("cut", 0.2), ("page", 0.2)))
@example(lived(PRODUCTS, ("update", 1.0), ("page", 1.0), ("delete", 0.0)))
@quickly
async def test_every_order_of_a_products_history_ends_in_the_truth(mirror, history):
    await assert_every_order_ends_in_the_truth(mirror, history)


@given(histories(CUSTOMERS))
@example(lived(CUSTOMERS, ("page", 0.5), ("rename", 0.5), ("tag", 1.0), ("consent", 1.0)))
@example(lived(CUSTOMERS, ("consent", 1.0), ("mail", 0.2), ("consent", 0.2), ("page", 0.5)))
@example(lived(CUSTOMERS, ("page", 0.5), ("rename", 1.0), ("delete", 1.0)))
@example(lived(CUSTOMERS, ("page", 0.0), ("spend", 0.5), ("rename", 0.5), ("redact", 1.0)))
@quickly
async def test_every_order_of_a_customers_history_ends_in_the_truth(mirror, history):
    await assert_every_order_ends_in_the_truth(mirror, history)


@pytest.mark.parametrize(
    "history",
    [
        lived(ORDERS, ("update", 0.5), ("lose", 0.5), ("undo", 1.0)),
        lived(ORDERS, ("lose", 0.5), ("redact", 0.2), ("undo", 1.0)),
        lived(PRODUCTS, ("lose", 0.5), ("cut", 0.5), ("undo", 1.0)),
        lived(PRODUCTS, ("lose", 0.5), ("undo", 0.5), ("delete", 1.0)),
        lived(CUSTOMERS, ("lose", 0.5), ("undo", 0.5), ("rename", 1.0)),
        lived(CUSTOMERS, ("lose", 0.5), ("undo", 0.5), ("redact", 1.0)),
    ],
)
async def test_every_order_of_a_history_with_a_mistaken_deletion_ends_in_the_truth(mirror, history):
    await assert_every_order_ends_in_the_truth(mirror, history)


async def test_read_by_id_that_saw_what_was_taken_back_within_the_second_does_not_win(mirror):
    history = lived(PRODUCTS, ("update", 0.2), ("look", 0.1), ("waver", 0.2))
    created_taken_back_read_updated = Delivery((0, 3, 2, 1), frozenset({0, 1, 2}), eager=False)

    assert await mirror.failures([(history, created_taken_back_read_updated)]) == [None]


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", range(4))
async def test_thousands_of_random_histories_end_in_the_truth(mirror, seed):
    chance = random.Random(seed)
    for _ in range(SOAK_HISTORIES // 4 // SOAK_SHARED):
        cases = []
        for _ in range(SOAK_SHARED):
            history = some_history(chance, SOAK_STEPS_MAX)
            cases.append((history, some_delivery(chance, len(tell(mirror.world, history, 0).events))))
        failures = await mirror.failures(cases)
        for (history, delivery), failure in zip(cases, failures, strict=True):
            if failure:
                pytest.fail(await smallest_failure(mirror, history, delivery, failure))
    assert await mirror.unbalanced() == []


async def smallest_failure(mirror, history, delivery, failure):
    """Leave out steps as long as some delivery of what is left still fails; describe the last that did."""
    chance = random.Random(0)
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for shorter in history.shorter():
            count = len(tell(mirror.world, shorter, 0).events)
            all_or_some = (
                every_delivery(count)
                if count <= EVENTS_MAX
                else (some_delivery(chance, count) for _ in range(100))
            )
            cases = [(shorter, delivery) for delivery in all_or_some]
            failures = await mirror.failures(cases)
            found = next((one for one in zip(cases, failures, strict=True) if one[1]), None)
            if found:
                ((history, delivery), failure), is_smaller = found, True
                break
    return f"{failure}\n{history!r}\n{delivery!r}"
