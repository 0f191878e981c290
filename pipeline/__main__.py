"""`python -m pipeline`: the command line, where no `monitor` is on the path."""

from pipeline.cli import main

if __name__ == "__main__":
    main()
