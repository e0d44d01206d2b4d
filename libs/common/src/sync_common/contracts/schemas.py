"""One JSON Schema per event and major version, generated from the models: `python -m sync_common.contracts.schemas`.

The files are committed, so that a change of a contract shows in review with the services that it concerns.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any, Final

from sync_common.contracts.events import EVENTS, Event
from sync_common.contracts.topics import TOPICS

FOLDER: Final = Path(__file__).parents[3] / "schemas"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_MAJOR: Final = re.compile(r"\.(v\d+)$")


def schema_name(event: type[Event]) -> str:
    """Return the file name of an event's schema, such as `sync.completed.v1.json`."""
    major = _MAJOR.search(event.TOPIC)
    if major is None:
        raise ValueError(f"topic {event.TOPIC} does not end in its major version")
    return f"{event.type_name()}.{major[1]}.json"


def schema_of(event: type[Event]) -> dict[str, Any]:
    """Return the schema of an event's body, with its topic and the services that write and read it."""
    topic = TOPICS[event.TOPIC]
    return {
        "$schema": _DIALECT,
        "x-type": event.type_name(),
        "x-topic": topic.name,
        "x-key": topic.key,
        "x-producers": list(topic.producers),
        "x-consumers": list(topic.consumers),
        **event.model_json_schema(mode="serialization"),
    }


def rendered_schemas() -> dict[str, str]:
    """Return the text of every schema file by its name."""
    return {
        schema_name(event): json.dumps(schema_of(event), indent=2, ensure_ascii=False) + "\n"
        for event in EVENTS.values()
    }


def drifted(folder: Path = FOLDER) -> list[str]:
    """Return the files that are missing, superfluous or other than the models say."""
    wanted = rendered_schemas()
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def write(folder: Path = FOLDER) -> None:
    """Write every schema and remove what no event stands behind."""
    wanted = rendered_schemas()
    for path in folder.glob("*.json"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


def main() -> int:
    """Write the schemas, or with --check report drift by exit code 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a file has drifted")
    if not parser.parse_args().check:
        write()
        return 0
    names = drifted()
    for name in names:
        print(f"drifted: {name}")
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
