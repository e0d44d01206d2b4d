"""Errors, named for the reaction they call for. Messages say what was refused, never a value that is personal."""

from collections.abc import Sequence


class FetcherError(Exception):
    """The base of every error of this service. `code` goes to callers; `retryable` says whether waiting may help."""

    code = "internal"
    retryable = True


class ShopNameRefused(FetcherError):
    """The shop's name is no myshopify.com domain: ask the person again."""

    code = "shop_mismatch"
    retryable = False


class Throttled(FetcherError):
    """Shopify asked to wait: try again after `resume_in` seconds."""

    code = "throttled"

    def __init__(self, resume_in: float) -> None:
        super().__init__(f"throttled, resuming in {resume_in:.1f} s")
        self.resume_in = resume_in


class TokenRefused(FetcherError):
    """The token is dead: refresh it once, else the installation is disconnected.

    `version` names the stored pair that was found dead, where that is known.
    """

    code = "token_refused"
    retryable = False

    def __init__(self, message: str, *, version: int | None = None) -> None:
        super().__init__(message)
        self.version = version


class AccessDenied(FetcherError):
    """A scope or an approval is missing: only the merchant or the app's owner can help."""

    code = "access_denied"
    retryable = False


class ShopGone(FetcherError):
    """The shop is not found. Whether it is gone for good, one answer cannot tell."""

    code = "shop_gone"


class ShopUnavailable(FetcherError):
    """The shop is frozen, locked or paused: try again much later."""

    code = "shop_unavailable"


class Transient(FetcherError):
    """The network or Shopify failed for a moment: the same call may succeed."""

    code = "shop_unreachable"


class Malformed(FetcherError):
    """An answer broke the protocol: retrying the same call is of little use, a person should look."""

    code = "protocol"


class MaxCostExceeded(FetcherError):
    """One query asks for too much: ask for fewer records."""

    code = "protocol"


class BulkFailed(FetcherError):
    """A bulk operation ended without a whole file: read the same in smaller pieces."""

    code = "bulk_failed"


class BulkBusy(BulkFailed):
    """Other bulk operations of this app hold all of the shop's slots: read by pages."""


class BulkExpired(BulkFailed):
    """A finished operation's file is not kept any more: run it again."""


class CodeRefused(FetcherError):
    """The authorization code is unknown, spent or old: begin the connection again."""

    code = "code_refused"
    retryable = False


class ClaimRefused(FetcherError):
    """The claim is unknown, used, too old or of another shop: begin the installation again."""

    code = "claim_refused"
    retryable = False


class ScopesMissing(FetcherError):
    """The merchant granted less than the mirror needs; `missing` names the scopes."""

    code = "scopes_missing"
    retryable = False

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(f"these permissions are missing: {', '.join(missing)}")
        self.missing = missing


class ShopMismatch(FetcherError):
    """The token belongs to another shop than the one asked for."""

    code = "shop_mismatch"
    retryable = False


class TokenUnreadable(FetcherError):
    """A stored token does not open: a master key is missing, or the row was tampered with. A person must look."""


class ShopUnreachable(FetcherError):
    """A merchant waits for a connection and the shop does not answer: let them try again."""

    code = "shop_unreachable"


class NotConnected(FetcherError):
    """The installation holds no token, or does not exist."""

    code = "token_refused"
    retryable = False


class BadCursor(FetcherError):
    """The cursor was not made by this service, or for another query."""

    code = "bad_cursor"
    retryable = False


class Unauthorized(FetcherError):
    """The caller does not know the service token."""

    code = "unauthorized"
    retryable = False


class NotFound(FetcherError):
    """What the caller names does not exist."""

    code = "not_found"
    retryable = False


class TooLarge(FetcherError):
    """The request's body passes the limit."""

    code = "too_large"
    retryable = False
