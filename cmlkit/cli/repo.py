"""`cmlkit repo`: the checkout that a job works in."""

from __future__ import annotations

from pathlib import Path

import click

from cmlkit.cli import edges
from cmlkit.cli.groups import Group
from cmlkit.cli.options import Invocation, with_settings
from cmlkit.cli.output import emit
from cmlkit.git import prepare as checkout


@click.group(cls=Group)
def repo() -> None:
    """Prepare the checkout for commits."""


@repo.command()
@with_settings()
@click.option("--user-name", default="", help="Author of commits, if git has none.")
@click.option("--user-email", default="", help="The author's e-mail address, if git has none.")
@click.option("--unshallow", is_flag=True, help="Fetch the history that a shallow clone left out.")
@click.option("--fetch-depth", type=click.IntRange(min=0), help="Commits that a shallow clone shall have; 0 is all.")
def prepare(invocation: Invocation, user_name: str, user_email: str, unshallow: bool, fetch_depth: int | None) -> None:
    """Set the author of commits in this checkout, unless git has one. No token is ever written to .git/config.

    \b
    cmlkit repo prepare
    cmlkit repo prepare --unshallow
    """
    edges.trust_checkout(invocation, Path.cwd())
    by = invocation.workplace.author
    author = checkout.set_author(Path.cwd(), name=user_name or by.name, email=user_email or by.email)
    depth = 0 if unshallow else fetch_depth
    fetched = depth is not None and checkout.deepen(Path.cwd(), depth)
    result = {"user_name": author["user.name"], "user_email": author["user.email"], "unshallowed": fetched}
    lines = [("author", f"{result['user_name']} <{result['user_email']}>")]
    emit(invocation, result, [*lines, ("history", "fetched")] if fetched else lines)
