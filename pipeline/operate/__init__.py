"""What the data officer does with a home beside the nights: rights of a person, integrity, forgetting, health."""
