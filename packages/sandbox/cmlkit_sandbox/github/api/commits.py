"""Branches and commits: list, get, compare, their pull requests, and comments."""

from __future__ import annotations

from collections.abc import Sequence

from cmlkit_sandbox.github.api.call import Answer, Call
from cmlkit_sandbox.github.api.commit_shapes import commit, commit_with_files, diff_entry
from cmlkit_sandbox.github.api.git_objects_api import refuse_empty
from cmlkit_sandbox.github.api.pull_shapes import simple_pull
from cmlkit_sandbox.github.api.routes import Routes
from cmlkit_sandbox.github.api.shapes import Json, api, page
from cmlkit_sandbox.github.git_changes import changes, merged_tree
from cmlkit_sandbox.github.git_objects import RefValue, Signature, commit_content
from cmlkit_sandbox.github.protection import check_change
from cmlkit_sandbox.github.pull_state import after_push
from cmlkit_sandbox.github.refusals import Refusal, not_found, unprocessable
from cmlkit_sandbox.github.repository import Repository

commits = Routes()

REPOSITORY = "/repos/<owner>/<repo>"
# https://docs.github.com/en/rest/commits/commits#compare-two-commits
COMPARE_LIMIT_COMMITS = 250
COMPARE_LIMIT_FILES = 300


@commits.add("GET", f"{REPOSITORY}/branches", needs="contents=read")
def list_branches(call: Call) -> Answer:
    found = call.repository.git.refs("refs/heads/")
    return call.page(found, lambda ref: _short_branch(call, ref))


def _short_branch(call: Call, ref: RefValue) -> Json:
    name = ref.name.removeprefix("refs/heads/")
    target = {"sha": ref.sha, "url": api(call.hub, call.repository, f"/commits/{ref.sha}")}
    return {"name": name, "commit": target, "protected": name in call.repository.protections}


@commits.add("GET", f"{REPOSITORY}/branches/<path:branch>/protection", needs="administration=read")
def get_protection(call: Call, branch: str) -> Answer:
    """Return the older kind of protection; rulesets are not shown here, as on GitHub."""
    if call.repository.git.branch_head(branch) is None:
        raise not_found("Branch not found")
    protection = call.repository.protections.get(branch)
    if protection is None or protection.ruleset:
        raise not_found("Branch not protected")
    url = api(call.hub, call.repository, f"/branches/{branch}/protection")
    checks = {
        "url": f"{url}/required_status_checks",
        "strict": False,
        "contexts": list(protection.checks),
        "contexts_url": f"{url}/required_status_checks/contexts",
        "checks": [{"context": name, "app_id": None} for name in protection.checks],
    }
    return Answer(body={"url": url, **({"required_status_checks": checks} if protection.checks else {})})


@commits.add("GET", f"{REPOSITORY}/branches/<path:branch>", needs="contents=read")
def get_branch(call: Call, branch: str) -> Answer:
    hub, repository = call.hub, call.repository
    head = repository.git.branch_head(branch)
    if head is None:
        raise not_found("Branch not found")
    url = api(hub, repository, f"/branches/{branch}")
    is_protected = branch in repository.protections
    # The checks of rulesets are among the rules, not here.
    is_classic = is_protected and not repository.protections[branch].ruleset
    checks = list(repository.protections[branch].checks) if is_classic else []
    level = "everyone" if checks else "off"
    body = {
        "name": branch,
        "commit": commit(hub, repository, repository.git.commit(head)),
        "_links": {"self": url, "html": page(hub, repository, f"/tree/{branch}")},
        "protected": is_protected,
        "protection": {
            "enabled": is_protected,
            "required_status_checks": {"enforcement_level": level, "contexts": checks, "checks": []},
        },
        "protection_url": f"{url}/protection",
    }
    return Answer(body=body)


@commits.add("GET", f"{REPOSITORY}/rules/branches/<path:branch>")
def get_rules(call: Call, branch: str) -> Answer:
    protection = call.repository.protections.get(branch)
    applies = [protection] if protection is not None and protection.ruleset else []
    rules: list[Json] = [{"type": each.rule, **_RULE_PARAMETERS.get(each.rule, {})} for each in applies]
    rules += [_required_checks(each.checks) for each in applies if each.checks]
    return call.page(rules, lambda rule: {**rule, **_ruleset(call)})


def _required_checks(names: Sequence[str]) -> Json:
    checks = [{"context": name} for name in names]
    parameters = {"required_status_checks": checks, "strict_required_status_checks_policy": False}
    return {"type": "required_status_checks", "parameters": parameters}


_RULE_PARAMETERS: dict[str, Json] = {
    "pull_request": {
        "parameters": {
            "dismiss_stale_reviews_on_push": False,
            "require_code_owner_review": False,
            "require_last_push_approval": False,
            "required_approving_review_count": 1,
            "required_review_thread_resolution": False,
        }
    },
    "update": {"parameters": {"update_allows_fetch_and_merge": False}},
}


