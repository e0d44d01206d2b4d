"""The compliance topic: erase a person, erase a shop, export what is held. One message, one transaction."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from record_writer.domain.compliance import (
    ComplianceTopic,
    CustomerRequest,
    ShopRedact,
    decode,
    is_installed_again,
    unknown_keys_of,
)
from record_writer.domain.redaction import Hasher, RedactionKey, Subject
from record_writer.errors import InvalidRecord, ReplayedElsewhere
from record_writer.metrics import COMPLIANCE
from record_writer.novelties import Novelties
from record_writer.store import books, erasure, records
from sync_common.bus import Done, Message, Outcome, Rejected
from sync_common.contracts.records import ShopWebhook
from sync_common.db import Transaction
from sync_common.runtime import Clock


@dataclass(frozen=True)
class ComplianceHandler:
    """Does what Shopify's privacy webhooks ask, and leaves a receipt of what was done when.

    `after_restore` says that the database is older than the requests: a store that it calls connected may have been
    uninstalled since.
    """

    hasher: Hasher
    clock: Clock
    after_restore: bool = False
    novelties: Novelties = field(default_factory=Novelties)

    async def __call__(self, message: Message, *, tx: Transaction) -> Outcome:
        """Handle one request; repeating it changes nothing more."""
        try:
            webhook = ShopWebhook.from_message(message.envelope(), message.value or b"")
            await self._refuse_replay(tx, webhook)
            match webhook.topic:
                case ComplianceTopic.REDACT_CUSTOMER:
                    await self._redact_customer(tx, webhook)
                case ComplianceTopic.REDACT_SHOP:
                    await self._redact_shop(tx, webhook)
                case ComplianceTopic.DATA_REQUEST:
                    await self._export(tx, webhook)
                case _:
                    raise InvalidRecord("webhooktopic", "no compliance topic")
        except InvalidRecord as error:
            raise Rejected(
                str(error), error.field, error=type(error).__name__, by_outsider=error.by_outsider
            ) from None
        self.novelties.report_keys(
            webhook.topic, unknown_keys_of(ComplianceTopic(webhook.topic), webhook.body)
        )
        return Done()

    async def _refuse_replay(self, tx: Transaction, webhook: ShopWebhook) -> None:
        if await books.replayed(tx, [(webhook.digest, webhook.shop)]):
            raise ReplayedElsewhere

    async def _redact_customer(self, tx: Transaction, webhook: ShopWebhook) -> None:
        request = decode(webhook.body, CustomerRequest, shop=webhook.shop)
        await records.lock_shops(tx, shared=(), exclusive=[webhook.shop])
        named = set(self._keys(webhook.shop, request))
        keys = set(named)
        stores = await erasure.stores_of(tx, webhook.shop)
        for store in stores:
            redacted = await erasure.redact_person(
                tx, _person(store, request, webhook), subject_keys=[key for _, key in named]
            )
            keys |= {self._order_key(webhook.shop, order_id) for order_id in redacted.order_ids}
            await self._receipt(tx, webhook, store, "done", redacted.effects)
        await erasure.remember(tx, self.hasher, webhook.shop, keys, webhook.observed_at)
        if not stores:
            await self._receipt(tx, webhook, None, "ignored", {})

    async def _redact_shop(self, tx: Transaction, webhook: ShopWebhook) -> None:
        """Ask for the erasure of the shop's stores, except where it was installed again since.

        What was decided once stays: repeated months later, a request must not touch what was connected meanwhile.
        """
        decode(webhook.body, ShopRedact, shop=webhook.shop)
        await records.lock_shops(tx, shared=(), exclusive=[webhook.shop])
        stores = await erasure.stores_of(tx, webhook.shop)
        decided = await erasure.receipted(tx, webhook.topic, webhook.webhook_id or webhook.event_id)
        undecided = [store for store in stores if store.store_id not in decided]
        gone = [store for store in undecided if not self._is_back(store, webhook)]
        keys = [self.hasher.of_store(webhook.shop, store.store_id) for store in gone]
        await erasure.remember(tx, self.hasher, webhook.shop, keys, webhook.observed_at)
        for store in gone:
            await erasure.request_erasure(
                tx,
                store,
                shop=webhook.shop,
                requested_at=webhook.observed_at,
                webhook_id=webhook.webhook_id or webhook.event_id,
            )
        for store in undecided:
            await self._receipt(tx, webhook, store, "done" if store in gone else "ignored", {})
        if not stores:
            await self._receipt(tx, webhook, None, "ignored", {})

    def _is_back(self, store: erasure.ShopStore, webhook: ShopWebhook) -> bool:
        return store.is_connected and (
            not self.after_restore or is_installed_again(store.connected_at, webhook.observed_at)
        )

    async def _export(self, tx: Transaction, webhook: ShopWebhook) -> None:
        request = decode(webhook.body, CustomerRequest, shop=webhook.shop)
        await records.lock_shops(
            tx, shared=[webhook.shop]
        )  # a redaction must not miss what is copied meanwhile
        subject_key = next((key for _, key in self._keys(webhook.shop, request)), webhook.digest.encode())
        request_id = str(request.data_request.id) if request.data_request else webhook.event_id
        stores = await erasure.stores_of(tx, webhook.shop)
        for store in stores:
            person = _person(store, request, webhook)
            number = await erasure.export_person(
                tx, person, request_id=request_id, subject_key=subject_key, now=self.clock.now()
            )
            await self._receipt(tx, webhook, store, "done", {"records": number})
        if not stores:
            await self._receipt(tx, webhook, None, "ignored", {})

    def _keys(self, shop: str, request: CustomerRequest) -> Iterable[RedactionKey]:
        if request.customer_id:
            yield Subject.CUSTOMER, self.hasher.key(Subject.CUSTOMER, shop, request.customer_id)
        if request.email:
            yield Subject.EMAIL, self.hasher.key(Subject.EMAIL, shop, request.email.lower())
        for order_id in request.order_ids:
            yield self._order_key(shop, order_id)

    def _order_key(self, shop: str, order_id: str) -> RedactionKey:
        return Subject.ORDER, self.hasher.key(Subject.ORDER, shop, order_id)

    async def _receipt(
        self,
        tx: Transaction,
        webhook: ShopWebhook,
        store: erasure.ShopStore | None,
        outcome: str,
        effects: dict[str, Any],
    ) -> None:
        COMPLIANCE.labels(webhook.topic, outcome).inc()
        await erasure.note_receipt(
            tx,
            topic=webhook.topic,
            shop_key=self.hasher.key(Subject.SHOP, webhook.shop),
            webhook_id=webhook.webhook_id or webhook.event_id,
            advertiser_id=store.advertiser_id if store else 0,
            store_id=store.store_id if store else None,
            received_at=webhook.occurred_at,
            outcome=outcome,
            effects=effects,
        )


def _person(store: erasure.ShopStore, request: CustomerRequest, webhook: ShopWebhook) -> erasure.PersonQuery:
    return erasure.PersonQuery(
        advertiser_id=store.advertiser_id,
        store_id=store.store_id,
        customer_id=request.customer_id,
        email=request.email,
        order_ids=request.order_ids,
        redacted_at=webhook.observed_at,
    )
