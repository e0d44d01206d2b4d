"""Shopify's clock, as far as an answer's `Date` header tells. Pure."""

from datetime import datetime, timedelta

_WHOLE_SECOND = timedelta(seconds=1)


def offset_to_shopify(sent: datetime, received: datetime, date: datetime) -> timedelta:
    """Return what to add to our clock to get Shopify's, and zero while the two cannot be told apart.

    `Date` has whole seconds, so the true offset lies between `date - received` and `date + 1 s - sent`.
    """
    least = date - received
    most = date + _WHOLE_SECOND - sent
    if least > timedelta(0):
        return least
    if most < timedelta(0):
        return most
    return timedelta(0)
