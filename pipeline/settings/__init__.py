"""What a home is told: its settings, contracts, policy, and the floor below them."""
