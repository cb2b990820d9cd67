"""Benchmarks: each figure is printed beside a bound or a baseline that was measured in the same run."""
