"""`python -m shopify_fetcher` runs the service."""

import sys

from shopify_fetcher.main import main

if __name__ == "__main__":
    sys.exit(main())
