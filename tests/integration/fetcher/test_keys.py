"""An operator replaces the master key while two fetchers run."""

import asyncio
import base64
import os

import pytest
from typer.testing import CliRunner, Result

from shopctl.main import app

from .replicas import Replicas

NEW_KEY = "next:" + base64.b64encode(os.urandom(32)).decode()


def rotate(replicas: Replicas) -> Result:
    """Run the command as an operator does."""
    settings = {
        "SHOPCTL_FETCHER_URL": replicas.url(0),
        "SHOPCTL_SERVICE_TOKEN": replicas.secrets.service_token,
    }
    return CliRunner().invoke(app, ["keys", "rotate"], env=settings)


@pytest.mark.timeout(180)
async def test_old_master_key_can_be_thrown_away_after_a_rotation(replicas: Replicas) -> None:
    installation_id = await asyncio.to_thread(replicas.connect, "acme", 1, customers=1, orders=1, products=1)
    old = replicas.secrets.master_keys

    await asyncio.to_thread(replicas.restart_with, f"{NEW_KEY},{old}")
    rotated = await asyncio.to_thread(rotate, replicas)
    await asyncio.to_thread(replicas.restart_with, NEW_KEY)

    assert rotated.exit_code == 0, rotated.output
    assert "1  sealed by next (now in use)" in rotated.output
    for number in range(2):
        async with replicas.caller(number) as caller:
            counts = await caller.post(
                f"/v1/installations/{installation_id}/counts", json={"resource": "orders"}
            )
        assert counts.json()["counts"] == [1]
