"""What a home keeps: files as they came, the ledger of them, the journal, keys, and whether all this agrees."""
