"""A Shopify to test against: OAuth, GraphQL, bulk files, throttling and webhooks over HTTP."""
