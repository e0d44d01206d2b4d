"""What a merchant does to a shop: each function changes one record and says which webhooks Shopify fires for it."""

import random
from datetime import datetime

from shopify_simulator.shop.model import Change, Shop


def random_mutation(shop: Shop, rng: random.Random, now: datetime) -> Change:
    """Do one random act of a merchant."""
    raise NotImplementedError
