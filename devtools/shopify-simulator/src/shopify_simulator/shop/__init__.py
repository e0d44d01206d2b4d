"""The data of a simulated shop: what it holds, how it is made up and how a merchant changes it."""
