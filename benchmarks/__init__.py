"""Measurements. Each prints ratios to a limit measured in the same run; none asserts a time."""
