"""Mails accepted and idempotency keys remembered, in memory."""

from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from loops_stub.templates import Template, Value

KEY_MEMORY: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Mail:
    """One accepted mail."""

    id: int
    accepted_at: datetime
    email: str
    template: Template
    variables: dict[str, Value]
    idempotency_key: str | None

    @property
    def subject(self) -> str:
        """Return the subject as its reader sees it."""
        return self.template.rendered_subject(self.variables)

    @property
    def text(self) -> str:
        """Return the text as its reader sees it."""
        return self.template.rendered_text(self.variables)

    @property
    def links(self) -> list[tuple[str, str]]:
        """Return each button's label and address."""
        return [(action.label, str(self.variables[action.variable])) for action in self.template.actions]

    def described(self) -> dict[str, Any]:
        """Return the mail as the admin API tells it."""
        return {
            "id": self.id,
            "accepted_at": self.accepted_at.isoformat(),
            "email": self.email,
            "transactional_id": self.template.transactional_id,
            "template": self.template.name,
            "variables": self.variables,
            "idempotency_key": self.idempotency_key,
            "subject": self.subject,
            "text": self.text,
            "links": [{"label": label, "url": url} for label, url in self.links],
        }


class Mailbox:
    """Keeps the newest mails, and each idempotency key for 24 hours ("Idempotency keys")."""

    def __init__(self, mails_max: int) -> None:
        self._mails: deque[Mail] = deque(maxlen=mails_max)
        self._keys: OrderedDict[str, datetime] = OrderedDict()
        self._accepted = 0

    def knows_key(self, key: str, now: datetime) -> bool:
        """Say whether a mail was accepted under this key within Loops' memory."""
        while self._keys and next(iter(self._keys.values())) <= now - KEY_MEMORY:
            self._keys.popitem(last=False)
        return key in self._keys

    def accept(
        self, email: str, template: Template, variables: dict[str, Value], key: str | None, now: datetime
    ) -> Mail:
        """Keep a mail and remember its key."""
        self._accepted += 1
        mail = Mail(self._accepted, now, email, template, variables, key)
        self._mails.append(mail)
        if key is not None:
            self._keys[key] = now
        return mail

    def newest_first(self) -> list[Mail]:
        """Return the mails kept."""
        return list(reversed(self._mails))

    def find(self, mail_id: int) -> Mail | None:
        """Return one mail, while it is kept."""
        return next((mail for mail in self._mails if mail.id == mail_id), None)

    def clear(self) -> None:
        """Forget the mails and the keys."""
        self._mails.clear()
        self._keys.clear()
