"""Answers to people who ask: why somebody is listed or not, what a change would list, where nothing is heard."""
