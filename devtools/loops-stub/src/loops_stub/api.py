"""Loops' HTTP API as its clients see it ("API reference": transactional e-mails, API key)."""

import asyncio
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from loops_stub.faults import FaultKind, Faults
from loops_stub.limiter import RateLimiter
from loops_stub.mailbox import Mailbox
from loops_stub.templates import TEMPLATES, Template, Value

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_KEY_LENGTH_MAX: Final = 100
_SILENCE_SECONDS: Final = 60.0  # longer than any client waits


class LoopsError(Exception):
    """An answer of Loops that is not success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class SendRequest(BaseModel):
    """The body of a transactional send; Loops ignores fields that it does not know."""

    model_config = ConfigDict(populate_by_name=True)

    email: str
    transactional_id: str = Field(alias="transactionalId")
    add_to_audience: bool = Field(default=False, alias="addToAudience")
    data_variables: dict[str, str | int | float | list[Any]] = Field(
        default_factory=dict, alias="dataVariables"
    )


@dataclass(slots=True)
class Loops:
    """One team at Loops."""

    api_key: str
    mailbox: Mailbox
    limiter: RateLimiter
    now: Callable[[], datetime]
    faults: Faults = field(default_factory=Faults)

    def admit(self, authorization: str) -> None:
        """Let a caller in, or raise: the key first, then the limit."""
        if not hmac.compare_digest(authorization.encode(), f"Bearer {self.api_key}".encode()):
            raise LoopsError(401, "Invalid API key")
        if not self.limiter.take():
            raise LoopsError(429, "Rate limit exceeded")

    def send(self, request: SendRequest, key: str | None) -> bool:
        """Accept one mail, or raise as Loops answers; say whether there is to be an answer."""
        fault = self.faults.take()
        _raise_before_accepting(fault)
        now = self.now()
        if key is not None and self.mailbox.knows_key(key, now):
            raise LoopsError(409, "Idempotency key already used. It can be used again after 24 hours.")
        template = _checked(request, key)
        self.mailbox.accept(request.email, template, request.data_variables, key, now)
        if fault is FaultKind.ERROR_AFTER_ACCEPTING:
            raise LoopsError(500, "Internal server error")
        return fault is not FaultKind.SILENT_AFTER_ACCEPTING


def _raise_before_accepting(fault: FaultKind | None) -> None:
    if fault is FaultKind.SERVER_ERROR:
        raise LoopsError(500, "Internal server error")
    if fault is FaultKind.RATE_LIMITED:
        raise LoopsError(429, "Rate limit exceeded")
    if fault is FaultKind.REFUSE:
        raise LoopsError(400, "This transactional email is not published")


def _checked(request: SendRequest, key: str | None) -> Template:
    if key is not None and not 1 <= len(key) <= _KEY_LENGTH_MAX:
        raise LoopsError(400, f"Idempotency-Key must have 1 to {_KEY_LENGTH_MAX} characters")
    if not _EMAIL.fullmatch(request.email):
        raise LoopsError(400, "Invalid email address")
    template = TEMPLATES.get(request.transactional_id)
    if template is None:
        raise LoopsError(404, "Transactional email not found")
    given: dict[str, Value] = request.data_variables
    if missing := template.missing(given):
        raise LoopsError(400, f"Missing required data variable(s): {', '.join(missing)}")
    return template


def _loops(request: Request) -> Loops:
    loops: Loops = request.app.state.loops
    return loops


def _admitted(
    loops: Annotated[Loops, Depends(_loops)], authorization: Annotated[str, Header()] = ""
) -> Loops:
    loops.admit(authorization)
    return loops


router = APIRouter(prefix="/api/v1")


@router.post("/transactional")
async def send_transactional(
    body: SendRequest,
    loops: Annotated[Loops, Depends(_admitted)],
    idempotency_key: Annotated[str | None, Header()] = None,
) -> JSONResponse:
    """Send one transactional e-mail to one recipient."""
    if not loops.send(body, idempotency_key):
        await asyncio.sleep(_SILENCE_SECONDS)
    return JSONResponse({"success": True})


@router.get("/api-key")
async def test_api_key(loops: Annotated[Loops, Depends(_admitted)]) -> JSONResponse:
    """Tell a caller whether its key works."""
    return JSONResponse({"success": True, "teamName": "Local team"})


@router.get("/transactional-emails")
async def list_transactional_emails(loops: Annotated[Loops, Depends(_admitted)]) -> JSONResponse:
    """List the published e-mails."""
    data = [
        {"id": known.transactional_id, "name": known.name, "dataVariables": list(known.variables)}
        for known in TEMPLATES.values()
    ]
    return JSONResponse({"pagination": {"totalResults": len(data), "nextCursor": None}, "data": data})
