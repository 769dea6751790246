"""``python -m empathymodels``: the command line."""

from empathymodels.cli import main

if __name__ == "__main__":
    main()
