"""No tenant sees a row of another, whatever it reads: asked of every relation under the gateway's own role."""

import psycopg
import pytest

from local_stack.testing import StackDatabase
from sync_common.contracts.stack import SERVICES, Service
from sync_common.contracts.topics import OAUTH_GATEWAY

OWN_TABLES = (
    "memberships",
    "invitations",
    "oauth_states",
    "shopify_stores",
    "dismissed_banners",
    "data_access",
)
WORKERS = [service for service in SERVICES.values() if service.reads and not service.serves_tenants]
RELATIONS = (*SERVICES[OAUTH_GATEWAY].reads, *(f"gateway.{table}" for table in OWN_TABLES))


def owners(url: str, relation: str, *, key: str = "advertiser_id", acting_for: str = "") -> set[int]:
    """Return whose rows a role sees."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT set_config('app.advertiser_id', %s, true)", [acting_for])
        return {owner for (owner,) in connection.execute(f"SELECT {key} FROM {relation}".encode())}


@pytest.mark.parametrize("relation", RELATIONS)
def test_tenant_sees_its_own_rows_and_no_others(two_tenants: StackDatabase, relation: str) -> None:
    gateway = two_tenants.url_of(OAUTH_GATEWAY)

    assert owners(two_tenants.url(), relation) == {1, 2}
    assert owners(gateway, relation, acting_for="1") == {1}
    assert owners(gateway, relation, acting_for="2") == {2}
    assert owners(gateway, relation) == set()


def test_advertiser_sees_itself_alone(two_tenants: StackDatabase) -> None:
    gateway = two_tenants.url_of(OAUTH_GATEWAY)

    assert owners(two_tenants.url(), "gateway.advertisers", key="id") == {1, 2}
    assert owners(gateway, "gateway.advertisers", key="id", acting_for="1") == {1}
    assert owners(gateway, "gateway.advertisers", key="id") == set()


@pytest.mark.parametrize("service", WORKERS, ids=lambda service: service.name)
def test_worker_sees_the_rows_of_all_tenants(two_tenants: StackDatabase, service: Service) -> None:
    for view in set(service.reads) - {"gateway.users_v1"}:  # a user is of no tenant
        assert owners(two_tenants.url(service.runtime_role), view) == {1, 2}


def test_role_that_nobody_listed_sees_no_tenants_rows(two_tenants: StackDatabase) -> None:
    """Was: only roles that were listed as serving tenants were held to one; any other saw all."""
    with psycopg.connect(two_tenants.url()) as admin:
        admin.execute("CREATE ROLE unlisted")
        admin.execute("GRANT USAGE ON SCHEMA sync TO unlisted")
        admin.execute("GRANT SELECT ON sync.jobs_v1 TO unlisted")
        admin.execute("SET LOCAL ROLE unlisted")
        seen = admin.execute("SELECT FROM sync.jobs_v1").fetchall()
        admin.rollback()

    assert seen == []
