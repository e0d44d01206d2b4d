"""Create or update a user and make them a member of an advertiser, founded where there is none.

The password comes on standard input: an argument would show in every list of processes, and one that begins with a
dash would be taken for an option.
"""

import argparse
import sys

from oauth_gateway.domain.access import Role
from oauth_gateway.domain.accounts import PASSWORD_RULE, is_fit_password
from oauth_gateway.handlers import login
from sync_common.db import Database


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument("--email", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--advertiser", required=True, help="the advertiser's name")
    parser.add_argument("--slug", required=True, help="the advertiser's name in addresses")
    parser.add_argument("--role", default=Role.OWNER.value, choices=[role.value for role in Role])


async def run(arguments: argparse.Namespace, *, database_url: str) -> int:
    """Do it; running it again changes name, password and role."""
    password = sys.stdin.readline().rstrip("\n")
    if not is_fit_password(password):
        print(PASSWORD_RULE, file=sys.stderr)
        return 2
    database = Database.from_url(database_url, application_name="create-user", pool_size=1)
    try:
        user_id = await login.create_user(
            database,
            email=arguments.email,
            password=password,
            name=arguments.name,
            advertiser=arguments.advertiser,
            slug=arguments.slug,
            role=Role(arguments.role),
        )
    finally:
        await database.close()
    print(f"user {user_id} is {arguments.role} of {arguments.slug}")
    return 0
