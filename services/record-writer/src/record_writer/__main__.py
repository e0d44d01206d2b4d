"""Run with `python -m record_writer`; after a restore first with `python -m record_writer reapply-redactions`."""

import asyncio
import sys

from record_writer.main import main, reapply

if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            sys.exit(asyncio.run(main()))
        case ["reapply-redactions"]:
            sys.exit(asyncio.run(reapply()))
        case _:
            sys.exit("usage: python -m record_writer [reapply-redactions]")
