"""Only a canonical signature over exactly these bytes counts ("Verify webhook deliveries")."""

import base64
import hmac
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_ingest.domain.signature import is_signed

SECRETS = (b"current", b"previous")


def signature(body: bytes, secret: bytes = b"current") -> bytes:
    return base64.b64encode(hmac.new(secret, body, sha256).digest())


@given(st.binary(max_size=200))
def test_any_active_secret_signs(body: bytes) -> None:
    assert is_signed(body, signature(body, b"current"), SECRETS)
    assert is_signed(body, signature(body, b"previous"), SECRETS)
    assert not is_signed(body, signature(body, b"older"), SECRETS)


@given(st.binary(max_size=200))
def test_no_header_content_raises(header: bytes) -> None:
    assert not is_signed(b"{}", header, SECRETS)


@pytest.mark.parametrize(
    "written",
    [
        lambda s: s.rstrip(b"="),
        lambda s: s + b"=",
        lambda s: s + b"\n",
        lambda s: b" " + s,
        lambda s: s[:10] + b"\n" + s[10:],
        lambda s: s.replace(b"+", b"-").replace(b"/", b"_") if b"+" in s or b"/" in s else b"-" + s[1:],
        lambda s: base64.b64encode(base64.b64decode(s)[:31]),
        lambda s: base64.b64encode(base64.b64decode(s) + b"\0"),
        lambda s: base64.b64decode(s).hex().encode(),
        lambda s: base64.b64decode(s),
        lambda s: s + b", " + s,
    ],
)
def test_any_other_spelling_of_the_signature_is_refused(written) -> None:
    assert not is_signed(b"{}", written(signature(b"{}")), SECRETS)


def test_spare_bits_of_the_last_character_are_refused() -> None:
    signed = signature(b"{}")
    twins = [
        signed[:-2] + bytes([letter]) + b"="
        for letter in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        if letter != signed[-2]
    ]
    decode_alike = [twin for twin in twins if base64.b64decode(twin) == base64.b64decode(signed)]

    assert len(decode_alike) == 3
    assert not any(is_signed(b"{}", twin, SECRETS) for twin in twins)


def test_nothing_is_signed_without_secrets() -> None:
    assert not is_signed(b"{}", signature(b"{}"), ())
