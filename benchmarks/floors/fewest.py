"""The floor of `cmlkit publish` in the fewest requests: FILES on BRANCH, a pull request, a comment, a check.

Nothing is looked for, checked or repeated; a file may have 5 MB at most.
"""

import base64
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.floors.github import REPOSITORY, send

GRAPHQL = os.environ["GITHUB_API_URL"].removesuffix("/v3") + "/graphql"
LOOK = """
query($owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) { id defaultBranchRef { name target { oid } } }
}"""
WRITE = """
mutation($id: ID!, $name: String!, $ref: String!, $base: String!, $head: GitObjectID!, $branch: String!,
         $files: [FileAddition!]!) {
  createRef(input: {repositoryId: $id, name: $ref, oid: $head}) { ref { name } }
  createCommitOnBranch(input: {
    branch: {repositoryNameWithOwner: $name, branchName: $branch}, expectedHeadOid: $head,
    message: {headline: "Publish"}, fileChanges: {additions: $files}
  }) { commit { oid } }
  createPullRequest(input: {
    repositoryId: $id, baseRefName: $base, headRefName: $branch, title: "Publish", body: "A model"
  }) { pullRequest { number } }
}"""


def ask(query: str, **variables: object) -> Any:
    answer = send("POST", GRAPHQL, {"query": query, "variables": variables})
    return answer["data"] if "errors" not in answer else sys.exit(str(answer["errors"]))


branch, *files = sys.argv[1:]
full_name = os.environ["GITHUB_REPOSITORY"]
owner, _, name = full_name.partition("/")
found = ask(LOOK, owner=owner, name=name)["repository"]
base = found["defaultBranchRef"]
written = ask(
    WRITE,
    id=found["id"],
    name=full_name,
    ref=f"refs/heads/{branch}",
    base=base["name"],
    head=base["target"]["oid"],
    branch=branch,
    files=[{"path": file, "contents": base64.b64encode(Path(file).read_bytes()).decode()} for file in files],
)
report = Path(files[-1]).read_text()
commit = written["createCommitOnBranch"]["commit"]["oid"]
number = written["createPullRequest"]["pullRequest"]["number"]
check = {"name": "floor", "head_sha": commit, "status": "completed", "conclusion": "success"}
with ThreadPoolExecutor() as pool:
    comment = pool.submit(send, "POST", f"{REPOSITORY}/issues/{number}/comments", {"body": report})
    send("POST", f"{REPOSITORY}/check-runs", {**check, "output": {"title": "floor", "summary": report}})
    comment.result()