def _ruleset(call: Call) -> Json:
    return {
        "ruleset_id": call.repository.id,
        "ruleset_source": call.repository.full_name,
        "ruleset_source_type": "Repository",
    }


@commits.add("GET", f"{REPOSITORY}/commits", needs="contents=read")
def list_commits(call: Call) -> Answer:
    git = call.repository.git
    refuse_empty(call)
    start = resolved(call.repository, call.query("sha", call.repository.default_branch))
    since = call.query("since")
    shas = git.log(*([f"--since={since}"] if since else []), start, path=call.query("path"))
    return call.page(shas, lambda sha: commit(call.hub, call.repository, git.commit(sha)))


@commits.add("GET", f"{REPOSITORY}/commits/<path:ref>", needs="contents=read")
def get_commit(call: Call, ref: str) -> Answer:
    sha = call.repository.git.resolve(ref)
    if sha is None:
        raise unprocessable(f"No commit found for SHA: {ref}")
    return Answer(body=commit_with_files(call.hub, call.repository, call.repository.git.commit(sha)))


@commits.add("GET", f"{REPOSITORY}/commits/<path:ref>/pulls", needs="pull_requests=read")
def list_pulls_of_commit(call: Call, ref: str) -> Answer:
    """List the merged pull request that brought the commit to its base, and the open ones that contain it."""
    repository = call.repository
    sha = resolved(repository, ref)
    found = [pull for pull in repository.pulls if sha in _commits_of(repository, pull.base_sha, pull.head_sha)]
    return call.page(found, lambda pull: simple_pull(call.hub, repository, pull))


def _commits_of(repository: Repository, base: str, head: str) -> set[str]:
    return {head, *repository.git.log(head, f"^{base}")}


@commits.add("GET", f"{REPOSITORY}/compare/<path:basehead>", needs="contents=read")
def compare(call: Call, basehead: str) -> Answer:
    hub, repository, git = call.hub, call.repository, call.repository.git
    base_name, dots, head_name = basehead.partition("...")
    if not dots:
        raise not_found()
    base, head = resolved(repository, base_name), resolved(repository, head_name)
    merge_base = git.merge_base(base, head)
    if merge_base is None:
        raise not_found(f"No common ancestor between {base_name} and {head_name}.")
    ahead = git.log(head, f"^{base}")[::-1]
    behind = git.count(base, f"^{head}")
    shown = call.page(ahead[:COMPARE_LIMIT_COMMITS], lambda sha: commit(hub, repository, git.commit(sha)))
    files = changes(git, merge_base, head)[:COMPARE_LIMIT_FILES]
    url = page(hub, repository, f"/compare/{basehead}")
    body = {
        "url": api(hub, repository, f"/compare/{basehead}"),
        "html_url": url,
        "permalink_url": page(hub, repository, f"/compare/{base}...{head}"),
        "diff_url": f"{url}.diff",
        "patch_url": f"{url}.patch",
        "base_commit": commit(hub, repository, git.commit(base)),
        "merge_base_commit": commit(hub, repository, git.commit(merge_base)),
        "status": _status(len(ahead), behind),
        "ahead_by": len(ahead),
        "behind_by": behind,
        "total_commits": len(ahead),
        "commits": shown.body,
        "files": [diff_entry(hub, repository, each, head) for each in files],
    }
    return Answer(body=body, headers=shown.headers)


@commits.add("POST", f"{REPOSITORY}/merges", needs="contents=write")
def merge_branch(call: Call) -> Answer:
    hub, repository, git = call.hub, call.repository, call.repository.git
    branch, head_name = call.fields.text("base"), call.fields.text("head")
    base, head = git.branch_head(branch), git.resolve(head_name)
    if base is None or head is None:
        raise Refusal(404, f"{'Base' if base is None else 'Head'} does not exist", with_status=False)
    if git.count(head, f"^{base}") == 0:
        return Answer(status=204)
    tree = merged_tree(git, ours=base, theirs=head)
    if tree is None:
        return Answer(status=409)  # GitHub's description has no body here
    message = call.fields.optional_text("commit_message") or f"Merge {head_name} into {branch}"
    signer = Signature(name=call.actor.login, email=call.actor.email, seconds=int(hub.now()))
    content = commit_content(tree=tree, parents=(base, head), author=signer, committer=signer, message=message)
    merged = git.write("commit", content)
    check_change(repository, call.token, f"refs/heads/{branch}", base, merged)
    git.update_ref(f"refs/heads/{branch}", merged, old=base)
    after_push(hub, repository)
    return Answer(status=201, body=commit(hub, repository, git.commit(merged)))


def _status(ahead: int, behind: int) -> str:
    if ahead and behind:
        return "diverged"
    return "ahead" if ahead else "behind" if behind else "identical"


def resolved(repository: Repository, ref: str) -> str:
    """Return the commit that a branch, tag or id leads to.

    Raises:
        Refusal: It does not exist.
    """
    sha = repository.git.resolve(ref)
    if sha is None:
        raise not_found()
    return sha
