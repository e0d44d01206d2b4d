"""The web UI, log-in and Shopify's OAuth."""
