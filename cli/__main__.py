"""`python -m mlmon.cli`: the command `mlmon`, where it is not on the path."""

from mlmon.cli.main import main

if __name__ == "__main__":
    main()
