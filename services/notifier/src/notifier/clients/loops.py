"""Loops' transactional call ("Send transactional email"): one mail to one person."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from notifier.domain.sending import Answer, answer_of
from sync_common.http import Client, HTTPError

_PATH: Final = "/api/v1/transactional"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a call; no status when no answer came."""

    answer: Answer
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Loops:
    """Sends through a client whose base URL and key are set."""

    client: Client

    async def send(
        self, *, email: str, transactional_id: str, variables: Mapping[str, Any], idempotency_key: str
    ) -> Reply:
        """Ask Loops to send one mail. Only the status counts: its body repeats what was asked."""
        body = {
            "email": email,
            "transactionalId": transactional_id,
            "addToAudience": False,
            "dataVariables": dict(variables),
        }
        headers = {"Idempotency-Key": idempotency_key}
        try:
            async with self.client.stream("POST", _PATH, json=body, headers=headers) as response:
                return Reply(answer_of(response.status_code), response.status_code)
        except HTTPError:  # refused, cut or timed out: whether Loops took it is not known
            return Reply(Answer.UNCERTAIN)
