"""What can go wrong on the bus, named for the reaction it calls for."""


class BusError(Exception):
    """Any failure of the bus."""


class DeliveryFailed(BusError):
    """A record was not acknowledged before its deadline; it may or may not be in Kafka. Send it again."""


class MessageTooLarge(BusError):
    """A record exceeds the size limit of its topic; sending it again cannot help."""


class TooManyDeadLetters(BusError):
    """A partition yields more dead letters than bad data explains; a person must look first."""


class NotADeadLetter(BusError):
    """A record of a dead-letter topic lacks the headers that say where it came from; nothing can be done with it."""


class KafkaUnreachable(BusError):
    """No broker answers, or none any more; the message says where."""


class NoSuchTopic(BusError):
    """The cluster has no topic of this name."""


class NoSuchRecord(BusError):
    """There is no record at these coordinates, or none any more; the message says what there is."""


class WrongOutcomes(BusError):
    """A handler did not answer once per message. A bug that no retry cures: it stops the consumer."""


class TopicMismatch(BusError):
    """A topic in the cluster cannot be what the registry says; the message names the difference."""
