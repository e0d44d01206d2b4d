"""What operators did with dead letters, on `deadletters.audited.v1`. Ids only: bodies are people's data."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from sync_common.contracts.events.base import Event


class DeadLetterAudited(Event):
    """Any deed of an operator to one dead letter."""

    TOPIC: ClassVar[str] = "deadletters.audited.v1"

    dead_letter: str = Field(description="Where it lies: topic/partition/offset.")
    came_from: str = Field(description="Where the record lay that became it: topic/partition/offset.")
    record: str = Field(description="The Kafka key of that record, or the subject where it has none.")
    error: str = Field(description="The class of the error that made it a dead letter.")
    operator: str
    because: str = Field(description="What the operator gave as the reason; may be empty.")
    at: datetime

    def key(self) -> str:
        """Order all that was done to one dead letter."""
        return self.dead_letter

    def subject(self) -> str:
        """Name the dead letter."""
        return f"deadletter/{self.dead_letter}"


class DeadLetterReplayed(DeadLetterAudited):
    """An operator sent the record to its topic again, and Kafka has it."""

    TYPE: ClassVar[str] = "deadletters.replayed"


class DeadLetterBodyViewed(DeadLetterAudited):
    """An operator is about to be shown the body."""

    TYPE: ClassVar[str] = "deadletters.body_viewed"
