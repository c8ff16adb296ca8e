"""`python -m headhunt`: the command, where it is not on the path."""

from headhunt.cli.main import run

if __name__ == "__main__":
    run()
