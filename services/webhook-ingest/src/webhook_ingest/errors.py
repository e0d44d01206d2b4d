"""Refusals, named for the answer they call for. None of their messages holds what a caller sent."""


class Refused(Exception):
    """A delivery that is not taken. `status` is the answer, `outcome` its name in metrics and logs."""

    status = 500
    outcome = "refused"


class Unauthenticated(Refused):
    """Nothing proves that Shopify sent this; `outcome` says what is missing."""

    status = 401

    def __init__(self, outcome: str, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


class TooLarge(Refused):
    """The body would not fit into one Kafka record."""

    status = 413
    outcome = "too_large"


class TooSlow(Refused):
    """The body did not arrive in time, or its sender went away."""

    status = 408
    outcome = "too_slow"


class NotDurable(Refused):
    """Kafka did not acknowledge in time; Shopify's retries are the spool."""

    status = 503
    outcome = "not_durable"


class Crowded(NotDurable):
    """Too much is waiting, in all or from this shop."""

    outcome = "crowded"
