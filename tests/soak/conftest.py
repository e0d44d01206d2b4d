"""The soak tests drive the same platform as the journeys do, started once for themselves."""

from ..integration.conftest import connect, every_part_lives, login, new_login, platform, shop, stack

__all__ = ["connect", "every_part_lives", "login", "new_login", "platform", "shop", "stack"]
