"""Shopify's own example of each webhook topic, and what it must become.

The examples and their licence are the simulator's (`shopify_simulator/webhooks/examples`). What each must become was
read off the payload by hand and is kept beside this module, a file per topic.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from record_writer.domain.changes import Change
from record_writer.domain.rows import carried
from shopify_simulator.webhooks.topics import example_path

GOLDEN = Path(__file__).with_name("golden")


def example(topic: str) -> bytes:
    """Return the body as Shopify sends it."""
    return example_path(topic).read_bytes()


def golden(topic: str) -> dict[str, Any]:
    """Return what the example of a topic asks of the stored copy."""
    found: dict[str, Any] = json.loads((GOLDEN / f"{topic.replace('/', '_')}.json").read_text())
    return found


def shown(change: Change, *, named: Iterable[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a change as golden files write it (amounts as text, times in UTC), and what else its metadata keeps.

    `named` lists the metadata that the golden file speaks of.
    """
    columns = carried(change.row)
    if change.consent_email is not None:
        columns["consent_email"] = change.consent_email
    asked = {
        "kind": change.kind,
        "external_id": change.external_id,
        "updated_at": change.updated_at,
        "creates": change.creates,
        "refetch": change.refetch,
        "columns": columns,
    }
    written = json.loads(msgspec.json.encode(asked))
    metadata = written["columns"].get("metadata", {})
    others = {name: metadata.pop(name) for name in metadata.keys() - set(named)}
    return written, others
