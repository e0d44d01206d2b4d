"""The only one that calls Shopify and the only one that holds its tokens."""
