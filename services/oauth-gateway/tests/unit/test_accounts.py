"""What people type about themselves, and what a role may do."""

import asyncio

import pytest

from oauth_gateway.domain.access import Membership, Role, User
from oauth_gateway.domain.accounts import clean_email, clean_person_name, is_fit_password
from oauth_gateway.domain.members import Member
from oauth_gateway.handlers.login import hash_password


@pytest.mark.parametrize(
    ("typed", "email"),
    [
        (" Dana.Reyes+shop@Example.COM ", "dana.reyes+shop@example.com"),
        ("o'hara@mail.example.co", "o'hara@mail.example.co"),
        ("dana", None),
        ("dana@", None),
        ("@example.com", None),
        ("dana@localhost", None),
        ("dana@@example.com", None),
        ("dana reyes@example.com", None),
        ("dana@example.com\nbcc: eve@example.com", None),
        ("dana@example.com, eve@example.com", None),
        ("dañа@example.com", None),
        (f"{'d' * 243}@example.com", None),
    ],
)
def test_addresses_are_kept_in_one_form(typed: str, email: str | None) -> None:
    assert clean_email(typed) == email


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("  Dana \t Reyes\n", "Dana Reyes"),
        ("\u202eseyeR anaD", "seyeR anaD"),
        ("Łukasz Öz", "Łukasz Öz"),
        ("x" * 100, "x" * 100),
        ("x" * 101, None),
        (" \u2028 ", None),
        ("", None),
    ],
)
def test_names_are_one_line_that_can_be_shown(typed: str, name: str | None) -> None:
    assert clean_person_name(typed) == name


@pytest.mark.parametrize(("length", "fit"), [(9, False), (10, True), (1024, True), (1025, False)])
def test_passwords_have_ten_characters_and_an_end(length: int, fit: bool) -> None:
    assert is_fit_password("x" * length) == fit


@pytest.mark.parametrize(
    ("role", "may_invite", "other_role"),
    [
        (Role.OWNER, (Role.MEMBER, Role.ADMIN), None),
        (Role.ADMIN, (Role.MEMBER,), Role.MEMBER),
        (Role.MEMBER, (), Role.ADMIN),
    ],
)
def test_roles_invite_to_lesser_ones_and_owners_stay_owners(
    role: Role, may_invite: tuple[Role, ...], other_role: Role | None
) -> None:
    assert tuple(Membership(1, "acme", "Acme", role).may_invite) == may_invite
    assert Member(User(1, "", ""), role).other_role is other_role


def test_hashes_wait_for_each_other_in_whatever_event_loop() -> None:
    """The queue was once bound to the event loop in which somebody first had to wait."""

    async def several() -> list[str]:
        return await asyncio.gather(*(hash_password(f"password {number}") for number in range(4)))

    for _ in range(2):
        assert len(set(asyncio.run(several()))) == 4
