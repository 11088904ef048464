"""How fast the training engine is, measured where it runs: `python -m benchmarks --json out.json`."""
