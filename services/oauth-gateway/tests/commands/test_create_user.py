"""`create-user`, as whoever runs the gateway calls it."""

import subprocess
import sys

import pytest

from local_stack.testing import StackDatabase
from oauth_gateway.handlers import login
from oauth_gateway.handlers.context import Gateway
from sync_common.contracts.topics import OAUTH_GATEWAY

EMAIL = "dana@example.com"


def create_user(stack_database: StackDatabase, password: str) -> "subprocess.CompletedProcess[str]":
    command = [
        sys.executable, "-m", "oauth_gateway", "create-user", "--email", EMAIL, "--name", "Dana Reyes",
        "--advertiser", "Acme Apparel", "--slug", "acme",
    ]  # fmt: skip
    return subprocess.run(
        command,
        env={
            "GATEWAY_ENVIRONMENT": "development",
            "GATEWAY_DATABASE_URL": stack_database.url_of(OAUTH_GATEWAY),
        },
        input=f"{password}\n",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("password", ["-h begins with a dash", "--name=x y", "  blanks at both ends  "])
async def test_any_password_can_be_set_and_logs_in(
    stack_database: StackDatabase, gateway: Gateway, password: str
) -> None:
    """A password that began with a dash was an argument once, and was taken for an option."""
    done = create_user(stack_database, password)

    assert done.returncode == 0, done.stderr
    assert await login.log_in(gateway, email=EMAIL, password=password, address="127.0.0.1")


async def test_running_it_again_changes_the_password(stack_database: StackDatabase, gateway: Gateway) -> None:
    assert create_user(stack_database, "the first password").returncode == 0
    assert create_user(stack_database, "the second password").returncode == 0

    assert await login.log_in(gateway, email=EMAIL, password="the second password", address="127.0.0.1")


def test_short_password_is_refused_in_words(stack_database: StackDatabase) -> None:
    done = create_user(stack_database, "short")

    assert done.returncode == 2
    assert done.stderr == "The password needs 10 to 1024 characters.\n"
