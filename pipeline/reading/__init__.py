"""From a sender's bytes to rows of raw text, in a child process with limits. The door is `layout.read_file`."""
