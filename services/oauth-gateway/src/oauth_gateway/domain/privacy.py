"""What the privacy page shows: customers' data to hand out, what was erased, and the choice about shops."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from oauth_gateway.domain.jobs import Status
from oauth_gateway.domain.words import Viewer, plural

_FILE_NAME_LENGTH_MAX: Final = 60


class RedactPreference(StrEnum):
    """What remains of a shop that Shopify asks us to erase; personal data never does."""

    ANONYMISE = "anonymise"
    ERASE = "erase"

    @property
    def label(self) -> str:
        """Return the words of the choice."""
        return _LABELS[self]

    @property
    def meaning(self) -> str:
        """Say what becomes of orders and products."""
        return _MEANINGS[self]


_LABELS: Final = {
    RedactPreference.ANONYMISE: "Keep anonymous orders and products",
    RedactPreference.ERASE: "Erase orders and products too",
}
_MEANINGS: Final = {
    RedactPreference.ANONYMISE: "Orders stay with their amounts, items and dates, so that your reports still add up, "
    "but nothing says whose they were. Products stay as they are.",
    RedactPreference.ERASE: "Nothing of the shop remains, and your reports lose its orders and products. "
    "This cannot be undone.",
}


@dataclass(frozen=True, slots=True)
class Export:
    """The answer to a data request; all but the fact that it was made goes when it is deleted."""

    id: int
    store_id: int
    shop_domain: str
    created_at: datetime
    request_id: str | None = None
    records: int | None = None
    expires_at: datetime | None = None

    def is_ready(self, now: datetime) -> bool:
        """Say whether it can be downloaded."""
        return self.expires_at is not None and self.expires_at > now

    def status_label(self, now: datetime) -> Status:
        """Return its state."""
        if self.is_ready(now):
            return Status("ok", "Ready")
        return Status("idle", "Deleted" if self.expires_at is None else "Expired")

    @property
    def file_name(self) -> str:
        """Return a name for the file that is safe in a header and on any disk."""
        number = "".join(sign for sign in self.request_id or "" if sign.isascii() and sign.isalnum())
        return f"customer-data-request-{number[:_FILE_NAME_LENGTH_MAX] or self.id}.json"


@dataclass(frozen=True, slots=True)
class Access:
    """One time that somebody took an export out of here."""

    user_name: str
    export_id: int
    shop_domain: str
    accessed_at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one of Shopify's privacy requests, in counts."""

    id: int
    shop_domain: str
    topic: str
    webhook_id: str
    received_at: datetime
    done_at: datetime | None
    outcome: str
    effects: Mapping[str, int]
    keep_anonymous: bool | None = None

    @property
    def request_words(self) -> str:
        """Say what Shopify asked for."""
        return _REQUESTS.get(self.topic, self.topic)

    @property
    def status_label(self) -> Status:
        """Return its state."""
        if self.outcome == "ignored":
            return Status("idle", "Not needed")
        return Status("busy", "Erasing") if self.done_at is None else Status("ok", "Done")

    def effect_words(self, viewer: Viewer) -> str:
        """Say what was done: `1 contact erased, 3 orders made anonymous`."""
        if self.outcome == "ignored":
            return "The shop is connected again" if self.topic == "shop/redact" else "We held nothing"
        done = [
            f"{viewer.number(count)} {plural(count, noun)} {self._verb(name)}"
            for name, noun in _COUNTED.items()
            if (count := self.effects.get(name, 0))
        ]
        return ", ".join(done) or ("Nothing so far" if self.done_at is None else "We held nothing")

    def _verb(self, name: str) -> str:
        if name == "records":
            return "exported"
        # One customer's orders always stay, without the customer; a shop's do as the advertiser chose.
        keeps = name == "orders" and (self.topic == "customers/redact" or self.keep_anonymous)
        return "made anonymous" if keeps else "erased"


_REQUESTS: Final = {
    "customers/data_request": "Hand out a customer's data",
    "customers/redact": "Erase a customer",
    "shop/redact": "Erase the shop",
}
_COUNTED: Final = {
    "records": "record",
    "contacts": "contact",
    "orders": "order",
    "products": "product",
    "exports": "export",
}
