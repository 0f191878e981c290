"""Work of the data officer on a home outside the nights: integrity, health, retention, and the rights of a person."""
