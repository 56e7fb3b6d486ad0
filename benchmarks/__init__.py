"""Measurements: ratios in one run, written to benchmarks/results/NAME.json."""
