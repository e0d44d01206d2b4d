"""Data beside errors: what may not be read is absent, never null."""

from typing import Any

import pytest

from shopify_fetcher.domain.answers import Path, without_refused


def page() -> dict[str, Any]:
    record = {
        "id": "gid://shopify/Customer/1",
        "email": None,
        "addressesV2": {"nodes": [{"id": "a", "zip": None}]},
    }
    return {"customers": {"nodes": [record, None]}}


@pytest.mark.parametrize(
    ("path", "left"),
    [
        (["customers", "nodes", 0, "email"], {"id", "addressesV2"}),
        (["customers", "nodes", 0, "addressesV2", "nodes", 0, "zip"], {"id", "email"}),
        (["customers", "nodes", 0, "unknown"], {"id", "email", "addressesV2"}),
        (["customers", "nodes", 1, "email"], {"id", "email", "addressesV2"}),
        (["customers", "nodes", 7, "email"], {"id", "email", "addressesV2"}),
        ([], {"id", "email", "addressesV2"}),
    ],
)
def test_refused_field_is_taken_out_of_its_record(path: Path, left: set[str]) -> None:
    data = without_refused(page(), [path])

    assert set(data["customers"]["nodes"][0]) == left
