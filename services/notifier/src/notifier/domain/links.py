"""Addresses of pages of the web UI, for the buttons in mails."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode


@dataclass(frozen=True, slots=True)
class Links:
    """Builds addresses under the web UI's public URL."""

    public_url: str
    support_url: str

    def integration(self, advertiser_slug: str) -> str:
        """Return the Shopify page of an advertiser."""
        return f"{self.public_url.rstrip('/')}/advertisers/{quote(advertiser_slug, safe='')}/integrations/shopify"

    def store(self, advertiser_slug: str, store_id: int) -> str:
        """Return the place of one store on that page: the button for another try is there."""
        return f"{self.integration(advertiser_slug)}#store-{store_id}"

    def reconnect(self, advertiser_slug: str, shop_domain: str) -> str:
        """Return the page whose button connects this shop again; a mail's link itself changes nothing."""
        return f"{self.integration(advertiser_slug)}/connect?{urlencode({'shop': shop_domain})}"

    def invitation(self, token: str) -> str:
        """Return the page that accepts an invitation."""
        return f"{self.public_url.rstrip('/')}/invitations/{quote(token, safe='')}"

    def password_reset(self, token: str) -> str:
        """Return the page that takes a new password."""
        return f"{self.public_url.rstrip('/')}/password/reset/{quote(token, safe='')}"
