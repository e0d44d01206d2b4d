"""What people type about themselves: an address, a name and a password."""

import re
from typing import Final

from oauth_gateway.domain.words import one_line

EMAIL_LENGTH_MAX: Final = 254
PASSWORD_LENGTH_MIN: Final = 10
PASSWORD_LENGTH_MAX: Final = 1024
PASSWORD_RULE: Final = f"The password needs {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} characters."

NAME_LENGTH_MAX: Final = 100

_EMAIL: Final = re.compile(r"[!-?A-~]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+")


def clean_email(typed: str) -> str | None:
    """Return an address as it is kept, None for what cannot be one."""
    email = typed.strip().lower()
    return email if len(email) <= EMAIL_LENGTH_MAX and _EMAIL.fullmatch(email) else None


def clean_person_name(typed: str) -> str | None:
    """Return a person's name fit to show, None for one that is empty or too long."""
    name = one_line(typed)
    return name if 0 < len(name) <= NAME_LENGTH_MAX else None


def is_fit_password(typed: str) -> bool:
    """Say whether a new password is long enough, and no longer than we hash."""
    return PASSWORD_LENGTH_MIN <= len(typed) <= PASSWORD_LENGTH_MAX
