"""What can go wrong, named for the reaction it calls for."""


class ShopctlError(Exception):
    """Anything that ends a command; its text is what the operator reads."""


class AskedWrongly(ShopctlError):
    """The command cannot mean what it says; the text tells what to say instead."""
