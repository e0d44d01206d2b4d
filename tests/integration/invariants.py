"""What must hold at every moment, as SQL that returns the offenders; run after each journey."""

from local_stack.platform import Platform

INVARIANTS = {
    "a running job has a live lease or was just orphaned": """
        SELECT job_id FROM sync.sync_jobs
        WHERE status = 'running' AND lease_expires_at < clock_timestamp() - interval '45 seconds'""",
    "a store has at most one pending or running sync": """
        SELECT store_id FROM sync.sync_jobs WHERE status IN ('pending', 'running') AND job_type <> 'backfill'
        GROUP BY store_id HAVING count(*) > 1""",
    "the books close: the tallies of a job are its ledger, counted, until it is folded": """
        SELECT job_id, resource, outcome
        FROM (
            SELECT job_id, resource, outcome, 1 AS number FROM records.job_ledger
            UNION ALL
            SELECT job_id, resource, outcome, -number FROM records.job_tallies CROSS JOIN LATERAL (VALUES
                ('created', created), ('updated', updated), ('unchanged', unchanged), ('skipped', skipped),
                ('failed', failed)) AS tally (outcome, number)
        ) AS accounts
        WHERE job_id NOT IN (SELECT job_id FROM records.job_books)
        GROUP BY job_id, resource, outcome HAVING sum(number) <> 0""",
    "a store is said to have the rows that it has": """
        SELECT store_id, resource FROM (
            SELECT store_id, resource, number
            FROM records.store_counts_v1 CROSS JOIN LATERAL (VALUES
                ('customers', customers), ('orders', orders), ('products', products)) AS said (resource, number)
            UNION ALL SELECT source_id, 'customers', -1 FROM records.contacts WHERE deleted_at IS NULL
            UNION ALL SELECT source_id, 'orders', -1 FROM records.orders WHERE deleted_at IS NULL
            UNION ALL SELECT source_id, 'products', -1 FROM records.products WHERE deleted_at IS NULL
        ) AS rows
        GROUP BY store_id, resource HAVING sum(number) <> 0""",
    "a completed job published what it wrote": """
        SELECT p.job_id FROM sync.sync_job_parts p
        JOIN sync.sync_jobs j ON j.job_id = p.job_id
        JOIN records.job_books_v1 b ON b.job_id = p.job_id AND b.resource = p.resource
        WHERE j.status = 'completed' AND p.published < b.distinct_ids""",
    "an order is linked to a contact of its own advertiser": """
        SELECT o.id FROM records.orders o LEFT JOIN records.contacts c
            ON c.advertiser_id = o.advertiser_id AND c.id = o.contact_id
        WHERE o.contact_id IS NOT NULL AND c.id IS NULL""",
    "a deleted contact is never marketable": """
        SELECT id FROM records.contacts WHERE deleted_at IS NOT NULL AND marketable""",
}


def broken(platform: Platform) -> dict[str, int]:
    """Return the invariants that do not hold, with the number of offenders."""
    found = {name: len(platform.rows(query)) for name, query in INVARIANTS.items()}
    return {name: count for name, count in found.items() if count}
