"""Facts of GitHub that need no request."""

from __future__ import annotations

from cmlkit.forges.facts import Addresses, ForgeFacts, Limits
from cmlkit.git.limits import FileLimits

# Bytes of a check's summary that are left for the link to the workflow run.
LINK_ROOM_BYTES = 400

FACTS = ForgeFacts(
    name="GitHub",
    limits=Limits(
        # The message of a refused comment or body is "Body is too long (maximum is 65536 characters)". Bodies of pull
        # requests are measured in code points; comments in bytes, of which 262,144 are taken, so that this many code
        # points always fit: https://github.com/dead-claudia/github-limits/pull/13
        text=65_536,
        # The documentation says 65,535 characters, and the API "summary exceeds a maximum bytesize of 65535":
        # https://github.com/github/docs/issues/35252
        summary=65_535 - LINK_ROOM_BYTES,
        title=256,
        files=FileLimits(
            host="GitHub",
            # https://docs.github.com/en/repositories/working-with-files/managing-large-files/about-large-files-on-github
            git=100 * 1024**2,
            git_advised=50 * 1024**2,
            # 2 GB on the plans Free and Pro, 4 on Team, 5 on Enterprise Cloud.
            # https://docs.github.com/en/repositories/working-with-files/managing-large-files/about-git-large-file-storage
            lfs=5 * 1024**3,
            lfs_everybody=2 * 10**9,
            lfs_plans="Team and Enterprise",
        ),
    ),
    addresses=Addresses(
        commit="{repository}/commit/{commit}",
        file="{repository}/blob/{commit}/{path}",
        # raw.githubusercontent.com does not know who is signed in; this address does, and redirects.
        image="{repository}/blob/{commit}/{path}?raw=true",
    ),
)
