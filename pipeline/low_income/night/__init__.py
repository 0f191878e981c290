"""The night, step by step. The module `run` holds the order of the steps."""
