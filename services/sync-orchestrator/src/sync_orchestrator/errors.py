"""Errors, named for the reaction they call for."""


class OrchestratorError(Exception):
    """Base of this service's own errors."""


class ForbiddenTransition(OrchestratorError):
    """A bug: the state machine knows no such step."""


class LeaseLost(OrchestratorError):
    """Stop at once and write nothing: another replica holds the job, or the job has ended."""


class StreamCut(OrchestratorError):
    """Ask again from the last stored cursor: the fetcher's answer ended early or could not be had."""


class BooksMismatch(OrchestratorError):
    """Fail the job with both numbers: records are missing or were counted twice."""

    def __init__(self, resource: str, expected: int, accounted: int) -> None:
        super().__init__(f"{resource}: {expected} records were read, {accounted} are accounted for")
        self.resource = resource
        self.expected = expected
        self.accounted = accounted


class PartFailed(OrchestratorError):
    """Fail the job; `code` and `retryable` decide what follows, the message is for whoever looks into it."""

    def __init__(self, resource: str, code: str, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.resource = resource
        self.code = code
        self.retryable = retryable


class NothingReadable(OrchestratorError):
    """Fail the job for good: the merchant lets the app read none of what it is about. The message is for people."""


class MirrorTooShort(OrchestratorError):
    """Read the store in full: so much is missing that reads by id would take longer."""

    def __init__(self, shopify_count: int, our_count: int) -> None:
        super().__init__(f"{our_count} of {shopify_count} records are here")
        self.shopify_count = shopify_count
        self.our_count = our_count


class Stopping(OrchestratorError):
    """Put the work back: this process is to end."""


class FetcherRefused(OrchestratorError):
    """The fetcher answered that this read cannot be done; `retryable` says whether it may later."""

    def __init__(self, code: str, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
