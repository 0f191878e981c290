"""Cards and their queries → warnings.every: one table of all candidates, with reason, evidence and policy in words."""
