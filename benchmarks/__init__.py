"""Side-by-side timings: `python -m benchmarks.<name> [device=cuda] [precision=bf16]`."""
