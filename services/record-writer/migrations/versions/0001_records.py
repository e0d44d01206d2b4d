"""The mirror: contacts, orders and products, each row with the version that decides who may change it."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

CONTACTS = """
CREATE TABLE records.contacts (
    advertiser_id bigint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    source_type text NOT NULL,
    source_id bigint NOT NULL,
    external_id text NOT NULL,
    email text,
    phone text,
    first_name text,
    last_name text,
    accepts_marketing boolean NOT NULL DEFAULT false,
    accepts_marketing_updated_at timestamptz,
    marketing_opt_in_level text,
    email_marketing_state text,
    tags text[] NOT NULL DEFAULT '{}',
    note text,
    state text DEFAULT 'enabled',
    state_raw text,
    currency text,
    total_spent numeric(20,4) NOT NULL DEFAULT 0,
    orders_count bigint NOT NULL DEFAULT 0,
    last_order_at timestamptz,
    default_address jsonb,
    addresses jsonb NOT NULL DEFAULT '[]',
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at_source timestamptz,
    updated_at_source timestamptz NOT NULL DEFAULT '-infinity',
    observed_at timestamptz NOT NULL DEFAULT '-infinity',
    content_hash bytea,
    body_hash bytea,
    deleted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- A column and not an index on lower(email): under row security only what is leakproof is looked up.
    email_key text GENERATED ALWAYS AS (lower(email)) STORED,
    display_name text GENERATED ALWAYS AS (
        coalesce(nullif(btrim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), ''), email)
    ) VIRTUAL,
    marketable boolean GENERATED ALWAYS AS (
        accepts_marketing AND email IS NOT NULL AND deleted_at IS NULL
    ) VIRTUAL,
    admin_path text GENERATED ALWAYS AS (
        CASE WHEN source_type = 'ShopifyStore' THEN '/customers/' || external_id END
    ) VIRTUAL,
    PRIMARY KEY (advertiser_id, id),
    CONSTRAINT contacts_source_external UNIQUE (advertiser_id, source_type, source_id, external_id),
    CONSTRAINT contacts_state CHECK (state IN ('enabled', 'disabled', 'invited', 'declined')),
    CONSTRAINT contacts_reachable CHECK (source_type = 'ShopifyStore' OR email IS NOT NULL OR phone IS NOT NULL)
);
CREATE INDEX contacts_email ON records.contacts (advertiser_id, email_key);
CREATE INDEX contacts_tags ON records.contacts USING gin (tags);
CREATE INDEX contacts_total_spent ON records.contacts (advertiser_id, total_spent);
CREATE INDEX contacts_last_order_at ON records.contacts (advertiser_id, last_order_at);
CREATE INDEX contacts_deleted ON records.contacts (advertiser_id, source_id)
    WHERE source_type = 'ShopifyStore' AND deleted_at IS NOT NULL;
COMMENT ON COLUMN records.contacts.content_hash IS
    'Fingerprint of the canonical columns of the last full record; NULL while only a partial one is known.';
COMMENT ON COLUMN records.contacts.body_hash IS
    'Fingerprint of the bytes of the last full record; it holds while content_hash is there.';
