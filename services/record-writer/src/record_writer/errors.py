"""What can go wrong, named for the reaction it calls for."""

from typing import ClassVar


class InvalidRecord(ValueError):
    """This record can never be written; the bus puts it among the dead letters.

    `field` is a path such as `orders.total_price`; `problem` says what is wrong with the value's shape. Neither ever
    holds the value itself: it may be somebody's name. `by_outsider` says that anybody can cause it who has got hold of
    one signed body.
    """

    by_outsider: ClassVar[bool] = False

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class UnknownShop(InvalidRecord):
    """No store of ours is, or ever was, connected to this shop."""

    by_outsider = True

    def __init__(self) -> None:
        super().__init__("shop", "no store is connected to it")


class ReplayedElsewhere(InvalidRecord):
    """The same signed body was already delivered for another shop: the signature does not cover the shop's name."""

    by_outsider = True

    def __init__(self) -> None:
        super().__init__("digest", "already delivered for another shop")
