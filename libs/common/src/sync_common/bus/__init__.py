"""Kafka and the outbox: the only code that knows aiokafka."""

from sync_common.bus import inbox, outbox
from sync_common.bus.consumer import Consumer
from sync_common.bus.dead_letters import DeadLetter, DeadLetterLimit
from sync_common.bus.errors import (
    BusError,
    DeliveryFailed,
    KafkaUnreachable,
    MessageTooLarge,
    NoSuchRecord,
    NoSuchTopic,
    NotADeadLetter,
    TooManyDeadLetters,
    TopicMismatch,
    WrongOutcomes,
)
from sync_common.bus.handlers import MessageHandler, TransactionalHandler, in_transaction, one_by_one
from sync_common.bus.message import BatchHandler, Done, Message, Outcome, Rejected
from sync_common.bus.outbox import OutboxRelay
from sync_common.bus.producer import Producer, ProducerBatch
from sync_common.bus.reading import Reader
from sync_common.bus.topics import check_topics, ensure_topics, topic_guard

__all__ = [
    "BatchHandler",
    "BusError",
    "Consumer",
    "DeadLetter",
    "DeadLetterLimit",
    "DeliveryFailed",
    "Done",
    "KafkaUnreachable",
    "Message",
    "MessageHandler",
    "MessageTooLarge",
    "NoSuchRecord",
    "NoSuchTopic",
    "NotADeadLetter",
    "OutboxRelay",
    "Outcome",
    "Producer",
    "ProducerBatch",
    "Reader",
    "Rejected",
    "TooManyDeadLetters",
    "TopicMismatch",
    "TransactionalHandler",
    "WrongOutcomes",
    "check_topics",
    "ensure_topics",
    "in_transaction",
    "inbox",
    "one_by_one",
    "outbox",
    "topic_guard",
]