COMMENT ON COLUMN records.contacts.admin_path IS 'Path under https://{shop}/admin.';
"""

ORDERS = """
CREATE TABLE records.orders (
    advertiser_id bigint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    source_type text NOT NULL,
    source_id bigint NOT NULL,
    external_id text NOT NULL,
    contact_id bigint,
    match_rank smallint NOT NULL DEFAULT 0,
    -- Generated, so that it falls to 0 however contact_id becomes NULL, also by the foreign key.
    link_rank smallint GENERATED ALWAYS AS (CASE WHEN contact_id IS NULL THEN 0::smallint ELSE match_rank END) STORED,
    customer_external_id text,
    order_number text,
    email text,
    phone text,
    financial_status text,
    financial_status_raw text,
    fulfillment_status text,
    fulfillment_status_raw text,
    currency text NOT NULL,
    presentment_currency text,
    subtotal numeric(20,4),
    total_tax numeric(20,4),
    total_discounts numeric(20,4),
    total_price numeric(20,4) NOT NULL,
    presentment_total_price numeric(20,4),
    current_subtotal_price numeric(20,4),
    current_total_tax numeric(20,4),
    current_total_discounts numeric(20,4),
    current_total_price numeric(20,4),
    refunded_total numeric(20,4),
    line_items jsonb NOT NULL DEFAULT '[]',
    product_ids text[] NOT NULL DEFAULT '{}',
    discount_codes jsonb NOT NULL DEFAULT '[]',
    shipping_address jsonb,
    billing_address jsonb,
    customer_locale text,
    tags text[] NOT NULL DEFAULT '{}',
    note text,
    cancelled_at timestamptz,
    cancel_reason text,
    closed_at timestamptz,
    metadata jsonb NOT NULL DEFAULT '{}',
    ordered_at timestamptz NOT NULL,
    created_at_source timestamptz,
    updated_at_source timestamptz NOT NULL DEFAULT '-infinity',
    observed_at timestamptz NOT NULL DEFAULT '-infinity',
    content_hash bytea,
    body_hash bytea,
    deleted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    paid boolean GENERATED ALWAYS AS (coalesce(financial_status = 'paid', false)) VIRTUAL,
    refunded boolean GENERATED ALWAYS AS (
        coalesce(financial_status IN ('partially_refunded', 'refunded'), false)
    ) VIRTUAL,
    admin_path text GENERATED ALWAYS AS (
        CASE WHEN source_type = 'ShopifyStore' THEN '/orders/' || external_id END
    ) VIRTUAL,
    PRIMARY KEY (advertiser_id, id),
    CONSTRAINT orders_source_external UNIQUE (advertiser_id, source_type, source_id, external_id),
    CONSTRAINT orders_contact FOREIGN KEY (advertiser_id, contact_id)
        REFERENCES records.contacts (advertiser_id, id) ON DELETE SET NULL (contact_id),
    CONSTRAINT orders_match CHECK (match_rank BETWEEN 0 AND 3),
    CONSTRAINT orders_financial_status CHECK (financial_status IN (
        'pending', 'authorized', 'partially_paid', 'paid', 'partially_refunded', 'refunded', 'voided', 'expired'
    )),
    CONSTRAINT orders_fulfillment_status CHECK (fulfillment_status IN ('fulfilled', 'partial', 'unfulfilled'))
);
CREATE INDEX orders_ordered_at ON records.orders (advertiser_id, ordered_at DESC);
CREATE INDEX orders_contact_id ON records.orders (advertiser_id, contact_id);
CREATE INDEX orders_financial ON records.orders (advertiser_id, financial_status);
CREATE INDEX orders_product_ids ON records.orders USING gin (product_ids);
CREATE INDEX orders_deleted ON records.orders (advertiser_id, source_id)
    WHERE source_type = 'ShopifyStore' AND deleted_at IS NOT NULL;
CREATE INDEX orders_awaiting_customer ON records.orders (advertiser_id, source_id, customer_external_id)
    WHERE link_rank < 3 AND customer_external_id IS NOT NULL;
CREATE INDEX orders_awaiting_email ON records.orders (advertiser_id, lower(email))
    WHERE link_rank < 2 AND email IS NOT NULL;
CREATE INDEX orders_to_sweep ON records.orders (updated_at)
    WHERE link_rank < 3 AND (customer_external_id IS NOT NULL OR email IS NOT NULL);
COMMENT ON COLUMN records.orders.match_rank IS
    'How contact_id was found: 3 same store by customer id, 2 same store by e-mail, 1 same advertiser by e-mail.';
