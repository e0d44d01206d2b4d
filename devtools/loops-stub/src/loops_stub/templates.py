"""The published transactional e-mails of this platform: ids, required variables, subjects and texts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import Environment, StrictUndefined

Value = str | int | float | list[Any]

# Plain text: pages escape it when they show it.
_TEXT: Final = Environment(undefined=StrictUndefined, autoescape=False, trim_blocks=True)  # noqa: S701
_TEXT.filters["thousands"] = lambda value: f"{value:,}" if isinstance(value, (int, float)) else str(value)


@dataclass(frozen=True, slots=True)
class Action:
    """A button: its label and the variable that holds its address."""

    label: str
    variable: str


@dataclass(frozen=True, slots=True)
class Template:
    """One published e-mail. Loops refuses a call that lacks one of its variables."""

    transactional_id: str
    name: str
    subject: str
    text: str
    variables: tuple[str, ...]
    actions: tuple[Action, ...]

    def missing(self, given: Mapping[str, Value]) -> list[str]:
        """Return the required variables that are not given, in the template's order."""
        return [name for name in self.variables if name not in given]

    def rendered_subject(self, given: Mapping[str, Value]) -> str:
        """Return the subject with its variables filled in."""
        return _TEXT.from_string(self.subject).render(given)

    def rendered_text(self, given: Mapping[str, Value]) -> str:
        """Return the text with its variables filled in, without its buttons."""
        return _TEXT.from_string(self.text).render(given).strip()


_SYNC_COMPLETE = Template(
    transactional_id="stub_shopify_sync_complete",
    name="shopify_sync_complete",
    subject="Your Shopify sync is complete!",
    text="""
Great news! We've finished syncing your Shopify store.

Here's what we imported:
• {{ customers_synced | thousands }} customers
• {{ orders_synced | thousands }} orders
• {{ products_synced | thousands }} products

This took {{ duration }}. You can now start building campaigns!
""",
    variables=("shop_name", "customers_synced", "orders_synced", "products_synced", "duration", "view_url"),
    actions=(Action("View Your Data", "view_url"),),
)

_SYNC_FAILED = Template(
    transactional_id="stub_shopify_sync_failed",
    name="shopify_sync_failed",
    subject="Action needed: Shopify sync failed",
    text="""
We encountered an issue syncing your Shopify store ({{ shop_name }}).

Error: {{ error_message }}

We've automatically retried 3 times. Please try again manually or contact support if this persists.
""",
    variables=("shop_name", "error_message", "retry_url", "support_url"),
    actions=(Action("Retry Sync", "retry_url"), Action("Contact Support", "support_url")),
)

_STORE_DISCONNECTED = Template(
    transactional_id="stub_shopify_store_disconnected",
    name="shopify_store_disconnected",
    subject="Your Shopify store has been disconnected",
    text="""
Your Shopify store ({{ shop_name }}) has been disconnected.

Reason: {{ reason }}

What we have synced so far is still here, but we won't be able to sync new customers or orders until you reconnect.
""",
    variables=("shop_name", "reason", "reconnect_url"),
    actions=(Action("Reconnect Shopify", "reconnect_url"),),
)

_INVITATION = Template(
    transactional_id="stub_advertiser_invitation",
    name="advertiser_invitation",
    subject="{{ invited_by_name }} invited you to {{ advertiser_name }}",
    text="""
{{ invited_by_name }} invited you to join {{ advertiser_name }}.

The invitation is valid for {{ valid_for }}. If you did not expect it, you can ignore this e-mail.
""",
    variables=("advertiser_name", "invited_by_name", "accept_url", "valid_for"),
    actions=(Action("Accept Invitation", "accept_url"),),
)

_PASSWORD_RESET = Template(
    transactional_id="stub_password_reset",
    name="password_reset",
    subject="Reset your password",
    text="""
Someone asked for a new password for your account. If it was you, choose one now.

The link is valid for {{ valid_for }}. If it was not you, ignore this e-mail: your password stays as it is.
""",
    variables=("reset_url", "valid_for"),
    actions=(Action("Choose a New Password", "reset_url"),),
)

TEMPLATES: Final[dict[str, Template]] = {
    template.transactional_id: template
    for template in (_SYNC_COMPLETE, _SYNC_FAILED, _STORE_DISCONNECTED, _INVITATION, _PASSWORD_RESET)
}
