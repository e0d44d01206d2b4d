"""The whole platform, started once: real PostgreSQL, real Kafka, six real processes, the simulator, the stub."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from local_stack.browser import Browser
from local_stack.platform import Platform, Row, eventually
from local_stack.repository import LOCAL, scratch_folder
from local_stack.stack import Login, Stack, start_stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A running platform of its own on free ports."""
    with scratch_folder("test-platform") as folder:
        stack = start_stack(folder / "run", cache=LOCAL / "cache", default_ports=False, durable=False)
        yield stack
        stack.stop()


@pytest.fixture(autouse=True)
def every_part_lives(stack: Stack, request: pytest.FixtureRequest) -> Iterator[None]:
    """A part that died of itself fails the test in which it happened, with the end of its log."""
    yield
    dead = {process.name: process.log_tail() for process in stack.dead()}
    assert not dead, f"ended by themselves: {dead}"


@pytest.fixture
def platform(stack: Stack) -> Platform:
    """What a person can do with it."""
    return Platform(stack)


@pytest.fixture
def new_login(stack: Stack) -> Callable[[], Login]:
    """Make a user who owns an advertiser of their own."""

    return lambda: make_login(stack)


def make_login(stack: Stack) -> Login:
    """Make a user who owns an advertiser of their own."""
    name = uuid4().hex[:8]
    login = Login(f"{name}@example.com", uuid4().hex, f"Advertiser {name}", f"adv-{name}")
    stack.create_user(login, name=f"Owner {name}")
    return login


@pytest.fixture
def login(new_login: Callable[[], Login]) -> Login:
    """A user who owns an advertiser of their own."""
    return new_login()


@pytest.fixture
def shop() -> str:
    """The domain of a shop that nobody else uses."""
    return f"shop-{uuid4().hex[:8]}.myshopify.com"


@pytest.fixture
def connect(platform: Platform) -> Callable[[Login, str], Row]:
    """Connect a shop through the pages and return the store once it exists."""

    def act(login: Login, domain: str) -> Row:
        with Browser() as browser:
            platform.log_in(browser, login)
            return connect_in(browser, platform, login, domain)

    return act


def connect_in(browser: Browser, platform: Platform, login: Login, domain: str) -> Row:
    """Connect a shop in a browser where somebody is logged in; return the store once it exists."""
    platform.connect(browser, login, domain)
    return eventually(
        lambda: platform.store(domain, login.slug),
        within_seconds=10,
        what=f"the store of {domain} exists",
    )


@pytest.fixture
def log_folder(stack: Stack) -> Path:
    """Where the processes write their logs."""
    return stack.folder / "logs"
