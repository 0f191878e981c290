"""Reads a sender's bytes into rows of raw text, in a child process with limits. The entry point is `layout.read_file`."""
