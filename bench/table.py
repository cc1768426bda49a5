"""Shared by the benchmarks: side-by-side tables."""
