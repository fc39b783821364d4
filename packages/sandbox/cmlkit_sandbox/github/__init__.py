"""GitHub on loopback: REST and GraphQL, real git repositories over HTTP, web pages, and runners that take jobs.

server            GitHubServer, which puts everything together
hub, accounts, repository, discussion, checks, jobs, runners      the state, in memory
git_repository, git_objects, git_changes                          the repositories, on disk
pull_state, merging, protection, limits, apps, authentication     GitHub's rules
seeding           actions of people, made by function calls
api/              the REST API, one module per noun
graphql, graph_objects, git_http, lfs, runner_link, pages/        the other doors
faults                                                            injected faults
"""

from cmlkit_sandbox.github.accounts import Account, Token
from cmlkit_sandbox.github.faults import Fault, RequestRecord, trips
from cmlkit_sandbox.github.jobs import JOB_PERMISSIONS, Job, WorkflowRun
from cmlkit_sandbox.github.repository import Protection, Repository, Settings
from cmlkit_sandbox.github.server import GitHubServer

__all__ = [
    "JOB_PERMISSIONS",
    "Account",
    "Fault",
    "GitHubServer",
    "Job",
    "Protection",
    "Repository",
    "RequestRecord",
    "Settings",
    "Token",
    "WorkflowRun",
    "trips",
]
