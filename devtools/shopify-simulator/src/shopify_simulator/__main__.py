"""python -m shopify_simulator"""

from shopify_simulator.main import main

main()
