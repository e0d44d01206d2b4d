"""Where the gateway is reached, and what follows from it: cookies, allowed origins, form targets."""

from dataclasses import dataclass
from urllib.parse import urlsplit

_SHOPIFY_FORM_TARGETS = "https://*.myshopify.com https://admin.shopify.com https://accounts.shopify.com"


@dataclass(frozen=True, slots=True)
class Site:
    """The public side of one deployment."""

    public_url: str
    support_url: str
    shop_url: str

    @property
    def origin(self) -> str:
        """Return scheme, host and port as browsers send them in `Origin`."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}".lower()

    @property
    def is_secure(self) -> bool:
        """Say whether the site is served over https."""
        return self.origin.startswith("https://")

    @property
    def session_cookie(self) -> str:
        """Return the cookie's name; `__Host-` needs https, which a demo on loopback has not."""
        return "__Host-session" if self.is_secure else "session"

    @property
    def visitor_cookie(self) -> str:
        """Return the name of the cookie that binds the log-in form to a browser without a session."""
        return "__Host-visitor" if self.is_secure else "visitor"

    @property
    def install_cookie(self) -> str:
        """Return the name of the cookie that binds an install to a browser, from Shopify and back."""
        return "__Host-install" if self.is_secure else "install"

    @property
    def connect_form_targets(self) -> str:
        """Return where the connect form may lead: browsers apply `form-action` to the redirect after a POST."""
        if self.shop_url.startswith("https://{shop}"):
            return _SHOPIFY_FORM_TARGETS
        parts = urlsplit(self.shop_url)
        return f"{parts.scheme}://{parts.netloc}"
