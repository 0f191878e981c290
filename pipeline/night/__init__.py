"""The night, step by step: `run` has the order."""
