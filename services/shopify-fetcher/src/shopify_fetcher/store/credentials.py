"""Sealed tokens. Nothing here ever sees a token in clear."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Sequence, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from shopify_fetcher.store.tables import credentials
from sync_common.db import Transaction, load_sql

_VERSIONS = Sequence("token_versions", schema="fetcher")


@dataclass(frozen=True, slots=True, repr=False)
class SealedPair:
    """A pair of tokens as it is stored, with the data key that opens it."""

    data_key: bytes
    key_id: str
    access_token: bytes
    refresh_token: bytes | None
    expires_in: timedelta | None
    refresh_expires_in: timedelta | None


@dataclass(frozen=True, slots=True, repr=False)
class StoredCredentials:
    """What is stored of one installation; `life_left` by the database's clock, None for ever."""

    installation_id: int
    data_key: bytes
    access_token: bytes
    refresh_token: bytes | None
    previous_refresh_token: bytes | None
    token_version: int
    life_left: timedelta | None


_STORED = (
    credentials.c.installation_id,
    credentials.c.data_key,
    credentials.c.access_token,
    credentials.c.refresh_token,
    credentials.c.previous_refresh_token,
    credentials.c.token_version,
    (credentials.c.expires_at - func.clock_timestamp()).label("life_left"),
)


async def load(tx: Transaction, installation_id: int) -> StoredCredentials | None:
    """Return the stored pair."""
    statement = select(*_STORED).where(credentials.c.installation_id == installation_id)
    row = (await tx.execute(statement)).mappings().first()
    return None if row is None else _stored(row)


async def save_first(tx: Transaction, installation_id: int, pair: SealedPair) -> int:
    """Store a newly acquired pair, which kills any earlier one; return its version."""
    values = {
        "data_key": pair.data_key,
        "key_id": pair.key_id,
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "previous_refresh_token": None,
        "expires_at": _from_now(pair.expires_in),
        "refresh_expires_at": _from_now(pair.refresh_expires_in),
        "token_version": _VERSIONS.next_value(),
        "updated_at": func.clock_timestamp(),
    }
    statement = insert(credentials).values(installation_id=installation_id, **values)
    statement = statement.on_conflict_do_update(
        index_elements=[credentials.c.installation_id],
        set_={name: statement.excluded[name] for name in values},
    )
    return int((await tx.execute(statement.returning(credentials.c.token_version))).scalar_one())


async def claim_refresh(
    tx: Transaction, installation_id: int, *, seen: int, owner: UUID, lease: timedelta
) -> StoredCredentials | None:
    """Take the right to refresh version `seen`; None when it was refreshed or another holds the lease."""
    row = await tx.execute(
        load_sql("shopify_fetcher.store", "claim_refresh"),
        {"installation_id": installation_id, "seen": seen, "owner": owner, "lease": lease},
    )
    claimed = row.mappings().first()
    return None if claimed is None else _stored(claimed)


async def rotate(tx: Transaction, installation_id: int, *, seen: int, pair: SealedPair) -> int | None:
    """Replace version `seen` by the pair that Shopify gave; None when it is not the stored one any more."""
    statement = (
        update(credentials)
        .where(credentials.c.installation_id == installation_id, credentials.c.token_version == seen)
        .values(
            access_token=pair.access_token,
            previous_refresh_token=credentials.c.refresh_token,
            refresh_token=pair.refresh_token,
            expires_at=_from_now(pair.expires_in),
            refresh_expires_at=_from_now(pair.refresh_expires_in),
            token_version=_VERSIONS.next_value(),
            updated_at=func.clock_timestamp(),
        )
        .returning(credentials.c.token_version)
    )
    version: int | None = (await tx.execute(statement)).scalar_one_or_none()
    return version


async def forget(tx: Transaction, installation_id: int, *, seen: int) -> bool:
    """Destroy the tokens, only if version `seen` is still the stored one."""
    return await _forget(tx, installation_id, credentials.c.token_version == seen)


async def forget_sealed_with(tx: Transaction, installation_id: int, data_key: bytes) -> bool:
    """Destroy the tokens, however often they were refreshed; a pair acquired since has a key of its own."""
    return await _forget(tx, installation_id, credentials.c.data_key == data_key)


async def sealed_otherwise(
    tx: Transaction, *, key_id: str, after: int, limit: int
) -> list[tuple[int, bytes]]:
    """Return installations behind `after` whose data key is wrapped by another master key, with that data key."""
    statement = (
        select(credentials.c.installation_id, credentials.c.data_key)
        .where(credentials.c.key_id != key_id, credentials.c.installation_id > after)
        .order_by(credentials.c.installation_id)
        .limit(limit)
    )
    return [(row.installation_id, bytes(row.data_key)) for row in await tx.execute(statement)]


async def replace_data_key(
    tx: Transaction, installation_id: int, *, seen: bytes, data_key: bytes, key_id: str
) -> bool:
    """Store the data key as wrapped anew; False when the pair was replaced or forgotten since it was read."""
    statement = (
        update(credentials)
        .where(credentials.c.installation_id == installation_id, credentials.c.data_key == seen)
        .values(data_key=data_key, key_id=key_id, updated_at=func.clock_timestamp())
        .returning(credentials.c.installation_id)
    )
    return (await tx.execute(statement)).first() is not None


async def count_by_key(tx: Transaction) -> dict[str, int]:
    """Return how many installations each master key seals."""
    statement = select(credentials.c.key_id, func.count().label("installations")).group_by(
        credentials.c.key_id
    )
    return {row.key_id: row.installations for row in await tx.execute(statement)}


async def _forget(tx: Transaction, installation_id: int, condition: ColumnElement[bool]) -> bool:
    statement = delete(credentials).where(credentials.c.installation_id == installation_id, condition)
    return (await tx.execute(statement.returning(credentials.c.installation_id))).first() is not None


def _from_now(delta: timedelta | None) -> object:
    return None if delta is None else func.clock_timestamp() + delta


def _stored(row: RowMapping) -> StoredCredentials:
    return StoredCredentials(
        installation_id=row["installation_id"],
        data_key=bytes(row["data_key"]),
        access_token=bytes(row["access_token"]),
        refresh_token=_bytes(row["refresh_token"]),
        previous_refresh_token=_bytes(row["previous_refresh_token"]),
        token_version=row["token_version"],
        life_left=row["life_left"],
    )


def _bytes(value: object) -> bytes | None:
    return None if value is None else bytes(value)  # type: ignore[call-overload]
