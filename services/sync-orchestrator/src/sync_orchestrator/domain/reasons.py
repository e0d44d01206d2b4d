"""Why a read failed, in words for the merchant. What the fetcher said itself is for whoever looks into it."""

from typing import Final

from sync_common.contracts.resources import Resource

ON_OUR_SIDE: Final = "Something went wrong on our side."

_WORDS: Final = {
    "access_denied": (
        "Shopify does not let the app read the {resource} of this store: a permission, or Shopify's approval for"
        " protected customer data, is missing."
    ),
    "bulk_failed": "Shopify could not export the {resource} of this store.",
    "protocol": "Shopify's answer about the {resource} of this store was incomplete or could not be read.",
    "record_too_large": "One of the {resource} is too large to be stored.",
    "shop_gone": "Shopify does not find this store.",
    "shop_unavailable": "This store is frozen or locked at Shopify.",
    "shop_unreachable": "Shopify could not be reached, or did not answer in time.",
    "stream_cut": "Reading the {resource} from Shopify kept breaking off.",
    "books_stalled": "Storing the {resource} stalled.",
    "throttled": "Shopify's API rate limit was exceeded for too long.",
}


def in_words(code: str, resource: Resource) -> str:
    """Return the reason behind an error code; one that no merchant can do anything about is ours."""
    return _WORDS.get(code, ON_OUR_SIDE).format(resource=resource)
