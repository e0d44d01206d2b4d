"""One row per e-mail owed: what makes each go out once."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE notify.emails (
    -- 0 for mail about a user's own account, which belongs to no advertiser and so is visible to none.
    advertiser_id      bigint NOT NULL,
    email_id           bigint GENERATED ALWAYS AS IDENTITY,
    store_id           bigint,
    event_id           text NOT NULL,
    template           text NOT NULL CHECK (template IN (
                           'shopify_sync_complete', 'shopify_sync_failed', 'shopify_store_disconnected',
                           'advertiser_invitation', 'password_reset')),
    recipient_user_id  bigint NOT NULL,
    variables          jsonb NOT NULL CHECK (jsonb_typeof(variables) = 'object'),
    sealed_token       text,
    token_expires_at   timestamptz,
    idempotency_key    text NOT NULL CHECK (length(idempotency_key) <= 100),
    state              text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'failed', 'unknown')),
    attempts           integer NOT NULL DEFAULT 0,
    failure            text,
    due_at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease_owner        text,
    lease_expires_at   timestamptz,
    first_attempted_at timestamptz,
    sent_at            timestamptz,
    resent_at          timestamptz,
    created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Links of invitations and password resets are forgotten, and what an erased store's mails said is empty.
    can_resend         boolean NOT NULL GENERATED ALWAYS AS (
                           state IN ('failed', 'unknown') AND resent_at IS NULL
                           AND store_id IS NOT NULL AND variables <> '{}') STORED,
    PRIMARY KEY (advertiser_id, email_id),
    UNIQUE (advertiser_id, event_id, template, recipient_user_id),
    UNIQUE (advertiser_id, idempotency_key),
    CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
    CHECK (state = 'pending' OR sealed_token IS NULL)
);
CREATE INDEX emails_due ON notify.emails (due_at) WHERE state = 'pending';
CREATE INDEX emails_by_age ON notify.emails (updated_at) WHERE state <> 'pending';

COMMENT ON TABLE notify.emails IS 'E-mails owed and sent. Addresses are not kept: they are looked up when sent.';
COMMENT ON COLUMN notify.emails.sealed_token IS 'A secret for a link, sealed; forgotten once the mail is settled.';
COMMENT ON COLUMN notify.emails.resent_at IS 'When a person had it sent once more, as a mail of its own.';
COMMENT ON COLUMN notify.emails.first_attempted_at IS 'When Loops may first have seen the key; its memory is 24 h.';
"""

PACE = """
-- One row for all replicas: Loops counts the calls of a team, whoever makes them.
CREATE TABLE notify.pace (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    free_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO notify.pace DEFAULT VALUES;
REVOKE INSERT, DELETE ON notify.pace FROM svc_notifier;
COMMENT ON TABLE notify.pace IS 'When the next call to Loops may be made, by whichever replica.';
"""

SECURITY = """
ALTER TABLE notify.emails ENABLE ROW LEVEL SECURITY;
ALTER TABLE notify.emails FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON notify.emails TO svc_notifier, migrate_notifier USING (true) WITH CHECK (true);
"""

VIEW = """
CREATE VIEW notify.emails_v1 WITH (security_barrier) AS
SELECT email_id, advertiser_id, store_id, template, recipient_user_id, state, failure, attempts, created_at, due_at,
       sent_at, resent_at, can_resend
FROM notify.emails
WHERE tenancy.visible(advertiser_id);
GRANT SELECT ON notify.emails_v1 TO svc_oauth_gateway;
"""


def upgrade() -> None:
    op.execute("SET lock_timeout = '5s'")
    op.execute(TABLE)
    op.execute(PACE)
    op.execute(SECURITY)
    op.execute(VIEW)
    op.execute("REVOKE ALL ON notify.alembic_version FROM svc_notifier")
