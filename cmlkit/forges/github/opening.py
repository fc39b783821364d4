"""Opening: a new branch and its pull request in one request, which GitHub carries out in this order."""

from __future__ import annotations

from cmlkit.errors import AnswerLost, CmlkitError
from cmlkit.forges.base import Changes, NewPullRequest, PullRequest
from cmlkit.forges.github.client import Client
from cmlkit.forges.github.git_data import GitData
from cmlkit.forges.github.outlook import PULL_REQUEST_FIELDS
from cmlkit.forges.github.outlook import pull_request as parsed_pull_request
from cmlkit.forges.github.patience import PAUSES_SECONDS
from cmlkit.records.fields import Fields

# The list that comes with it has what others opened meanwhile.
_OPEN = f"""
mutation($repository: ID!, $ref: String!, $commit: GitObjectID!, $base: String!, $head: String!, $title: String!,
         $body: String!, $draft: Boolean!) {{
  createRef(input: {{repositoryId: $repository, name: $ref, oid: $commit}}) {{ ref {{ name }} }}
  createPullRequest(
    input: {{
      repositoryId: $repository, baseRefName: $base, headRefName: $head, title: $title, body: $body, draft: $draft
    }}
  ) {{
    pullRequest {{
      ...PullRequestFields
      repository {{
        pullRequests(states: OPEN, baseRefName: $base, first: 100, orderBy: {{field: CREATED_AT, direction: DESC}}) {{
          nodes {{ ...PullRequestFields }}
          pageInfo {{ hasNextPage }}
        }}
      }}
    }}
  }}
}}
{PULL_REQUEST_FIELDS}"""


class Opening:
    """Commits on new branches, with their pull requests."""

    def __init__(self, client: Client, git: GitData) -> None:
        self._client = client
        self._git = git

    def commit_and_open(
        self, changes: Changes, *, branch: str, parent: str, pull_request: NewPullRequest
    ) -> tuple[str, PullRequest | None]:
        """See `PublishForge`. In doubt, what was done is looked for, and the rest is done step by step."""
        if not self._client.memory.node_id or self._git.signs(changes, parent):
            return self._git.commit(changes, branch=branch, parent=parent, is_new=True), None
        commit = self._git.write(changes, parent=parent)
        opened = self._opened(branch, commit, pull_request)
        if opened is None and self._git.branch_head(branch) != commit:
            self._git.create_branch(branch, commit)
        return commit, opened

    def _opened(self, branch: str, commit: str, pull_request: NewPullRequest) -> PullRequest | None:
        try:
            answer = self._client.http.graphql(
                _OPEN,
                repeatable=False,
                repository=self._client.memory.node_id,
                ref=f"refs/heads/{branch}",
                commit=commit,
                base=pull_request.base,
                head=branch,
                title=pull_request.title,
                body=pull_request.body,
                draft=pull_request.draft,
            )
            return self._remembered(answer.inside("createPullRequest").inside("pullRequest"))
        except AnswerLost:
            # GitHub may still be at work on it: what is looked for at once is not found, and is made twice.
            self._client.http.clock.sleep(PAUSES_SECONDS[0])
        except CmlkitError:
            pass  # REST says why, about the step that it refuses
        return None

    def _remembered(self, answer: Fields) -> PullRequest:
        memory, opened = self._client.memory, parsed_pull_request(answer)
        others = answer.inside("repository").inside("pullRequests")
        if not others.inside("pageInfo").flag("hasNextPage"):
            memory.open_pulls[opened.base] = [parsed_pull_request(each) for each in others.listed("nodes")]
        memory.discussions[opened.number] = opened.node_id
        memory.without_comments.add(opened.number)
        return opened
