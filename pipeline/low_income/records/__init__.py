"""What a home keeps: received files, the ledger, the journal, keys; and the check that all of them agree."""
