"""What has to be done before a database that comes from a backup may serve."""

import structlog

from record_writer.compliance import ComplianceHandler
from record_writer.domain.redaction import Hasher
from record_writer.upkeep import Upkeep
from sync_common.bus import Reader, Rejected, in_transaction, one_by_one
from sync_common.contracts.topics import COMPLIANCE_TOPIC, RECORD_WRITER
from sync_common.db import Database
from sync_common.runtime import Clock

log = structlog.get_logger()


async def reapply_redactions(
    database: Database, bootstrap: str, hasher: Hasher, clock: Clock, *, topic_prefix: str = ""
) -> None:
    """Do again whatever privacy webhooks asked for since the backup, and erase the shops that they named.

    The requests are still in their topic, which keeps them longer than any backup may be kept. Those that the backup
    knows of change nothing more, and what is rejected now was set aside as a dead letter then.
    """
    handle = in_transaction(database, one_by_one(ComplianceHandler(hasher, clock, after_restore=True)))
    requests = rejected = steps = 0
    async with Reader(bootstrap, f"{RECORD_WRITER}.restore", topic_prefix=topic_prefix) as reader:
        async for request in reader.read([COMPLIANCE_TOPIC]):
            (outcome,) = await handle([request])
            requests += 1
            rejected += isinstance(outcome, Rejected)
    upkeep = Upkeep(database, clock, sweep_seconds=1.0)
    while await upkeep.erase():
        steps += 1
    log.info("redactions_reapplied", requests=requests, rejected=rejected, erasure_steps=steps)
