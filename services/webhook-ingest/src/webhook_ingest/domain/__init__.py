"""Pure decisions about a delivery: is it Shopify's, and where does it go."""
