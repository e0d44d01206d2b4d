"""Accounts, sessions, OAuth states and store settings.

Who may see what: tables with `advertiser_id` are bound to the tenant of the transaction by row-level security.
Four questions come before the tenant is known, so four functions answer them with the owner's rights and nothing
else does: which advertisers a user belongs to, which flow an OAuth state began, what an invitation offers, and
founding an advertiser.
"""

from alembic import op

from sync_common.bus.outbox import outbox_ddl

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TENANT_TABLES = (
    "memberships",
    "invitations",
    "oauth_states",
    "shopify_stores",
    "dismissed_banners",
    "data_access",
)

TABLES = """
CREATE TABLE gateway.users (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email         text NOT NULL CHECK (email = lower(email) AND length(email) <= 254),
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    password_hash text,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (email)
);
COMMENT ON COLUMN gateway.users.password_hash IS 'Null for who was invited and has not come yet: nothing logs them in.';

CREATE TABLE gateway.advertisers (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug              text NOT NULL CHECK (slug ~ '^[a-z0-9](-?[a-z0-9])*$' AND length(slug) <= 60),
    name              text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    redact_preference text NOT NULL DEFAULT 'anonymise' CHECK (redact_preference IN ('erase', 'anonymise')),
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (slug)
);

CREATE TABLE gateway.memberships (
    advertiser_id             bigint NOT NULL REFERENCES gateway.advertisers (id),
    user_id                   bigint NOT NULL REFERENCES gateway.users (id),
    role                      text NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    notify_sync_complete      boolean NOT NULL DEFAULT true,
    notify_sync_failed        boolean NOT NULL DEFAULT true,
    notify_store_disconnected boolean NOT NULL DEFAULT true,
    created_at                timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (advertiser_id, user_id)
);
CREATE INDEX memberships_by_user ON gateway.memberships (user_id);

CREATE TABLE gateway.invitations (
    advertiser_id bigint NOT NULL REFERENCES gateway.advertisers (id),
    user_id       bigint NOT NULL REFERENCES gateway.users (id),
    token_hash    bytea NOT NULL CHECK (length(token_hash) = 32),
    role          text NOT NULL CHECK (role IN ('admin', 'member')),
    invited_by    bigint NOT NULL REFERENCES gateway.users (id),
    expires_at    timestamptz NOT NULL,
    PRIMARY KEY (advertiser_id, user_id)
);
CREATE INDEX invitations_by_hash ON gateway.invitations (token_hash);

CREATE TABLE gateway.sessions (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    user_id    bigint NOT NULL REFERENCES gateway.users (id),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    toast      jsonb
);
CREATE INDEX sessions_by_user ON gateway.sessions (user_id);
CREATE INDEX sessions_by_expiry ON gateway.sessions (expires_at);

CREATE TABLE gateway.password_resets (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    user_id    bigint NOT NULL REFERENCES gateway.users (id),
    expires_at timestamptz NOT NULL
);
CREATE INDEX password_resets_by_user ON gateway.password_resets (user_id);
CREATE INDEX password_resets_by_expiry ON gateway.password_resets (expires_at);

CREATE TABLE gateway.login_failures (
    bucket       bytea PRIMARY KEY CHECK (length(bucket) = 32),
    failures     integer NOT NULL CHECK (failures >= 0),
    window_ends  timestamptz NOT NULL
);
CREATE INDEX login_failures_by_end ON gateway.login_failures (window_ends);

CREATE TABLE gateway.oauth_states (
    advertiser_id bigint NOT NULL REFERENCES gateway.advertisers (id),
    state_hash    bytea NOT NULL CHECK (length(state_hash) = 32),
    session_hash  bytea NOT NULL CHECK (length(session_hash) = 32),
    user_id       bigint NOT NULL REFERENCES gateway.users (id),
    shop_domain   text NOT NULL,
    expires_at    timestamptz NOT NULL,
    PRIMARY KEY (advertiser_id, state_hash)
);
CREATE INDEX oauth_states_by_hash ON gateway.oauth_states (state_hash);
CREATE INDEX oauth_states_by_expiry ON gateway.oauth_states (expires_at);

-- An install that begins at Shopify has no user and no advertiser yet: it belongs to a browser and a shop.
CREATE TABLE gateway.install_states (
    state_hash   bytea PRIMARY KEY CHECK (length(state_hash) = 32),
    browser_hash bytea NOT NULL CHECK (length(browser_hash) = 32),
    shop_domain  text NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX install_states_by_expiry ON gateway.install_states (expires_at);

CREATE TABLE gateway.install_claims (
    browser_hash bytea PRIMARY KEY CHECK (length(browser_hash) = 32),
    shop_domain  text NOT NULL,
    shop_name    text NOT NULL,
    claim        text NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX install_claims_by_expiry ON gateway.install_claims (expires_at);

CREATE TABLE gateway.shopify_stores (
    id                 bigint GENERATED ALWAYS AS IDENTITY,
    advertiser_id      bigint NOT NULL REFERENCES gateway.advertisers (id),
    shop_domain        text NOT NULL CHECK (shop_domain ~ '^[a-z0-9][a-z0-9-]*\\.myshopify\\.com$'),
    name               text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    sync_frequency     text NOT NULL DEFAULT 'hourly'
        CHECK (sync_frequency IN ('realtime', 'every_15_min', 'hourly', 'every_6_hours', 'daily', 'manual')),
    products_frequency text
        CHECK (products_frequency IN ('realtime', 'every_15_min', 'hourly', 'every_6_hours', 'daily', 'manual')),
    history_requested_at timestamptz,
    history_requested_by bigint REFERENCES gateway.users (id),
    created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (advertiser_id, id),
    UNIQUE (advertiser_id, shop_domain)
);
COMMENT ON COLUMN gateway.shopify_stores.history_requested_at IS 'Since when somebody wishes for all orders.';
CREATE INDEX shopify_stores_by_id ON gateway.shopify_stores (id);

CREATE TABLE gateway.dismissed_banners (
    advertiser_id bigint NOT NULL,
    user_id       bigint NOT NULL REFERENCES gateway.users (id),
    store_id      bigint NOT NULL,
    until         timestamptz NOT NULL,
    PRIMARY KEY (advertiser_id, user_id, store_id),
    FOREIGN KEY (advertiser_id, store_id) REFERENCES gateway.shopify_stores (advertiser_id, id)
);

CREATE TABLE gateway.data_access (
    advertiser_id bigint NOT NULL REFERENCES gateway.advertisers (id),
    id            bigint GENERATED ALWAYS AS IDENTITY,
    user_id       bigint NOT NULL REFERENCES gateway.users (id),
    action        text NOT NULL CHECK (action = 'download'),
    export_id     bigint NOT NULL,
    store_id      bigint NOT NULL,
    accessed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (advertiser_id, id),
    FOREIGN KEY (advertiser_id, store_id) REFERENCES gateway.shopify_stores (advertiser_id, id)
);
COMMENT ON TABLE gateway.data_access IS 'Who took customers'' data out of here, and when; ids only, nothing changes.';
"""

