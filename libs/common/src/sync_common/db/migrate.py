"""`python -m sync_common.db.migrate --service record-writer --path services/record-writer/migrations`."""

import argparse
import os
from pathlib import Path

from sync_common.contracts.stack import SERVICES
from sync_common.db.migrations import upgrade


def main() -> None:
    """Migrate one service's schema; the address comes from DATABASE_URL, under the service's migration role."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--service", required=True, choices=[name for name, s in SERVICES.items() if s.schema]
    )
    parser.add_argument("--path", required=True, type=Path, help="the service's migrations folder")
    arguments = parser.parse_args()
    schema = SERVICES[arguments.service].schema
    if schema is None:
        parser.error(f"{arguments.service} owns no schema")
    upgrade(os.environ["DATABASE_URL"], migrations=arguments.path, schema=schema)


if __name__ == "__main__":
    main()
