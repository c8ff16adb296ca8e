"""Measurements that anybody can make again: `python -m benchmarks.NAME` prints a table, `--json FILE` keeps it."""
