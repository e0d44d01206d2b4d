"""What ingest counts by itself looks like what prometheus_client counts."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client import Counter as ReferenceCounter
from prometheus_client import Histogram as ReferenceHistogram
from prometheus_client.samples import Sample

from webhook_ingest.metrics import Counter, Histogram

BUCKETS = (0.0025, 0.5, 1, 86_400)
VALUES = st.floats(min_value=0, max_value=1e9) | st.sampled_from(BUCKETS)


def samples(registry: CollectorRegistry) -> list[Sample]:
    return [
        sample
        for family in registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    ]


@given(st.lists(VALUES))
def test_histogram_shows_what_the_reference_shows(values: list[float]) -> None:
    ours, reference = CollectorRegistry(), CollectorRegistry()
    histogram = Histogram("seconds", "Some time.", buckets=BUCKETS, registry=ours)
    expected = ReferenceHistogram("seconds", "Some time.", buckets=BUCKETS, registry=reference)

    for value in values:
        histogram.observe(value)
        expected.observe(value)

    assert samples(ours) == samples(reference)


def test_counter_shows_what_the_reference_shows() -> None:
    ours, reference = CollectorRegistry(), CollectorRegistry()
    counter = Counter("answers_total", "Some answers.", ["topic", "outcome"], registry=ours)
    expected = ReferenceCounter("answers_total", "Some answers.", ["topic", "outcome"], registry=reference)

    for labels in [("a", "published"), ("b", "published"), ("a", "published"), ("a", "refused")]:
        counter.count(*labels)
        expected.labels(*labels).inc()

    assert samples(ours) == samples(reference)
