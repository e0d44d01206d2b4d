"""Sends what is owed: claim, call, record. A crash between any two of them sends nothing twice."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from notifier import metrics
from notifier.clients.loops import Loops, Reply
from notifier.domain.links import Links
from notifier.domain.mail import Template
from notifier.domain.sending import Answer, Next, State, after, is_beyond_window
from notifier.errors import RecipientGone, Unsendable
from notifier.sealed_links import secret_variables
from notifier.store import emails
from notifier.store.emails import Claimed
from sync_common.db import Database, is_transient
from sync_common.runtime import Clock, KeyRing

LEASE_SECONDS: Final = 60
_IDLE_SECONDS: Final = 0.5
_OUTAGE_SECONDS: Final = 2
_UPKEEP_SECONDS: Final = 30

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Sender:
    """One sender; any number may run, each mail is leased to one."""

    owner: str
    database: Database
    loops: Loops
    templates: Mapping[Template, str]
    keys: KeyRing
    links: Links
    clock: Clock
    mails_per_second: float

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set."""
        while not stop.is_set():
            try:
                pause = 0.0 if await self.send_next() else _IDLE_SECONDS
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("database is not usable", task="sender", error=type(error).__name__)
                pause = _OUTAGE_SECONDS
            await _wait(stop, pause)

    async def keep_up(self, stop: asyncio.Event) -> None:
        """Measure the backlog and delete old rows, now and then, until `stop` is set."""
        while not stop.is_set():
            try:
                async with self.database.transaction() as tx:
                    waiting = await emails.backlog(tx)
                    await emails.prune(tx)
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("database is not usable", task="upkeep", error=type(error).__name__)
            else:
                metrics.PENDING.set(waiting.pending)
                metrics.OLDEST_DUE_SECONDS.set(waiting.oldest_due_seconds)
            await _wait(stop, _UPKEEP_SECONDS)

    async def send_next(self) -> bool:
        """Send the mail that is due longest, at most at Loops' rate; say whether there was one."""
        async with self.database.transaction() as tx:
            mail = await emails.claim(tx, owner=self.owner, lease_seconds=LEASE_SECONDS)
            if mail is None:
                return False
            address = await emails.address_of(tx, mail)
            wait_seconds = await emails.take_turn(tx, spacing_seconds=1 / self.mails_per_second)
        await asyncio.sleep(wait_seconds)
        outcome = await self._outcome(mail, address)
        async with self.database.transaction() as tx:
            await emails.settle(tx, mail, outcome, owner=self.owner)
        self._note(mail, outcome)
        return True

    async def _outcome(self, mail: Claimed, address: str | None) -> Next:
        if is_beyond_window(mail.first_attempted_at, mail.now):
            return Next(State.UNKNOWN, failure="beyond_retry_window")
        try:
            reply = await self._call(mail, address)
        except Unsendable as error:
            return Next(State.FAILED, failure=error.code)
        except Exception:  # one mail that trips over a bug must not stop the others
            log.exception("mail failed", template=mail.template, email_id=mail.email_id)
            reply = Reply(Answer.UNCERTAIN)
        return after(reply.answer, reply.status, mail.attempts)

    async def _call(self, mail: Claimed, address: str | None) -> Reply:
        if address is None:
            raise RecipientGone("the user is no longer known, or no longer a member")
        secret = secret_variables(
            mail.template,
            user_id=mail.recipient_user_id,
            sealed_token=mail.sealed_token,
            expires_at=mail.token_expires_at,
            now=mail.now,
            keys=self.keys,
            links=self.links,
        )
        started = self.clock.monotonic()
        reply = await self.loops.send(
            email=address,
            transactional_id=self.templates[mail.template],
            variables={**mail.variables, **secret},
            idempotency_key=mail.idempotency_key,
        )
        metrics.CALL_SECONDS.observe(self.clock.monotonic() - started)
        metrics.CALLS.labels(template=mail.template, answer=reply.answer).inc()
        return reply

    def _note(self, mail: Claimed, outcome: Next) -> None:
        if outcome.state is not State.PENDING:
            metrics.MAILS.labels(template=mail.template, state=outcome.state).inc()
        write = log.info if outcome.state is State.SENT else log.warning
        write(
            "mail",
            template=mail.template,
            email_id=mail.email_id,
            event_id=mail.event_id,
            outcome=outcome.state,
            reason=outcome.failure,
            attempt=mail.attempts + int(outcome.counts_as_attempt),
        )


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), max(seconds, 0))
