"""Who may call Shopify, and when: tokens and the API budget of one installation."""