# All are written once and used up: nobody turns one browser's, or one user's, into another's.
USED_UP = """
REVOKE UPDATE ON gateway.install_states, gateway.install_claims, gateway.password_resets FROM svc_oauth_gateway
"""

EVIDENCE = "REVOKE UPDATE, DELETE ON gateway.data_access FROM svc_oauth_gateway"

ADVERTISERS_SECURITY = """
ALTER TABLE gateway.advertisers ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway.advertisers FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON gateway.advertisers TO svc_oauth_gateway
    USING (id = tenancy.current_id()) WITH CHECK (id = tenancy.current_id());
CREATE POLICY worker ON gateway.advertisers TO migrate_oauth_gateway USING (true) WITH CHECK (true);
"""

TENANT_SECURITY = """
ALTER TABLE gateway.{table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway.{table} FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON gateway.{table} TO svc_oauth_gateway
    USING (advertiser_id = tenancy.current_id()) WITH CHECK (advertiser_id = tenancy.current_id());
CREATE POLICY worker ON gateway.{table} TO migrate_oauth_gateway USING (true) WITH CHECK (true);
"""

FUNCTIONS = """
-- Which advertisers a logged-in user belongs to: asked before a tenant is chosen.
CREATE FUNCTION gateway.memberships_of(member_id bigint)
RETURNS TABLE (advertiser_id bigint, slug text, name text, role text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    SELECT advertiser.id, advertiser.slug, advertiser.name, membership.role
    FROM gateway.memberships AS membership
    JOIN gateway.advertisers AS advertiser ON advertiser.id = membership.advertiser_id
    WHERE membership.user_id = member_id
    ORDER BY advertiser.name, advertiser.id;
END;

-- Use up an OAuth state: only the browser session that began the flow can, once, and in time.
CREATE FUNCTION gateway.take_oauth_state(state bytea, session bytea, taken_at timestamptz)
RETURNS TABLE (advertiser_id bigint, user_id bigint, shop_domain text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    DELETE FROM gateway.oauth_states AS begun
    WHERE begun.state_hash = state AND begun.session_hash = session AND begun.expires_at > taken_at
    RETURNING begun.advertiser_id, begun.user_id, begun.shop_domain;
END;

-- What an invitation offers, and to whom: asked by whoever holds its token, before a tenant is chosen.
CREATE FUNCTION gateway.find_invitation(token bytea, found_at timestamptz)
RETURNS TABLE (advertiser_id bigint, slug text, advertiser_name text, role text, invited_by_name text,
               user_id bigint, email text, has_password boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    SELECT advertiser.id, advertiser.slug, advertiser.name, invitation.role, inviter.name,
           invited.id, invited.email, invited.password_hash IS NOT NULL
    FROM gateway.invitations AS invitation
    JOIN gateway.advertisers AS advertiser ON advertiser.id = invitation.advertiser_id
    JOIN gateway.users AS inviter ON inviter.id = invitation.invited_by
    JOIN gateway.users AS invited ON invited.id = invitation.user_id
    WHERE invitation.token_hash = token AND invitation.expires_at > found_at;
END;

-- Forget flows that nobody finished, of every tenant.
CREATE FUNCTION gateway.prune_oauth_states(pruned_at timestamptz) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    DELETE FROM gateway.oauth_states WHERE expires_at <= pruned_at;
END;

-- Return the advertiser with this slug, founding it first where there is none.
CREATE FUNCTION gateway.found_advertiser(wanted_slug text, wanted_name text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE found_id bigint;
BEGIN
    INSERT INTO gateway.advertisers (slug, name) VALUES (wanted_slug, wanted_name)
    ON CONFLICT (slug) DO NOTHING RETURNING id INTO found_id;
    IF found_id IS NULL THEN
        SELECT id INTO found_id FROM gateway.advertisers WHERE slug = wanted_slug;
    END IF;
    RETURN found_id;
END $$;

REVOKE ALL ON FUNCTION gateway.memberships_of(bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION gateway.take_oauth_state(bytea, bytea, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION gateway.find_invitation(bytea, timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION gateway.prune_oauth_states(timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION gateway.found_advertiser(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.memberships_of(bigint) TO svc_oauth_gateway;
GRANT EXECUTE ON FUNCTION gateway.take_oauth_state(bytea, bytea, timestamptz) TO svc_oauth_gateway;
GRANT EXECUTE ON FUNCTION gateway.find_invitation(bytea, timestamptz) TO svc_oauth_gateway;
GRANT EXECUTE ON FUNCTION gateway.prune_oauth_states(timestamptz) TO svc_oauth_gateway;
GRANT EXECUTE ON FUNCTION gateway.found_advertiser(text, text) TO svc_oauth_gateway;
"""

