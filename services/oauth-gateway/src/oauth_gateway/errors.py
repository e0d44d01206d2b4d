"""Errors, named for the reaction they call for. Their texts name fields, never values."""

from collections.abc import Sequence


class GatewayError(Exception):
    """Any error of the gateway itself."""


class NotLoggedIn(GatewayError):
    """The request needs a session: show the log-in page, then come back."""


class NotFound(GatewayError):
    """The thing does not exist, or belongs to somebody else: which of the two is nobody's business."""


class Forbidden(GatewayError):
    """The person is known and may not do this."""


class OwnersOnly(GatewayError):
    """The person is known, and this is for owners alone."""


class NoAdvertiser(GatewayError):
    """The person is known and belongs to no advertiser yet."""


class StaleForm(GatewayError):
    """The request does not prove that our page sent it (CSRF token or origin)."""


class TooManyAttempts(GatewayError):
    """Log-in is paused for this address or account."""


class WrongCredentials(GatewayError):
    """E-mail and password do not belong together; which one is wrong is not told."""


class InvalidInput(GatewayError):
    """A form field cannot be accepted; the text is for the person who typed it."""


class ResetExpired(GatewayError):
    """The link for a new password is unknown, used or too old: ask for another."""


class InvitationExpired(GatewayError):
    """The invitation is unknown, used, withdrawn or too old: somebody must invite again."""


class ExportGone(GatewayError):
    """The export has expired or was deleted, perhaps while it was being sent."""


class CallbackRefused(GatewayError):
    """Shopify's callback proves too little; the text names the check, for the log."""


class LinkRefused(GatewayError):
    """The address under which Shopify is said to open the app proves too little; the text names the check."""


class InstallExpired(GatewayError):
    """This browser has no install to finish, or not any more: it begins again at Shopify."""


class FlowExpired(GatewayError):
    """The OAuth state is unknown, used, too old or another session's: begin again."""


class ConnectionRefused(GatewayError):
    """The fetcher could not connect the shop; `code` says why, `missing` which scopes were not granted."""

    def __init__(self, code: str, missing: Sequence[str] = ()) -> None:
        super().__init__(code)
        self.code = code
        self.missing = missing


class FetcherUnavailable(GatewayError):
    """The fetcher did not answer as agreed: say so and let the person try again."""


class TooManyStreams(GatewayError):
    """This process watches as many pages as it may, or is stopping: try again elsewhere."""
