"""The web pages: repositories, pull requests, commits, files, and workflow runs.

There is no login: anyone who reaches the port sees everything, including private repositories.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from cmlkit_sandbox.github.api.commit_shapes import EMPTY_TREE
from cmlkit_sandbox.github.discussion import PullRequest
from cmlkit_sandbox.github.git_objects import TreeEntry
from cmlkit_sandbox.github.hub import Hub
from cmlkit_sandbox.github.merging import pull_commits
from cmlkit_sandbox.github.pages import pull_request
from cmlkit_sandbox.github.pages.files import file_at, inlined, split_ref
from cmlkit_sandbox.github.pages.markdown import render
from cmlkit_sandbox.github.refusals import Refusal, not_found
from cmlkit_sandbox.github.repository import Repository

REPOSITORY = "/<owner>/<name>"
_ROUTES = Map(
    [
        Rule("/", endpoint="home"),
        Rule("/avatars/<int:account_id>", endpoint="avatar"),
        Rule(REPOSITORY, endpoint="repository"),
        Rule(f"{REPOSITORY}/pulls", endpoint="repository"),
        Rule(f"{REPOSITORY}/tree/<path:address>", endpoint="tree"),
        Rule(f"{REPOSITORY}/blob/<path:address>", endpoint="blob"),
        Rule(f"{REPOSITORY}/raw/<path:address>", endpoint="raw"),
        Rule(f"{REPOSITORY}/commit/<sha>", endpoint="commit"),
        Rule(f"{REPOSITORY}/pull/<int:number>", endpoint="pull"),
        Rule(f"{REPOSITORY}/pull/<int:number>/<tab>", endpoint="pull"),
        Rule(f"{REPOSITORY}/issues/<int:number>", endpoint="pull"),
        Rule(f"{REPOSITORY}/runs/<int:check_run_id>", endpoint="check_run"),
        Rule(f"{REPOSITORY}/actions/runs/<int:run_id>", endpoint="run"),
        Rule(f"{REPOSITORY}/actions/runs/<int:run_id>/job/<int:job_id>", endpoint="run"),
    ],
    strict_slashes=False,
)


class Web:
    """The web pages over a hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("cmlkit_sandbox.github.pages"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )

    def answer(self, request: Request) -> Response:
        """Answer a browser's request."""
        try:
            endpoint, found = _ROUTES.bind("", "/").match(request.path, method=request.method)
            values = dict(found)
            view: Callable[..., Response] = getattr(self, f"_{endpoint}")
            if "owner" in values:
                repository = self._hub.repository(f"{values.pop('owner')}/{values.pop('name')}")
                return view(request, repository, **values)
            return view(request, **values)
        except (HTTPException, Refusal):
            return self._page("missing.html", status=404)

    def pull_request_page(self, full_name: str, number: int, *, inline: bool) -> str:
        """Return the HTML of a pull request's page; with `inline`, images are embedded.

        Raises:
            Refusal: The pull request does not exist.
        """
        repository = self._hub.repository(full_name)
        pull = repository.issues.get(number)
        if not isinstance(pull, PullRequest):
            raise not_found()
        image = inlined(self._hub) if inline else _unchanged
        markdown = self._markdown(image)
        start = repository.git.merge_base(pull.base_sha, pull.head_sha) or pull.base_sha
        root = f"{self._hub.url}/{repository.full_name}"
        return self._render(
            "pull.html",
            repository=repository,
            pull=pull,
            state=pull_request.state_of(pull),
            labels=pull_request.labels_of(repository, pull),
            events=pull_request.conversation(repository, pull, markdown),
            verdicts=pull_request.verdicts(repository, pull, markdown, root),
            files=pull_request.shown_files(repository, start, pull.head_sha, image, root),
            commit_count=len(pull_commits(repository, pull)),
            milestone=repository.milestones.get(pull.milestone or 0),
        )

    def _home(self, request: Request) -> Response:
        return self._page("home.html", repositories=list(self._hub.repositories.values()))

    def _avatar(self, request: Request, account_id: int) -> Response:
        account = next((each for each in list(self._hub.accounts.values()) if each.id == account_id), None)
        if account is None:
            raise not_found()
        svg = self._render("avatar.svg", letter=account.login[:1].upper(), hue=account.id * 47 % 360)
        return Response(svg, content_type="image/svg+xml")

    def _repository(self, request: Request, repository: Repository) -> Response:
        heads = repository.git.refs("refs/heads/")
        listing = self._listing(repository, repository.default_branch, "") if heads else []
        branches = [ref.name.removeprefix("refs/heads/") for ref in heads]
        return self._page(
            "repository.html",
            repository=repository,
            branches=branches,
            listing=listing,
            ref=repository.default_branch,
            path="",
            pulls=[(pull, pull_request.state_of(pull)) for pull in reversed(repository.pulls)],
            runs=list(reversed(list(repository.runs.values()))),
        )

    def _listing(self, repository: Repository, commit: str, path: str) -> list[TreeEntry]:
        entry = repository.git.entry(commit, path) if path else None
        if path and (entry is None or entry.kind != "tree"):
            raise not_found()
        entries = repository.git.tree(commit if entry is None else entry.sha)
        return sorted(entries, key=lambda each: (each.kind != "tree", each.path))

    def _tree(self, request: Request, repository: Repository, address: str) -> Response:
        ref, commit, path = split_ref(repository, address)
        listing = self._listing(repository, commit, path)
        return self._page("tree.html", repository=repository, ref=ref, path=path, listing=listing)

    def _blob(self, request: Request, repository: Repository, address: str) -> Response:
        if request.args.get("raw", "").lower() in ("true", "1"):
            return redirect(f"{self._hub.url}/{repository.full_name}/raw/{quote(address)}", code=302)
        return self._page("file.html", repository=repository, file=file_at(repository, address))

    def _raw(self, request: Request, repository: Repository, address: str) -> Response:
        file = file_at(repository, address)
        # As GitHub does, so that a page in a repository is never a page of this server.
        media_type = file.media_type if file.is_image else "text/plain; charset=utf-8"
        response = Response(file.content, content_type=media_type)
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def _commit(self, request: Request, repository: Repository, sha: str) -> Response:
        found = repository.git.resolve(sha)
        if found is None:
            raise not_found()
        commit = repository.git.commit(found)
        old = commit.parents[0] if commit.parents else EMPTY_TREE
        root = f"{self._hub.url}/{repository.full_name}"
        files = pull_request.shown_files(repository, old, found, _unchanged, root)
        return self._page("commit.html", repository=repository, commit=commit, files=files)

    def _pull(self, request: Request, repository: Repository, number: int, tab: str = "") -> Response:
        page = self.pull_request_page(repository.full_name, number, inline=False)
        return Response(page, content_type="text/html; charset=utf-8")

    def _check_run(self, request: Request, repository: Repository, check_run_id: int) -> Response:
        run = repository.check_runs.get(check_run_id)
        if run is None:
            raise not_found()
        shown = "\n\n".join(filter(None, (run.output.summary, run.output.text)))
        html = self._markdown(_unchanged)(shown)
        return self._page("check_run.html", repository=repository, run=run, html=html)

    def _run(self, request: Request, repository: Repository, run_id: int, job_id: int = 0) -> Response:
        run = repository.runs.get(run_id)
        if run is None:
            raise not_found()
        markdown = self._markdown(_unchanged)
        jobs = [(job, markdown(job.summary) if job.summary else None) for job in run.latest_jobs()]
        return self._page("run.html", repository=repository, run=run, jobs=jobs)

    def _markdown(self, image: Callable[[str], str]) -> Callable[[str], Markup]:
        # The sanitiser in render() is what makes this Markup.
        return lambda text: Markup(render(text, image=image))  # noqa: S704

    def _page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        html = self._render(template, **values)
        return Response(html, status=status, content_type="text/html; charset=utf-8")

    def _render(self, template: str, **values: Any) -> str:
        return self._templates.get_template(template).render(root=self._hub.url, **values)


def _unchanged(url: str) -> str:
    return url