COMMENT ON COLUMN records.orders.link_rank IS 'match_rank while there is a contact, else 0.';
"""

PRODUCTS = """
CREATE TABLE records.products (
    advertiser_id bigint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    source_type text NOT NULL,
    source_id bigint NOT NULL,
    external_id text NOT NULL,
    title text NOT NULL,
    description text,
    product_type text,
    vendor text,
    tags text[] NOT NULL DEFAULT '{}',
    status text,
    status_raw text,
    archived_from text,
    variants jsonb NOT NULL DEFAULT '[]',
    images jsonb NOT NULL DEFAULT '[]',
    handle text,
    published_at timestamptz,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at_source timestamptz,
    updated_at_source timestamptz NOT NULL DEFAULT '-infinity',
    observed_at timestamptz NOT NULL DEFAULT '-infinity',
    content_hash bytea,
    body_hash bytea,
    deleted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Cut before anything else: a document of more than 1 MB cannot become a tsvector.
    search tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('english', left(title, 1000)), 'A')
        || setweight(
            to_tsvector('english', regexp_replace(left(coalesce(description, ''), 100000), '<[^>]*>', ' ', 'g')), 'B'
        )
    ) STORED,
    in_stock boolean GENERATED ALWAYS AS (
        deleted_at IS NULL AND (
            coalesce(metadata ->> 'tracks_inventory', '') = 'false'
            OR jsonb_path_exists(variants, '$[*] ? (@.inventory_quantity > 0 || @.inventory_policy == "continue")')
        )
    ) VIRTUAL,
    primary_image_url text GENERATED ALWAYS AS (images -> 0 ->> 'url') VIRTUAL,
    admin_path text GENERATED ALWAYS AS (
        CASE WHEN source_type = 'ShopifyStore' THEN '/products/' || external_id END
    ) VIRTUAL,
    PRIMARY KEY (advertiser_id, id),
    CONSTRAINT products_source_external UNIQUE (advertiser_id, source_type, source_id, external_id),
    CONSTRAINT products_status CHECK (status IN ('active', 'archived', 'draft'))
);
COMMENT ON COLUMN records.products.archived_from IS
    'The status that the last deletion replaced by archived; it comes back if the deletion is taken back.';
CREATE INDEX products_by_status ON records.products (advertiser_id, status);
CREATE INDEX products_tags ON records.products USING gin (tags);
CREATE INDEX products_search ON records.products USING gin (search);
CREATE INDEX products_deleted ON records.products (advertiser_id, source_id)
    WHERE source_type = 'ShopifyStore' AND deleted_at IS NOT NULL;
"""

# Statistics know the tenants of the last ANALYZE. For one that came since, the planner would expect no rows at all,
# find every index that starts with advertiser_id equally good, and read the whole tenant once per order. Without
# statistics it assumes a share of the table, and takes the index that fits the whole condition.
NEWCOMERS = """
ALTER TABLE records.{table} ALTER COLUMN advertiser_id SET STATISTICS 0, ALTER COLUMN source_id SET STATISTICS 0;
"""

ROW_SECURITY = """
ALTER TABLE records.{table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE records.{table} FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON records.{table} TO svc_record_writer, migrate_record_writer USING (true) WITH CHECK (true);
CREATE POLICY tenant ON records.{table} FOR SELECT TO svc_oauth_gateway
    USING (advertiser_id = tenancy.current_id());
GRANT SELECT ON records.{table} TO svc_oauth_gateway;
"""


def upgrade() -> None:
    """Make the three tables, readable by the gateway for one advertiser at a time."""
    for statements in (CONTACTS, ORDERS, PRODUCTS):
        op.execute(statements)
    for table in ("contacts", "orders", "products"):
        op.execute(NEWCOMERS.format(table=table))
        op.execute(ROW_SECURITY.format(table=table))
    op.execute("REVOKE ALL ON records.alembic_version FROM svc_record_writer")


def downgrade() -> None:
    """Drop the three tables."""
    op.execute("DROP TABLE records.orders, records.products, records.contacts")
