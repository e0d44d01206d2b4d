"""Rows in the owning services' own tables, written as a superuser."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb


@dataclass(frozen=True)
class Seed:
    """Writes what other services would have written."""

    connection: psycopg.Connection
    now: datetime

    def execute(self, statement: str, **values: Any) -> None:
        self.connection.execute(statement.encode(), values)

    def scalar(self, statement: str, **values: Any) -> Any:
        row = self.connection.execute(statement.encode(), values).fetchone()
        return row[0] if row else None

    def store(
        self, advertiser_id: int, shop: str, *, name: str | None = None, frequency: str = "hourly"
    ) -> int:
        """Add a connected store whose first sync is over."""
        store_id = self.scalar(
            """INSERT INTO gateway.shopify_stores (advertiser_id, shop_domain, name, sync_frequency)
               VALUES (%(advertiser)s, %(shop)s, %(name)s, %(frequency)s) RETURNING id""",
            advertiser=advertiser_id, shop=shop, name=name or shop, frequency=frequency,
        )  # fmt: skip
        installation_id = self.scalar(
            """INSERT INTO fetcher.installations (shop_domain, api_version, access_scopes)
               VALUES (%(shop)s, '2026-10', '{read_customers,read_inventory,read_orders,read_products}')
               ON CONFLICT (shop_domain) DO UPDATE SET api_version = '2026-10' RETURNING id""",
            shop=shop,
        )
        self.execute(
            """INSERT INTO fetcher.connections (advertiser_id, store_id, installation_id, status, connected_at)
               VALUES (%(advertiser)s, %(store)s, %(installation)s, 'connected', %(now)s)""",
            advertiser=advertiser_id, store=store_id, installation=installation_id, now=self.now,
        )  # fmt: skip
        self.execute(
            """INSERT INTO fetcher.api_budgets (installation_id, bucket_size, available, restore_rate, level_at)
               VALUES (%(installation)s, 2000, 1800, 0.000001, clock_timestamp()) ON CONFLICT DO NOTHING""",
            installation=installation_id,
        )
        self.execute(
            """INSERT INTO sync.store_state (advertiser_id, store_id, installation_id, shop_domain, generation, status,
                   last_sync_at, last_sync_status, initial_sync_completed, next_run_at)
               VALUES (%(advertiser)s, %(store)s, %(installation)s, %(shop)s, 1, 'connected',
                   %(synced)s, 'success', true, %(next)s)""",
            advertiser=advertiser_id, store=store_id, installation=installation_id, shop=shop,
            synced=self.now - timedelta(hours=2), next=self.now + timedelta(minutes=24),
        )  # fmt: skip
        return int(store_id)

    def grant(self, store_id: int, *scopes: str) -> None:
        """Let the merchant have granted these scopes and no others."""
        self.execute(
            """UPDATE fetcher.installations SET access_scopes = %(scopes)s WHERE id =
               (SELECT installation_id FROM fetcher.connections WHERE store_id = %(store)s)""",
            store=store_id, scopes=list(scopes),
        )  # fmt: skip

    def wish_history(self, store_id: int) -> None:
        """Let somebody have asked for the whole order history two hours ago."""
        self.execute(
            """UPDATE gateway.shopify_stores SET history_requested_at = %(at)s, history_requested_by =
                   (SELECT min(id) FROM gateway.users) WHERE id = %(store)s""",
            store=store_id, at=self.now - timedelta(hours=2),
        )  # fmt: skip

    def complete_history(self, store_id: int) -> None:
        """Let the whole order history have been read."""
        self.execute("UPDATE sync.store_state SET orders_complete = true WHERE store_id = %(s)s", s=store_id)

    def first_sync_pending(self, store_id: int) -> None:
        self.execute(
            """UPDATE sync.store_state SET initial_sync_completed = false, last_sync_at = NULL, last_sync_status = NULL,
                   status = 'syncing' WHERE store_id = %(store)s""",
            store=store_id,
        )

    def disconnect(self, store_id: int, *, reason: str = "token_expired") -> None:
        self.execute(
            """UPDATE fetcher.connections SET status = 'disconnected', disconnect_reason = %(reason)s,
                   disconnected_at = %(at)s WHERE store_id = %(store)s""",
            store=store_id, reason=reason, at=self.now - timedelta(days=2),
        )  # fmt: skip
        self.execute(
            "UPDATE sync.store_state SET status = 'disconnected' WHERE store_id = %(store)s", store=store_id
        )

    def job(
        self,
        store_id: int,
        *,
        status: str = "completed",
        job_type: str = "incremental_sync",
        triggered_by: str = "schedule",
        user_id: int | None = None,
        started: timedelta = timedelta(hours=-2),
        seconds: int = 204,
        error: str | None = None,
        is_first_sync: bool = False,
        attempt: int = 0,
        due: timedelta | None = None,
        parts: dict[str, dict[str, Any]] | None = None,
    ) -> int:
        """Add a job; `parts` gives columns of sync.sync_job_parts by resource."""
        started_at = self.now + started
        over = status in ("completed", "failed", "cancelled")
        job_id = self.scalar(
            """INSERT INTO sync.sync_jobs (advertiser_id, store_id, installation_id, shop_domain, job_type, status,
                   triggered_by, triggered_by_user_id, due_at, started_at, completed_at, actual_duration,
                   error_message, error_code, is_first_sync, created_at, error_details, attempt)
               SELECT advertiser_id, store_id, installation_id, shop_domain, %(type)s, %(status)s,
                   %(by)s, %(user)s, %(due)s, %(started)s, %(ended)s, %(seconds)s, %(error)s, %(code)s, %(first)s,
                   %(at)s, %(details)s, %(attempt)s
               FROM sync.store_state WHERE store_id = %(store)s RETURNING job_id""",
            store=store_id, type=job_type, status=status, by=triggered_by, user=user_id, at=started_at,
            started=None if status == "pending" else started_at,
            ended=started_at + timedelta(seconds=seconds) if over else None,
            seconds=seconds if over else None, error=error, code="rate_limited" if error else None,
            first=is_first_sync, details=Jsonb(None), attempt=attempt,
            due=started_at if due is None else self.now + due,
        )  # fmt: skip
        for resource, columns in (parts or {}).items():
            self._part(job_id, resource, columns)
        return int(job_id)

    def _part(self, job_id: int, resource: str, columns: dict[str, Any]) -> None:
        names = ", ".join(columns)
        values = ", ".join(f"%({name})s" for name in columns)
        self.execute(
            f"""INSERT INTO sync.sync_job_parts (advertiser_id, job_id, resource, {names})
                SELECT advertiser_id, job_id, %(resource)s, {values} FROM sync.sync_jobs WHERE job_id = %(job)s""",
            job=job_id, resource=resource, **columns,
        )  # fmt: skip

    def check(self, store_id: int, *, state: str = "done", error: str | None = None) -> int:
        """Add a comparison of a store with Shopify, two hours ago where it has ended."""
        over = state in ("done", "failed", "cancelled")
        return int(
            self.scalar(
                """INSERT INTO sync.checks (advertiser_id, store_id, reason, state, error_message, created_at, ended_at)
                   SELECT advertiser_id, store_id, 'full_sync', %(state)s, %(error)s, %(at)s, %(ended)s
                   FROM sync.store_state WHERE store_id = %(store)s RETURNING check_id""",
                store=store_id, state=state, error=error, at=self.now - timedelta(hours=2),
                ended=self.now - timedelta(hours=2) if over else None,
            )
        )  # fmt: skip

    def proof(
        self, store_id: int, resource: str, shopify: int, ours: int | None = None, **columns: int
    ) -> None:
        """Add how a resource last compared, two hours ago; equal unless told otherwise."""
        values = {"missing": 0, "surplus": 0, "repaired": 0, "lost": None, **columns}
        self.execute(
            """INSERT INTO sync.proofs (advertiser_id, store_id, resource, check_id, shopify_count, our_count,
                   missing, surplus, repaired, lost_changes, checked_at)
               SELECT advertiser_id, store_id, %(resource)s, 1, %(shopify)s, %(ours)s, %(missing)s, %(surplus)s,
                   %(repaired)s, %(lost)s, %(at)s
               FROM sync.store_state WHERE store_id = %(store)s""",
            store=store_id, resource=resource, shopify=shopify, ours=shopify if ours is None else ours,
            at=self.now - timedelta(hours=2), **values,
        )  # fmt: skip

    def deletions(
        self,
        store_id: int,
        check_id: int,
        resource: str,
        amount: int,
        *,
        state: str = "waiting",
        user_id: int | None = None,
    ) -> None:
        """Add records that a check found deleted at Shopify; what is decided was so an hour ago."""
        self.execute(
            """INSERT INTO sync.deletions (advertiser_id, store_id, resource, record_id, check_id, state, found_at,
                   decided_at, decided_by_user_id)
               SELECT advertiser_id, store_id, %(resource)s, (%(check)s * 1000 + n)::text, %(check)s, %(state)s,
                   %(found)s, %(decided)s, %(user)s
               FROM sync.store_state CROSS JOIN generate_series(1, %(amount)s) AS n WHERE store_id = %(store)s""",
            store=store_id, check=check_id, resource=resource, amount=amount, state=state, user=user_id,
            found=self.now - timedelta(hours=2),
            decided=None if state == "waiting" else self.now - timedelta(hours=1),
        )  # fmt: skip

    def written(self, job_id: int, resource: str, created: int) -> None:
        """Add what the writer has tallied for a running job."""
        self.execute(
            """INSERT INTO records.job_tallies (advertiser_id, job_id, store_id, resource, epoch, created)
               SELECT advertiser_id, job_id, store_id, %(resource)s, 1, %(created)s
               FROM sync.sync_jobs WHERE job_id = %(job)s""",
            job=job_id, resource=resource, created=created,
        )  # fmt: skip

    def rows(self, store_id: int, *, customers: int, orders: int, products: int) -> None:
        """Add live rows of a store."""
        for table, amount, names, values in (
            ("contacts", customers, "", ""),
            ("orders", orders, ", currency, total_price, ordered_at", ", 'USD', 1, now()"),
            ("products", products, ", title", ", 'Tee'"),
        ):
            self.execute(
                f"""INSERT INTO records.{table} (advertiser_id, source_type, source_id, external_id{names})
                    SELECT advertiser_id, 'ShopifyStore', id, n::text{values}
                    FROM gateway.shopify_stores CROSS JOIN generate_series(1, %(amount)s) AS n WHERE id = %(store)s""",
                store=store_id, amount=amount,
            )  # fmt: skip

    def export(
        self,
        store_id: int,
        *chunks: list[Any],
        request_id: str = "9001",
        expires: timedelta = timedelta(days=30),
    ) -> int:
        """Add an export of these chunks as the writer makes one."""
        export_id = self.scalar(
            """INSERT INTO records.exports (advertiser_id, store_id, request_id, subject_key, records, created_at,
                   expires_at)
               SELECT advertiser_id, id, %(request)s, 'k', %(records)s, %(now)s, %(expires)s
               FROM gateway.shopify_stores WHERE id = %(store)s RETURNING id""",
            store=store_id, request=request_id, records=sum(map(len, chunks)), now=self.now,
            expires=self.now + expires,
        )  # fmt: skip
        for number, chunk in enumerate(chunks, start=1):
            self.execute(
                """INSERT INTO records.export_chunks (advertiser_id, export_id, number, content)
                   SELECT advertiser_id, id, %(number)s, %(content)s FROM records.exports WHERE id = %(export)s""",
                export=export_id, number=number, content=Jsonb(chunk),
            )  # fmt: skip
        self.execute(
            """INSERT INTO records.access_log (advertiser_id, store_id, action, actor, subject, created_at)
               SELECT advertiser_id, store_id, 'export', 'shopify:data_request', 'export/' || id, created_at
               FROM records.exports WHERE id = %(export)s""",
            export=export_id,
        )
        return int(export_id)

    def receipt(
        self,
        store_id: int,
        topic: str = "customers/redact",
        *,
        effects: dict[str, int] | None = None,
        outcome: str = "done",
    ) -> int:
        """Add the receipt of a privacy request."""
        return int(
            self.scalar(
                """INSERT INTO records.compliance_receipts (advertiser_id, topic, shop_key, webhook_id, store_id,
                       received_at, done_at, outcome, effects)
                   SELECT advertiser_id, %(topic)s, 'k', gen_random_uuid(), id, %(now)s, %(now)s, %(outcome)s,
                       %(effects)s
                   FROM gateway.shopify_stores WHERE id = %(store)s RETURNING id""",
                store=store_id, topic=topic, now=self.now, outcome=outcome, effects=Jsonb(effects or {}),
            )
        )  # fmt: skip

    def email(
        self,
        advertiser_id: int,
        user_id: int,
        *,
        store_id: int | None = None,
        template: str = "shopify_sync_failed",
        state: str = "sent",
        **columns: Any,
    ) -> int:
        """Add an e-mail owed since an hour ago, as the notifier keeps it."""
        created_at = self.now - timedelta(hours=1)
        values = {
            "failure": None,
            "attempts": 0,
            "created_at": created_at,
            "due_at": created_at,
            "sent_at": created_at if state == "sent" else None,
            "resent_at": None,
            **columns,
        }
        return int(
            self.scalar(
                f"""INSERT INTO notify.emails (advertiser_id, store_id, event_id, template, recipient_user_id,
                        variables, idempotency_key, state, {", ".join(values)})
                    SELECT %(advertiser)s, %(store)s, key, %(template)s, %(user)s, '{{"link": "https://secret"}}', key,
                        %(state)s, {", ".join(f"%({name})s" for name in values)}
                    FROM (SELECT gen_random_uuid()::text AS key) AS made RETURNING email_id""",
                advertiser=advertiser_id, store=store_id, template=template, user=user_id, state=state, **values,
            )
        )  # fmt: skip

    def deliveries(
        self,
        store_id: int,
        amount: int,
        *,
        topic: str = "orders/updated",
        took: float = 0.2,
        outcome: str = "updated",
    ) -> None:
        """Add webhooks that arrived one a minute, the last of them two minutes ago."""
        self.execute(
            """INSERT INTO records.deliveries (advertiser_id, store_id, topic, webhook_id, digest, triggered_at,
                   received_at, applied_at, outcome)
               SELECT advertiser_id, id, %(topic)s, gen_random_uuid(), 'd', at - make_interval(secs => %(took)s * 0.5),
                   at, at + make_interval(secs => %(took)s * 0.5), %(outcome)s
               FROM gateway.shopify_stores CROSS JOIN generate_series(1, %(amount)s) AS n,
                   LATERAL (SELECT %(now)s - make_interval(mins => n + 1)) AS minute (at)
               WHERE id = %(store)s""",
            store=store_id, amount=amount, topic=topic, took=took, outcome=outcome, now=self.now,
        )  # fmt: skip

    def failure(self, job_id: int, resource: str, record_id: str, field: str, reason: str) -> None:
        """Add a record that the writer refused."""
        self.execute(
            """INSERT INTO records.job_ledger
                   (advertiser_id, job_id, resource, external_id, store_id, outcome, field, reason)
               SELECT advertiser_id, job_id, %(resource)s, %(id)s, store_id, 'failed', %(field)s, %(reason)s
               FROM sync.sync_jobs WHERE job_id = %(job)s""",
            job=job_id, resource=resource, id=record_id, field=field, reason=reason,
        )  # fmt: skip


async def until_somebody_waits(seed: Seed) -> None:
    """Return once a session of this database waits for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(10):
        while not seed.scalar(waiting):  # noqa: ASYNC110 - a lock sends no signal
            await asyncio.sleep(0.01)
