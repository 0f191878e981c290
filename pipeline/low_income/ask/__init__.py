"""Answers to questions: why a person is listed or not, what a changed rule would list, and which places are silent."""
