"""Run with `python -m record_writer`."""

import asyncio
import sys

from record_writer.main import main

if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
