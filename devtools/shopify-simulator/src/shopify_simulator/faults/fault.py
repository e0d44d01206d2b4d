"""What shall go wrong, and when: a list of faults, of which each request meets at most the first that strikes."""

import json
import random
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

Effect = Literal[
    "status",
    "replaced",
    "html",
    "throttled",
    "drop",
    "delay",
    "drip",
    "corrupt_gzip",
    "repeat_cursor",
    "missing_nodes",
    "truncate_lines",
    "missing_parents",
]
FILE_EFFECTS = {"truncate_lines", "missing_parents"}
PAGE_EFFECTS = {"repeat_cursor", "missing_nodes"}
ANSWERING_EFFECTS = {"status", "replaced", "html"}
PAGE = "<!DOCTYPE html><html><head><title>Shopify</title></head><body><h1>Something went wrong</h1></body></html>"


class Fault(BaseModel):
    """One fault. It lets `skip` requests whose path and body contain the given texts pass, then strikes `times`.

    With a `share` it strikes each of them with that probability, as its seed decides, and stays until it is cleared.
    """

    model_config = ConfigDict(extra="forbid")

    shop: str | None = None
    path: str | None = None
    operation: str | None = None
    effect: Effect = "status"
    status: int = Field(default=500, ge=200, le=599)
    body: Any = None
    text: str | None = None
    headers: dict[str, str] = {}
    delay_seconds: float = Field(default=0.0, ge=0, le=600)
    after_bytes: int = Field(default=0, ge=0)
    nodes: int = Field(default=1, ge=1)
    skip: int = Field(default=0, ge=0)
    times: int = Field(default=1, ge=1)
    share: float | None = Field(default=None, ge=0, le=1)
    seed: int = 1
    _dice: random.Random = PrivateAttr()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.body is not None and self.text is not None:
            raise ValueError("give either body or text")
        if self.effect == "html" and "status" not in self.model_fields_set:
            self.status = 200
        self._dice = random.Random(self.seed)
        return self

    def matches(self, shop: str | None, path: str, body: bytes) -> bool:
        """Whether the fault is about this request."""
        return (
            (self.shop is None or self.shop == shop)
            and (self.path is None or self.path in path)
            and (self.operation is None or self.operation.encode() in body)
            and (self.effect not in FILE_EFFECTS or path.startswith("/bulk/"))
            and (self.effect not in PAGE_EFFECTS or path.endswith("/graphql.json"))
        )

    def strikes(self) -> bool:
        """Whether it strikes the matching request that it is asked for; every question counts."""
        if self.skip:
            self.skip -= 1
            return False
        if self.share is not None:
            return self._dice.random() < self.share
        self.times -= 1
        return True

    @property
    def is_spent(self) -> bool:
        """Whether it has struck as often as it was to."""
        return self.times == 0

    def content(self) -> tuple[bytes, str]:
        """The body of the fault's own answer and its type."""
        if self.text is not None:
            return self.text.encode(), "text/html" if self.effect == "html" else "text/plain; charset=utf-8"
        if self.effect == "html":
            return PAGE.encode(), "text/html"
        body = {"errors": "Injected fault"} if self.body is None else self.body
        return json.dumps(body).encode(), "application/json"

    def throttles(self) -> bool:
        """Whether its own answer tells the client that it calls too often."""
        if self.effect == "throttled":
            return True
        if self.effect not in ANSWERING_EFFECTS:
            return False
        return self.status == 429 or b'"THROTTLED"' in self.content()[0]
