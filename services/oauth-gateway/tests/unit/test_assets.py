"""Static files: vendored as they were published, served under their hashes, small."""

from hashlib import sha256
from importlib.resources import files

import pytest

from oauth_gateway.http.assets import Assets

VENDOR = files("oauth_gateway").joinpath("static", "vendor")


def test_vendored_files_have_their_hashes() -> None:
    lines = VENDOR.joinpath("SHA256SUMS").read_text().split("\n")
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines if line)}

    assert {name: sha256(VENDOR.joinpath(name).read_bytes()).hexdigest() for name in listed} == listed
    kept = {entry.name for entry in VENDOR.iterdir()} - {"SHA256SUMS", "README.md"}
    assert {name for name in kept if not name.endswith(".LICENSE")} == set(listed)


def test_names_carry_the_hash_of_what_is_served() -> None:
    assets = Assets()

    for name, url_name in assets.names.items():
        asset = assets.served(url_name)
        assert asset is not None
        assert assets.url(name) == f"/static/{url_name}"
        assert sha256(asset.body).hexdigest()[:12] in url_name


def test_style_sheet_names_the_font_by_its_hash() -> None:
    assets = Assets()
    sheet = assets.served(assets.names["style.css"])

    assert sheet is not None
    assert assets.url("inter-latin.woff2").encode() in sheet.body
    assert b"asset:" not in sheet.body


def test_scripts_are_under_twenty_kilobytes_compressed() -> None:
    assets = Assets()
    served = [assets.served(name) for name in assets.names.values() if name.endswith(".js")]

    assert sum(len(asset.compressed or b"") for asset in served if asset) < 20_000


def test_unknown_asset_in_a_template_is_an_error() -> None:
    with pytest.raises(KeyError):
        Assets().url("missing.css")
