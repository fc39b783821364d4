"""The commands of CML 0.20, with the flags of that and of older releases."""

from __future__ import annotations

from cmlkit.cli.cml.flags import Becomes, Command, Flag, Nothing, Refused, Repository, Same, Token, Words
from cmlkit.cli.cml.runner_flags import LAUNCH
from cmlkit.errors import SettingsError
from cmlkit.forges import FORGES

_STORE = "Images are stored on a branch of the repository."
_WATERMARK = "The marker that tells comments apart is never shown."
_AUTHOR = "The commit is made through GitHub's API, in the token's name."
_TENSORBOARD = Refused(
    why="TensorBoard.dev, to which it uploads, was closed on 1 January 2024.",
    instead="Keep the log folder with actions/upload-artifact, or put plots into the report.",
)


def _driver(value: str, spelled: str) -> Words:
    if value not in FORGES:
        raise SettingsError(
            f"{spelled} is {value!r}; cmlkit works with {' and '.join(FORGES)} only.",
            next_step="Leave the flag out in a workflow of GitHub Actions; elsewhere, stay with CML.",
        )
    return Words()


EVERY = (
    Flag(name="--log", fate=Nothing(why="There is one level; `--debug` adds a traceback to a failure.")),
    Flag(name="--driver", fate=Becomes(shown="accepted", words=_driver, takes=f"{' and '.join(FORGES)} only")),
    Flag(name="--repo", fate=Repository()),
    Flag(name="--driver-token", aliases=("--token",), fate=Token()),
)

_COMMENT = (
    Flag(name="--target", fate=Same()),
    Flag(name="--pr", kind="switch", fate=Same()),
    Flag(name="--commit-sha", aliases=("--head-sha",), fate=Same()),
    Flag(name="--watch", kind="switch", fate=Same()),
    Flag(name="--trigger-file", fate=Same()),
    Flag(name="--publish", kind="switch", fate=Same(negative=True)),
    Flag(name="--publish-url", fate=Nothing(why=_STORE)),
    Flag(name="--publish-native", kind="switch", aliases=("--native",), fate=Nothing(why=_STORE)),
    Flag(name="--rm-watermark", kind="switch", fate=Same()),
    Flag(name="--watermark-title", fate=Same()),
    Flag(name="--watermark", kind="switch", older=True, fate=Nothing(why=_WATERMARK)),
)

COMMANDS = (
    Command(
        path=("pr", "create"),
        names=("pr create", "pr"),
        prefixes=("CML_PR",),
        flags=(
            Flag(name="--md", kind="switch", fate=Same()),
            Flag(name="--skip-ci", kind="switch", fate=Same(negative=True)),
            Flag(name="--merge", kind="switch", aliases=("--auto-merge",), fate=Same()),
            Flag(name="--rebase", kind="switch", fate=Same()),
            Flag(name="--squash", kind="switch", fate=Same()),
            Flag(name="--branch", fate=Same()),
            Flag(name="--target-branch", fate=Same()),
            Flag(name="--title", fate=Same()),
            Flag(name="--body", fate=Same()),
            Flag(name="--message", fate=Same()),
            Flag(name="--remote", fate=Same()),
            Flag(name="--user-email", fate=Nothing(why=_AUTHOR)),
            Flag(name="--user-name", fate=Nothing(why=_AUTHOR)),
        ),
    ),
    Command(
        path=("comment", "create"),
        names=("comment create", "send-comment"),
        prefixes=("CML_COMMENT", "CML_SEND_COMMENT"),
        flags=(
            *_COMMENT,
            Flag(name="--update", kind="switch", fate=Same()),
        ),
    ),
    Command(
        path=("comment", "update"),
        names=("comment update",),
        prefixes=("CML_COMMENT",),
        flags=(
            *_COMMENT,
            Flag(name="--update", kind="switch", fate=Nothing(why="The command always updates.")),
        ),
    ),
    Command(
        path=("check", "create"),
        names=("check create", "send-github-check"),
        prefixes=("CML_CHECK", "CML_SEND_GITHUB_CHECK"),
        flags=(
            Flag(name="--commit-sha", aliases=("--head-sha",), fate=Same()),
            Flag(name="--conclusion", fate=Same()),
            Flag(name="--status", fate=Same()),
            Flag(name="--title", fate=Same()),
        ),
    ),
    Command(
        path=("asset", "publish"),
        names=("asset publish", "publish FILE"),
        prefixes=("CML_ASSET", "CML_PUBLISH"),
        flags=(
            Flag(name="--url", fate=Nothing(why=_STORE)),
            Flag(name="--md", kind="switch", fate=Same()),
            Flag(name="--title", aliases=("-t",), fate=Same()),
            Flag(name="--native", kind="switch", fate=Nothing(why=_STORE)),
            Flag(name="--gitlab-uploads", kind="switch", fate=Nothing(why=_STORE)),
            Flag(name="--rm-watermark", kind="switch", fate=Nothing(why="Links have no watermark.")),
            Flag(name="--mime-type", fate=Same()),
            Flag(name="--file", aliases=("-f",), fate=Same()),
        ),
    ),
    Command(
        path=("repo", "prepare"),
        names=("repo prepare", "ci"),
        prefixes=("CML_REPO", "CML_CI"),
        flags=(
            Flag(name="--fetch-depth", fate=Same()),
            Flag(name="--unshallow", kind="switch", fate=Same()),
            Flag(name="--user-email", fate=Same()),
            Flag(name="--user-name", fate=Same()),
        ),
    ),
    Command(path=("runner", "launch"), names=("runner launch", "runner"), prefixes=("CML_RUNNER",), flags=LAUNCH),
    Command(
        path=("workflow", "rerun"),
        names=("workflow rerun", "rerun-workflow"),
        prefixes=("CML_WORKFLOW", "CML_RERUN_WORKFLOW"),
        flags=(Flag(name="--id", fate=Same()),),
    ),
    Command(
        path=("tensorboard", "connect"),
        names=("tensorboard connect", "tensorboard-dev"),
        prefixes=("CML_TENSORBOARD", "CML_TENSORBOARD_DEV"),
        flags=(
            Flag(name="--credentials", aliases=("-c",), fate=_TENSORBOARD),
            Flag(name="--logdir", fate=_TENSORBOARD),
            Flag(name="--name", fate=_TENSORBOARD),
            Flag(name="--description", fate=_TENSORBOARD),
            Flag(name="--md", kind="switch", fate=_TENSORBOARD),
            Flag(name="--title", aliases=("-t",), fate=_TENSORBOARD),
            Flag(name="--file", aliases=("-f",), fate=_TENSORBOARD),
            Flag(name="--rm-watermark", kind="switch", fate=_TENSORBOARD),
            Flag(name="--plugins", older=True, fate=_TENSORBOARD),
        ),
        refusal=_TENSORBOARD,
    ),
)
# Variables of CML's first releases -> flag of `runner launch`.
OLDEST_VARIABLES = {
    "DOCKER_MACHINE": "--docker-machine",
    "RUNNER_IDLE_TIMEOUT": "--idle-timeout",
    "RUNNER_LABELS": "--labels",
    "RUNNER_SINGLE": "--single",
    "RUNNER_REUSE": "--reuse",
    "RUNNER_NO_RETRY": "--no-retry",
    "RUNNER_DRIVER": "--driver",
    "RUNNER_REPO": "--repo",
    "RUNNER_PATH": "--path",
}
