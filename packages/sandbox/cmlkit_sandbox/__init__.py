"""The sandbox: AWS and GitHub on loopback, and the machines that boot between them.

    with Sandbox(directory, source=Path("my-project")) as sandbox:
        subprocess.run(["cmlkit", "runner", "launch"], env={**os.environ, **sandbox.environ()})

Return cmlkit does not know about it: the environment variables point there as at any other server.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from cmlkit.settings import variables

if TYPE_CHECKING:
    from cmlkit_sandbox.aws import AwsServer
    from cmlkit_sandbox.github import GitHubServer

__all__ = ["REPOSITORY", "TOKEN", "Sandbox"]

REPOSITORY = "octo/random-forest"
TOKEN = "ghp_sandbox"  # noqa: S105 - opens the sandbox only


class Sandbox:
    """Both servers, with one repository, while the `with` block lasts.

    Args:
        directory: Where repositories and machines live; an empty folder, or a path to create.
        repository: `OWNER/NAME` of the repository.
        source: Folder whose files are the repository's first commit; an empty repository when None.
        boot: Whether instances have machines that run their user data.
        clock_rate: How many of a machine's timer seconds pass in one second.
    """

    def __init__(
        self,
        directory: Path,
        *,
        repository: str = REPOSITORY,
        source: Path | None = None,
        boot: bool = True,
        clock_rate: float = 1.0,
    ) -> None:
        from cmlkit_sandbox.aws import AwsServer
        from cmlkit_sandbox.github import GitHubServer

        self.repository = repository
        self.source = source
        self.aws: AwsServer = AwsServer(directory / "machines", boot=boot, clock_rate=clock_rate)
        self.github: GitHubServer = GitHubServer(directory / "repositories")
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            # GitHub first and AWS last to come, so that AWS, with its machines, is the first to go.
            starting.enter_context(self.github)
            starting.enter_context(self.aws)
            self.github.add_repository(self.repository, self.source)
            self.github.add_token(TOKEN, self.repository.partition("/")[0])
            self._stack = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def merge_newest_pull_request(self) -> int:
        """Merge the newest open pull request, as the repository's owner would; return its number."""
        from cmlkit_sandbox.github.merging import merge

        repository = self.github.hub.repository(self.repository)
        pull = next(pull for pull in sorted(repository.pulls, key=lambda pull: -pull.number) if pull.state == "open")
        merge(self.github.hub, repository, pull, actor=repository.owner, method="merge")
        return pull.number

    @property
    def url(self) -> str:
        """Address of the web pages."""
        return self.github.url

    def environ(self) -> dict[str, str]:
        """Return the environment variables that point cmlkit, boto3 and git at the sandbox."""
        return {
            **self.aws.environ(),
            "GITHUB_API_URL": self.github.api_url,
            "GITHUB_SERVER_URL": self.github.url,
            "GITHUB_REPOSITORY": self.repository,
            variables.TOKEN: TOKEN,
            variables.RUNNER_TOKEN: TOKEN,
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }
