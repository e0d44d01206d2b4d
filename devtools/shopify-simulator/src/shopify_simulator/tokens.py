"""Codes, access tokens and refresh tokens of one app, by the rules of Shopify's offline tokens.

A pair belongs to (app, shop). Acquiring a token anew replaces the earlier pair; refreshing rotates it, and the previous
refresh token can be retried until its replacement is first used ("expiring offline access tokens").
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

CODE_LIFETIME = timedelta(minutes=10)
PREVIOUS_REFRESH_TOKEN_LIFETIME = timedelta(days=30)
EXCHANGED_TOKEN_LIFETIME = timedelta(days=7)


@dataclass(slots=True)
class Code:
    """An authorization code that waits for its one exchange."""

    shop: str
    scopes: tuple[str, ...]
    expires_at: datetime


@dataclass(slots=True)
class AccessToken:
    """What an API call carries. `expires_at` is None for a non-expiring token."""

    value: str
    shop: str
    scopes: tuple[str, ...]
    expires_at: datetime | None


@dataclass(slots=True)
class RefreshToken:
    """What asks for the next pair. It was `rotated_at` some time, and is retriable while its successor is unused."""

    value: str
    shop: str
    scopes: tuple[str, ...]
    expires_at: datetime
    previous: "RefreshToken | None" = None
    rotated_at: datetime | None = None


@dataclass(slots=True)
class RefreshCounts:
    """What became of a shop's refreshes. `reused_after_use` are refused ones that no client may ever try."""

    refreshes: int = 0
    refused_refreshes: int = 0
    reused_after_use: int = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """The answer of the token endpoint. Without `refresh` the access token does not expire."""

    access: AccessToken
    refresh: RefreshToken | None


