import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

START_SECONDS = 30


def test_the_process_starts_serves_and_stops_when_told(tmp_path: Path) -> None:
    environment = {**os.environ, "SIMULATOR_HTTP_PORT": "0", "SIMULATOR_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "shopify_simulator"]

    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        health = httpx.get(f"{address_of(process)}/healthz")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=START_SECONDS)

    assert health.json() == {"status": "ok"}
    assert process.returncode in (0, -signal.SIGTERM)


def address_of(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        found = re.search(r"running on (http://\S+)", line)
        if found:
            return found[1]
    raise AssertionError("the process ended before it served")
