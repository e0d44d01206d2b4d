"""`python -m sync_orchestrator`."""

import sys

from sync_orchestrator.main import main

sys.exit(main())
