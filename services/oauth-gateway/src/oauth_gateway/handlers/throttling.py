"""Counting attempts before anybody acts on them."""

from datetime import datetime, timedelta

from oauth_gateway.domain.throttle import Bucket, is_blocked
from oauth_gateway.errors import TooManyAttempts
from oauth_gateway.store import accounts
from sync_common.db import Transaction


async def count_attempt(
    tx: Transaction, counted: tuple[Bucket, ...], *, now: datetime, window: timedelta
) -> None:
    """Count one attempt in each bucket; raise TooManyAttempts where one overflows.

    The caller's rollback then takes the count back: what is not acted on must not fill a bucket.
    """
    keys = [bucket.key for bucket in counted]
    attempts = await accounts.count_guess(tx, keys, now=now, window_ends=now + window)
    if is_blocked(counted, attempts):
        raise TooManyAttempts
