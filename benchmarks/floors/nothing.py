"""The floor of `cmlkit --help`: a click program that does nothing."""

import click


@click.group()
def cli() -> None:
    """Do nothing."""


if __name__ == "__main__":
    cli()
