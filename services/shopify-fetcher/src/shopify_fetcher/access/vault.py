"""Seals and opens the tokens of one installation: a data key of its own, bound to the row and the purpose."""

from datetime import timedelta

from shopify_fetcher.clients.answers import TokenPair
from shopify_fetcher.errors import TokenUnreadable
from shopify_fetcher.store.credentials import SealedPair, StoredCredentials
from sync_common.runtime import KeyRing, SealBroken
from sync_common.runtime.sealing import DataKey, open_with, seal_with

_ACCESS = "access-token"
_REFRESH = "refresh-token"


class Vault:
    """The only place where a token in clear and a stored one meet."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def seal_new(self, installation_id: int, pair: TokenPair) -> SealedPair:
        """Seal a newly acquired pair under a new data key."""
        return self._seal(installation_id, pair, self._keys.new_data_key(_context(installation_id, "data")))

    def seal_next(self, stored: StoredCredentials, pair: TokenPair) -> SealedPair:
        """Seal a rotated pair under the installation's data key, so that the previous token stays readable."""
        return self._seal(stored.installation_id, pair, self._data_key(stored))

    def access_token(self, stored: StoredCredentials) -> str:
        """Open the access token."""
        return self._open(stored, stored.access_token, _ACCESS)

    def refresh_tokens(self, stored: StoredCredentials) -> list[str]:
        """Open the refresh tokens worth trying, the newest first.

        The previous one can be retried until its replacement is first used, should that have been lost.
        """
        sealed = (stored.refresh_token, stored.previous_refresh_token)
        return [self._open(stored, token, _REFRESH) for token in sealed if token]

    @property
    def key_id(self) -> str:
        """Return the master key that seals now."""
        return self._keys.current_id

    def rewrapped(self, installation_id: int, data_key: bytes) -> bytes:
        """Return a data key wrapped by the master key that seals now; the tokens under it stay as they are."""
        try:
            return self._keys.rewrap(data_key, _context(installation_id, "data"))
        except SealBroken as error:
            raise TokenUnreadable(str(error)) from None

    def _open(self, stored: StoredCredentials, sealed: bytes, purpose: str) -> str:
        try:
            context = _context(stored.installation_id, purpose)
            return open_with(self._data_key(stored), sealed, context=context).decode()
        except SealBroken as error:
            raise TokenUnreadable(str(error)) from None

    def _seal(self, installation_id: int, pair: TokenPair, data_key: DataKey) -> SealedPair:
        def seal(token: str, purpose: str) -> bytes:
            return seal_with(data_key, token.encode(), context=_context(installation_id, purpose))

        return SealedPair(
            data_key=data_key.wrapped,
            key_id=self._keys.key_id_of(data_key.wrapped),
            access_token=seal(pair.access_token, _ACCESS),
            refresh_token=seal(pair.refresh_token, _REFRESH) if pair.refresh_token else None,
            expires_in=_seconds(pair.expires_in),
            refresh_expires_in=_seconds(pair.refresh_expires_in),
        )

    def _data_key(self, stored: StoredCredentials) -> DataKey:
        try:
            return self._keys.unwrap(stored.data_key, _context(stored.installation_id, "data"))
        except SealBroken as error:
            raise TokenUnreadable(str(error)) from None


def _context(installation_id: int, purpose: str) -> str:
    return f"fetcher.installation:{installation_id}:{purpose}"


def _seconds(value: int | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)
