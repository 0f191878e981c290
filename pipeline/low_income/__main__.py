"""`python -m low_income`: the command line, where no `monitor` is on the path."""

from low_income.cli import main

if __name__ == "__main__":
    main()
