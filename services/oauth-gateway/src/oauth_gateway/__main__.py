"""`python -m oauth_gateway` serves; `python -m oauth_gateway create-user …` makes a member."""

import argparse
import asyncio
import sys

from oauth_gateway import main
from oauth_gateway.commands import create_user
from oauth_gateway.settings import CommandSettings


def run() -> int:
    """Read the command line and run what it asks for."""
    parser = argparse.ArgumentParser(prog="oauth_gateway", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("serve", help="run the service (the default)")
    create_user.add_arguments(commands.add_parser("create-user", help="make a member; the password on stdin"))
    arguments = parser.parse_args()
    if arguments.command != "create-user":
        return main.run()
    database_url = CommandSettings.from_environment().database_url.get_secret_value()
    return asyncio.run(create_user.run(arguments, database_url=database_url))


if __name__ == "__main__":
    sys.exit(run())
