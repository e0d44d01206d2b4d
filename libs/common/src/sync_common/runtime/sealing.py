"""Sealing of secrets: AES-256-GCM with a data key wrapped by one of several master keys.

A sealed value carries its format, the id of the master key, the wrapped data key and the ciphertext. The context
(row identity and purpose) is associated data of both, so a ciphertext moved to another row does not open.
"""

import base64
import binascii
import os
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FORMAT: Final = b"\x01"
_NONCE: Final = 12
_KEY: Final = 32
_TAG: Final = 16


class SealBroken(ValueError):
    """Raised when a sealed value does not open: wrong key, wrong context, or changed bytes."""


@dataclass(frozen=True, slots=True, repr=False)
class DataKey:
    """The key of one owner, such as an installation; `wrapped` is what may be stored."""

    key: bytes
    wrapped: bytes

    def __repr__(self) -> str:
        return "DataKey(***)"


class KeyRing:
    """Master keys by id; the first one wraps, all of them unwrap."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        if not keys:
            raise ValueError("a key ring needs at least one key")
        for key_id, key in keys.items():
            if len(key) != _KEY or not 0 < len(key_id.encode()) < 256:
                raise ValueError(f"master key {key_id!r} must be {_KEY} bytes with a short id")
        self._keys = dict(keys)
        self.current_id = next(iter(keys))

    @classmethod
    def from_setting(cls, value: str) -> Self:
        """Read `id:base64,id:base64`, the wrapping key first; raise ValueError without repeating the keys."""
        keys = {}
        for number, entry in enumerate(value.split(","), 1):
            key_id, separator, encoded = entry.strip().partition(":")
            try:
                if not separator:
                    raise ValueError
                keys[key_id] = base64.b64decode(encoded, validate=True)
            except (ValueError, binascii.Error):
                raise ValueError(f"master key number {number} is not id:base64") from None
        return cls(keys)

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self._keys)})"

    def new_data_key(self, context: str) -> DataKey:
        """Make a data key for one owner, wrapped by the current master key."""
        key = AESGCM.generate_key(bit_length=256)
        return DataKey(key, self._wrap(key, context))

    def unwrap(self, wrapped: bytes, context: str) -> DataKey:
        """Open a stored data key; raise SealBroken when it does not belong to this context."""
        key_id, sealed = _split_id(wrapped)
        master = self._keys.get(key_id)
        if master is None:
            raise SealBroken(f"master key {key_id!r} is not on the ring")
        return DataKey(_decrypt(master, sealed, f"data-key:{context}"), wrapped)

    def rewrap(self, wrapped: bytes, context: str) -> bytes:
        """Return the same data key wrapped by the current master key."""
        return self._wrap(self.unwrap(wrapped, context).key, context)

    def key_id_of(self, wrapped: bytes) -> str:
        """Return which master key wrapped this data key."""
        return _split_id(wrapped)[0]

    def seal(self, plaintext: bytes, *, context: str) -> bytes:
        """Seal one value under a data key of its own; the result is self-contained."""
        data_key = self.new_data_key(context)
        body = seal_with(data_key, plaintext, context=context)
        return len(data_key.wrapped).to_bytes(2, "big") + data_key.wrapped + body

    def open(self, sealed: bytes, *, context: str) -> bytes:
        """Open what `seal` made; raise SealBroken otherwise."""
        length = int.from_bytes(sealed[:2], "big")
        data_key = self.unwrap(sealed[2 : 2 + length], context)
        return open_with(data_key, sealed[2 + length :], context=context)

    def _wrap(self, key: bytes, context: str) -> bytes:
        key_id = self.current_id.encode()
        sealed = _encrypt(self._keys[self.current_id], key, f"data-key:{context}")
        return _FORMAT + bytes([len(key_id)]) + key_id + sealed


def seal_with(data_key: DataKey, plaintext: bytes, *, context: str) -> bytes:
    """Seal a value under an owner's data key; `context` names row and purpose."""
    return _encrypt(data_key.key, plaintext, context)


def open_with(data_key: DataKey, sealed: bytes, *, context: str) -> bytes:
    """Open a value sealed under an owner's data key; raise SealBroken otherwise."""
    return _decrypt(data_key.key, sealed, context)


def _encrypt(key: bytes, plaintext: bytes, context: str) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, context.encode())


def _decrypt(key: bytes, sealed: bytes, context: str) -> bytes:
    if len(sealed) < _NONCE + _TAG:
        raise SealBroken("a sealed value is too short")
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], context.encode())
    except InvalidTag:
        raise SealBroken("a sealed value does not open in this context") from None


def _split_id(wrapped: bytes) -> tuple[str, bytes]:
    if wrapped[:1] != _FORMAT or len(wrapped) < 3:
        raise SealBroken("a wrapped key has an unknown format")
    end = 2 + wrapped[1]
    return wrapped[2:end].decode("utf-8", "replace"), wrapped[end:]