class TokenBook:
    """Every secret that this app was given, and which of them still work."""

    def __init__(self, now: Callable[[], datetime], lifetime: timedelta, refresh_lifetime: timedelta) -> None:
        self._now = now
        self._lifetime = lifetime
        self._refresh_lifetime = refresh_lifetime
        self._codes: dict[str, Code] = {}
        self._access: dict[str, AccessToken] = {}
        self._refresh: dict[str, RefreshToken] = {}
        self._exchanged: dict[str, AccessToken] = {}
        self._outlived: dict[str, str] = {}
        self._counts: dict[str, RefreshCounts] = {}
        self.issued: list[str] = []

    def issue_code(self, shop: str, scopes: tuple[str, ...]) -> str:
        """Make a code for scopes that a merchant has consented to."""
        value = self._mint("")
        self._codes[value] = Code(shop, scopes, self._now() + CODE_LIFETIME)
        return value

    def redeem_code(self, shop: str, value: str, *, expiring: bool) -> Pair | None:
        """Exchange a code once; None when it is unknown, spent, old or another shop's."""
        code = self._codes.get(value)
        if code is None or code.shop != shop:
            return None
        del self._codes[value]
        if code.expires_at <= self._now():
            return None
        return self.acquire(shop, code.scopes, expiring=expiring)

    def acquire(self, shop: str, scopes: tuple[str, ...], *, expiring: bool) -> Pair:
        """Give the shop a new pair; the earlier one dies."""
        self.revoke(shop)
        access = self._new_access(shop, scopes, expiring=expiring)
        return Pair(access, self._new_refresh(shop, scopes, None) if expiring else None)

    def refresh(self, shop: str, value: str) -> Pair | None:
        """Rotate the pair; None when the refresh token is dead."""
        token, counts = self._refresh.get(value), self.counts(shop)
        if token is None or token.shop != shop or not self._is_retriable(token):
            counts.refused_refreshes += 1
            counts.reused_after_use += self._outlived.get(value) == shop
            return None
        counts.refreshes += 1
        if token.previous is not None:
            self._refresh.pop(token.previous.value, None)
            self._outlived[token.previous.value] = shop
            token.previous = None
        for successor in [other for other in self._refresh.values() if other.previous is token]:
            del self._refresh[successor.value]
        token.rotated_at = token.rotated_at or self._now()
        replacement = self._new_refresh(shop, token.scopes, token)
        return Pair(self._new_access(shop, token.scopes, expiring=True), replacement)

    def exchange(self, shop: str, value: str, *, expiring: bool) -> Pair | None:
        """Trade a non-expiring token for a new one; it dies, and a lost answer can be retried for seven days."""
        token = self._exchanged.get(value) or self._access.get(value)
        if token is None or token.shop != shop or self._is_expired(token):
            return None
        if value not in self._exchanged and token.expires_at is not None:
            return None
        pair = self.acquire(shop, token.scopes, expiring=expiring)
        token.expires_at = self._now() + EXCHANGED_TOKEN_LIFETIME
        self._exchanged[value] = token
        return pair

    def find(self, shop: str, value: str) -> AccessToken | None:
        """The access token, when it works for this shop now."""
        token = self._access.get(value)
        if token is None or token.shop != shop or self._is_expired(token):
            return None
        return token

    def set_scopes(self, shop: str, scopes: tuple[str, ...]) -> None:
        """Change what the shop's tokens may do."""
        tokens: list[AccessToken | RefreshToken] = [*self._access.values(), *self._refresh.values()]
        for token in tokens:
            if token.shop == shop:
                token.scopes = scopes

    def expire(self, shop: str, *, refresh_tokens: bool = False) -> int:
        """End the life of the shop's access tokens, and of its refresh tokens when asked; answer how many."""
        now = self._now()
        tokens: list[AccessToken | RefreshToken] = [t for t in self._access.values() if t.shop == shop]
        if refresh_tokens:
            tokens += [t for t in self._refresh.values() if t.shop == shop]
        for token in tokens:
            token.expires_at = now
        return len(tokens)

    def counts(self, shop: str) -> RefreshCounts:
        """What became of the shop's refreshes so far."""
        return self._counts.setdefault(shop, RefreshCounts())

    def forget(self, shop: str) -> None:
        """Forget all of the shop, also what became of its refreshes."""
        self.revoke(shop)
        self._counts.pop(shop, None)
        self._outlived = {value: of for value, of in self._outlived.items() if of != shop}

    def revoke(self, shop: str) -> None:
        """Forget every code and token of the shop."""
        self._codes = {key: code for key, code in self._codes.items() if code.shop != shop}
        self._access = {key: token for key, token in self._access.items() if token.shop != shop}
        self._refresh = {key: token for key, token in self._refresh.items() if token.shop != shop}
        self._exchanged = {key: token for key, token in self._exchanged.items() if token.shop != shop}

    def expires_in(self, moment: datetime) -> int:
        """Seconds until then, as the token endpoint tells them."""
        return max(0, round((moment - self._now()).total_seconds()))

    def _is_expired(self, token: AccessToken) -> bool:
        return token.expires_at is not None and token.expires_at <= self._now()

    def _is_retriable(self, token: RefreshToken) -> bool:
        now = self._now()
        retry_ends = (token.rotated_at or now) + PREVIOUS_REFRESH_TOKEN_LIFETIME
        return now < token.expires_at and now < retry_ends

    def _new_access(self, shop: str, scopes: tuple[str, ...], *, expiring: bool) -> AccessToken:
        expires_at = self._now() + self._lifetime if expiring else None
        token = AccessToken(self._mint("shpat_"), shop, scopes, expires_at)
        self._access[token.value] = token
        return token

    def _new_refresh(self, shop: str, scopes: tuple[str, ...], previous: RefreshToken | None) -> RefreshToken:
        expires_at = self._now() + self._refresh_lifetime
        token = RefreshToken(self._mint("shprt_"), shop, scopes, expires_at, previous)
        self._refresh[token.value] = token
        return token

    def _mint(self, prefix: str) -> str:
        value = prefix + secrets.token_hex(16)
        self.issued.append(value)
        return value
