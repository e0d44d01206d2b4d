"""Records out of Shopify: bulk operations, pages, reads by id, counts."""
