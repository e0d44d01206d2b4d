"""python -m shopctl."""

from shopctl.main import main

main()
