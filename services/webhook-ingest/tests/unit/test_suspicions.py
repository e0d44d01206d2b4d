"""A flood of refusals is a line a second, and no refusal goes uncounted."""

from structlog.testing import capture_logs

from webhook_ingest.suspicions import Suspicions


def test_one_line_a_second_for_each_outcome_says_how_many_were_left_out() -> None:
    now = 100.0
    suspicions = Suspicions(lambda: now)

    with capture_logs() as lines:
        for _ in range(5):
            suspicions.note("bad_signature", 401, "other")
        suspicions.note("too_large", 413, "other")
        now += 1
        suspicions.note("bad_signature", 401, "other")

    assert [(line["outcome"], line["unsaid"]) for line in lines] == [
        ("bad_signature", 0),
        ("too_large", 0),
        ("bad_signature", 4),
    ]