VIEWS = """
CREATE VIEW gateway.stores_v1 WITH (security_barrier) AS
SELECT store.id AS store_id, store.advertiser_id, store.shop_domain, store.name, store.sync_frequency,
       store.products_frequency, advertiser.redact_preference, store.created_at, store.updated_at
FROM gateway.shopify_stores AS store
JOIN gateway.advertisers AS advertiser ON advertiser.id = store.advertiser_id
WHERE tenancy.visible(store.advertiser_id);

CREATE VIEW gateway.recipients_v1 WITH (security_barrier) AS
SELECT advertiser.id AS advertiser_id, advertiser.name AS advertiser_name, advertiser.slug AS advertiser_slug,
       member.id AS user_id, member.email, member.name, membership.role, membership.notify_sync_complete,
       membership.notify_sync_failed, membership.notify_store_disconnected
FROM gateway.memberships AS membership
JOIN gateway.advertisers AS advertiser ON advertiser.id = membership.advertiser_id
JOIN gateway.users AS member ON member.id = membership.user_id
WHERE tenancy.visible(membership.advertiser_id);

CREATE VIEW gateway.users_v1 WITH (security_barrier) AS
SELECT member.id AS user_id, member.email, member.name FROM gateway.users AS member;

GRANT SELECT ON gateway.stores_v1 TO svc_record_writer, svc_sync_orchestrator, svc_shopify_fetcher, migrate_published;
GRANT SELECT ON gateway.recipients_v1, gateway.users_v1 TO svc_notifier;
"""


def upgrade() -> None:
    op.execute("SET lock_timeout = '5s'")
    op.execute(TABLES)
    op.execute(ADVERTISERS_SECURITY)
    for table in TENANT_TABLES:
        op.execute(TENANT_SECURITY.format(table=table))
    op.execute(USED_UP)
    op.execute(EVIDENCE)
    op.execute(FUNCTIONS)
    op.execute(VIEWS)
    op.execute(outbox_ddl("gateway"))
    op.execute("REVOKE ALL ON gateway.alembic_version FROM svc_oauth_gateway")
