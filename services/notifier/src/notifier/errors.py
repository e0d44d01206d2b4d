"""Why a mail cannot go out, named for the code kept in its row. None of their messages holds a secret or an address."""


class Unsendable(Exception):
    """This mail can never be sent. `code` is what its row says."""

    code = "unsendable"


class RecipientGone(Unsendable):
    """The user is no longer known, or no longer a member of the advertiser whose store the mail is about."""

    code = "recipient_gone"


class TokenExpired(Unsendable):
    """The link would no longer work."""

    code = "token_expired"


class TokenUnreadable(Unsendable):
    """The sealed token does not open for this user and kind of mail."""

    code = "token_unreadable"
