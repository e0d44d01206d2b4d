from collections.abc import Iterator
from pathlib import Path

import pytest

from .merchant import Merchant
from .serving import Receiver, receiver, simulator


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with simulator(tmp_path) as address:
        yield address


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    with receiver() as endpoint:
        yield endpoint


@pytest.fixture
def acme(address: str) -> Iterator[Merchant]:
    with Merchant(address, "acme") as merchant:
        merchant.create()
        yield merchant
