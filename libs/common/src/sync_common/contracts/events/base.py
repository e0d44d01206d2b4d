"""The base of every event: a frozen model that knows its topic, its key and its CloudEvents type."""

from abc import abstractmethod
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Event(BaseModel):
    """A fact or a command; the body of a Kafka message, written as JSON.

    Unknown fields are ignored when read, so that a newer producer does not stop an older consumer.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    TOPIC: ClassVar[str]
    TYPE: ClassVar[str]

    @classmethod
    def type_name(cls) -> str:
        """Return the CloudEvents type of this event."""
        return cls.TYPE

    @abstractmethod
    def key(self) -> str:
        """Return the Kafka key: what this event must stay in order with."""

    @abstractmethod
    def subject(self) -> str:
        """Return the CloudEvents subject, such as `store/17`."""
