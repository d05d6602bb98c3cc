"""Brokers of the tests' own: real processes, each with its data in a folder that outlives it."""
