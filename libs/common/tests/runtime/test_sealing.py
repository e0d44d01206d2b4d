"""Sealed values open with the right key and in the right place, and nowhere else."""

import base64

import pytest

from sync_common.runtime.sealing import KeyRing, SealBroken, open_with, seal_with

OLD, NEW = b"o" * 32, b"n" * 32


def setting(**keys: bytes) -> str:
    return ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in keys.items())


def test_sealed_value_opens_in_its_own_context_only() -> None:
    ring = KeyRing({"k1": OLD})

    sealed = ring.seal(b"secret", context="installation/1/access_token")

    assert ring.open(sealed, context="installation/1/access_token") == b"secret"
    with pytest.raises(SealBroken):
        ring.open(sealed, context="installation/2/access_token")


def test_every_changed_byte_is_noticed() -> None:
    ring = KeyRing({"k1": OLD})
    sealed = ring.seal(b"secret", context="c")

    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(SealBroken):
            ring.open(bytes(changed), context="c")


def test_rewrapped_data_key_opens_old_values_without_the_old_master_key() -> None:
    both = KeyRing.from_setting(setting(k2=NEW, k1=OLD))
    before = KeyRing({"k1": OLD}).new_data_key("installation/1")
    sealed = seal_with(before, b"secret", context="installation/1/token")

    rewrapped = both.rewrap(before.wrapped, "installation/1")

    assert both.key_id_of(rewrapped) == "k2"
    data_key = KeyRing({"k2": NEW}).unwrap(rewrapped, "installation/1")
    assert open_with(data_key, sealed, context="installation/1/token") == b"secret"


@pytest.mark.parametrize("value", ["", "k1", "k1:!!", "k1:c2hvcnQ=", ":" + "A" * 44])
def test_bad_key_setting_is_refused_without_repeating_it(value: str) -> None:
    with pytest.raises(ValueError, match=r"master key|key ring") as caught:
        KeyRing.from_setting(value)

    assert len(value) < 3 or value.partition(":")[2] not in str(caught.value) or not value.partition(":")[2]


def test_keys_never_show_in_representations() -> None:
    ring = KeyRing({"k1": OLD})

    assert "o" * 8 not in repr(ring) + repr(ring.new_data_key("c"))
