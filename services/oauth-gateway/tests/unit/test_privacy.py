"""What the privacy page says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from oauth_gateway.domain.privacy import Export, Receipt
from oauth_gateway.domain.words import Viewer

NOW = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


ERASED, KEPT = {"keep_anonymous": False}, {"keep_anonymous": True}


def receipt(topic: str, effects: dict[str, int], **changed: Any) -> Receipt:
    values: dict[str, Any] = {"outcome": "done", "done_at": NOW, **changed}
    return Receipt(1, "acme.myshopify.com", topic, "w", NOW, effects=effects, **values)


@pytest.mark.parametrize(
    ("expires_in", "label"),
    [
        (timedelta(seconds=1), ("ok", "Ready")),
        (timedelta(0), ("idle", "Expired")),
        (None, ("idle", "Deleted")),
    ],
)
def test_export_is_ready_until_it_expires(expires_in: timedelta | None, label: tuple[str, str]) -> None:
    export = Export(1, 1, "s", NOW, expires_at=None if expires_in is None else NOW + expires_in)

    assert export.status_label(NOW) == label


@pytest.mark.parametrize(
    ("request_id", "name"),
    [
        ("9001", "customer-data-request-9001.json"),
        ('"; x=\r\n../é', "customer-data-request-x.json"),
        ("../", "customer-data-request-7.json"),
        (None, "customer-data-request-7.json"),
        ("9" * 500, f"customer-data-request-{'9' * 60}.json"),
    ],
)
def test_file_name_is_safe_whatever_the_request_is_called(request_id: str | None, name: str) -> None:
    assert Export(7, 1, "s", NOW, request_id=request_id).file_name == name


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (receipt("customers/redact", {"contacts": 1, "orders": 1234}), "1 contact erased, 1,234 orders made anonymous"),
        (receipt("customers/redact", {"contacts": 0, "orders": 0}), "We held nothing"),
        (receipt("customers/redact", {}, outcome="ignored"), "We held nothing"),
        (receipt("shop/redact", {"orders": 2, "products": 1}, **ERASED), "2 orders erased, 1 product erased"),
        (receipt("shop/redact", {"contacts": 3, "orders": 2}, **KEPT), "3 contacts erased, 2 orders made anonymous"),
        (receipt("shop/redact", {}, done_at=None), "Nothing so far"),
        (receipt("shop/redact", {}, outcome="ignored"), "The shop is connected again"),
        (receipt("customers/data_request", {"records": 4}), "4 records exported"),
    ],
)  # fmt: skip
def test_receipt_says_what_was_done(made: Receipt, words: str) -> None:
    assert made.effect_words(Viewer(NOW)) == words


def test_receipt_of_an_unfinished_erasure_says_so() -> None:
    assert receipt("shop/redact", {}, done_at=None).status_label == ("busy", "Erasing")
    assert receipt("shop/redact", {}).status_label == ("ok", "Done")
    assert receipt("shop/redact", {}, outcome="ignored").status_label == ("idle", "Not needed")
