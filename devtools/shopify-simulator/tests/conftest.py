from collections.abc import Iterator

import pytest

from .merchant import Merchant
from .serving import Endpoints, Receiver, served, simulator


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The simulator that the tests share; each has its own shops there."""
    with simulator(tmp_path_factory.mktemp("simulator")) as address:
        yield address


@pytest.fixture(scope="session")
def endpoints() -> Iterator[tuple[Endpoints, str]]:
    endpoints = Endpoints()
    with served(endpoints.app) as address:
        yield endpoints, address


@pytest.fixture
def hooks(endpoints: tuple[Endpoints, str]) -> Receiver:
    """The test's own webhook endpoint."""
    server, address = endpoints
    return server.open(address)


@pytest.fixture
def acme(address: str) -> Iterator[Merchant]:
    """A shop of the test's own."""
    with Merchant(address, "acme") as merchant:
        merchant.create()
        yield merchant
