"""What people type about themselves: an address and a password."""

import re
from typing import Final

EMAIL_LENGTH_MAX: Final = 254
PASSWORD_LENGTH_MIN: Final = 10
PASSWORD_LENGTH_MAX: Final = 1024
PASSWORD_RULE: Final = f"The password needs {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} characters."

_EMAIL: Final = re.compile(r"[!-?A-~]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+")


def clean_email(typed: str) -> str | None:
    """Return an address as it is kept, None for what cannot be one."""
    email = typed.strip().lower()
    return email if len(email) <= EMAIL_LENGTH_MAX and _EMAIL.fullmatch(email) else None


def is_fit_password(typed: str) -> bool:
    """Say whether a new password is long enough, and no longer than we hash."""
    return PASSWORD_LENGTH_MIN <= len(typed) <= PASSWORD_LENGTH_MAX
