"""Blobs, trees, commits, refs, tags and files through the API, over a real git repository."""

from __future__ import annotations

import base64
import subprocess

from cmlkit_sandbox.github import GitHubServer, Protection
from tests.integration.github.conftest import BOT_TOKEN, REPOSITORY, Api

NO_SUCH_SHA = "1" * 40


def head(api: Api, branch: str = "main") -> str:
    sha: str = api.get(f"./git/ref/heads/{branch}")["object"]["sha"]
    return sha


def test_a_blob_comes_back_as_it_was_sent(api: Api) -> None:
    content = bytes(range(256)) * 10
    sent = api.post("./git/blobs", content=base64.b64encode(content).decode(), encoding="base64")
    known = subprocess.run(["git", "hash-object", "--stdin"], input=content, capture_output=True, check=True)
    assert sent["sha"] == known.stdout.decode().strip()
    assert base64.b64decode(api.get(f"./git/blobs/{sent['sha']}")["content"]) == content
    raw = api.call("GET", f"./git/blobs/{sent['sha']}", headers={"Accept": "application/vnd.github.raw+json"})
    assert raw.content == content


def test_a_blob_above_githubs_limit_is_refused(github: GitHubServer, api: Api) -> None:
    status, message = api.refused("POST", "./git/blobs", content="x" * (40 * 1024 * 1024 + 1))
    assert (status, message.partition(",")[0]) == (422, "Sorry")


def test_a_tree_adds_replaces_and_removes_on_top_of_its_base(api: Api) -> None:
    blob = api.post("./git/blobs", content="new")["sha"]
    entries = [
        {"path": "model/deep/new.txt", "mode": "100644", "type": "blob", "sha": blob},
        {"path": "train.py", "mode": "100755", "type": "blob", "content": "changed"},
        {"path": "data/rows.csv", "mode": "100644", "type": "blob", "sha": None},
    ]
    tree = api.post("./git/trees", base_tree=head(api), tree=entries)["sha"]
    shown = api.get(f"./git/trees/{tree}?recursive=1")["tree"]
    assert [(each["path"], each["mode"], each["type"]) for each in shown] == [
        ("model", "040000", "tree"),
        ("model/deep", "040000", "tree"),
        ("model/deep/new.txt", "100644", "blob"),
        ("train.py", "100755", "blob"),
    ]


def test_a_file_can_take_the_place_of_a_folder_and_a_folder_that_of_a_file(api: Api) -> None:
    entries = [
        {"path": "data", "mode": "100644", "type": "blob", "content": "now a file"},
        {"path": "train.py/main.py", "mode": "100644", "type": "blob", "content": "now in a folder"},
    ]
    tree = api.post("./git/trees", base_tree=head(api), tree=entries)["sha"]
    paths = [each["path"] for each in api.get(f"./git/trees/{tree}?recursive=1")["tree"]]
    assert paths == ["data", "train.py", "train.py/main.py"]


def test_a_tree_refuses_what_git_could_not_check_out(api: Api) -> None:
    entry = {"mode": "100644", "type": "blob"}
    status, message = api.refused("POST", "./git/trees", tree=[{**entry, "path": "x", "sha": NO_SUCH_SHA}])
    assert (status, message) == (422, f"tree.sha {NO_SUCH_SHA} is not a valid blob")
    for path in ("../x", "a//b", ".git/config", "/x"):
        status, message = api.refused("POST", "./git/trees", tree=[{**entry, "path": path, "content": ""}])
        assert (status, message) == (422, "tree.path contains a malformed path component")
    assert api.refused("POST", "./git/trees", base_tree=NO_SUCH_SHA, tree=[])[0] == 422


def test_the_bots_commits_are_signed_and_a_persons_are_not(api: Api, bot: Api) -> None:
    for client, login, is_signed in ((api, "octo", False), (bot, "github-actions[bot]", True)):
        sha = client.commit({"a.txt": login.encode()}, branch=f"by-{is_signed}")
        commit = client.get(f"./git/commits/{sha}")
        assert (commit["author"]["name"], commit["verification"]["verified"]) == (login, is_signed)
        assert client.get(f"./commits/{sha}")["author"]["login"] == login


def test_an_author_that_is_named_is_kept_with_its_date(api: Api) -> None:
    main = head(api)
    author = {"name": "Ada", "email": "ada@example.com", "date": "2026-01-02T03:04:05+02:00"}
    tree = api.get(f"./git/commits/{main}")["tree"]["sha"]
    commit = api.post("./git/commits", message="Mine\n\nall mine", tree=tree, parents=[main], author=author)
    assert commit["author"] == {"name": "Ada", "email": "ada@example.com", "date": "2026-01-02T01:04:05Z"}
    assert commit["message"] == "Mine\n\nall mine"


def test_a_commit_needs_a_tree_and_parents_that_exist(api: Api) -> None:
    tree = api.get(f"./git/commits/{head(api)}")["tree"]["sha"]
    assert api.refused("POST", "./git/commits", message="x", tree=NO_SUCH_SHA)[1] == "Tree SHA does not exist"
    assert api.refused("POST", "./git/commits", message="x", tree=tree, parents=[NO_SUCH_SHA])[0] == 422


def test_a_branch_moves_forward_only_unless_forced(api: Api) -> None:
    main = head(api)
    one = api.commit({"a": b"1"}, branch="one")
    two = api.commit({"a": b"2"}, branch="two")
    assert api.patch("./git/refs/heads/one", sha=one)["object"]["sha"] == one
    assert api.refused("PATCH", "./git/refs/heads/one", sha=two) == (422, "Update is not a fast forward")
    assert api.refused("PATCH", "./git/refs/heads/one", sha=main) == (422, "Update is not a fast forward")
    assert api.patch("./git/refs/heads/one", sha=two, force=True)["object"]["sha"] == two


def test_refs_that_cannot_be_are_refused(api: Api) -> None:
    main = head(api)
    api.post("./git/refs", ref="refs/heads/a", sha=main)
    refusals = {
        ("refs/heads/a", main): "Reference already exists",
        ("refs/heads/a/b", main): "Reference update failed",
        ("refs/heads/a..b", main): "refs/heads/a..b is not a valid ref name.",
        ("refs/heads/c", NO_SUCH_SHA): "Object does not exist",
        ("heads/c", main): "Reference name must start with 'refs/heads/', 'refs/tags/' or 'refs/notes/'.",
    }
    for (ref, sha), message in refusals.items():
        assert api.refused("POST", "./git/refs", ref=ref, sha=sha) == (422, message)
    assert api.refused("PATCH", "./git/refs/heads/none", sha=main) == (422, "Reference does not exist")
    assert api.refused("DELETE", "./git/refs/heads/none") == (422, "Reference does not exist")


def test_a_deleted_branch_is_gone(api: Api) -> None:
    api.commit({"a": b"1"}, branch="cmlkit/main/1")
    assert api.call("DELETE", "./git/refs/heads/cmlkit/main/1").status_code == 204
    assert api.refused("GET", "./git/ref/heads/cmlkit/main/1") == (404, "Not Found")


def test_refs_are_found_by_how_they_start_and_by_their_whole_name(api: Api) -> None:
    for name in ("cmlkit/main/1", "cmlkit/main/10", "cmlkit-other"):
        api.post("./git/refs", ref=f"refs/heads/{name}", sha=head(api))
    names = [each["ref"] for each in api.get("./git/matching-refs/heads/cmlkit/main/1")]
    assert names == ["refs/heads/cmlkit/main/1", "refs/heads/cmlkit/main/10"]
    assert len(api.get("./git/matching-refs/heads/cmlkit")) == 3
    assert api.get("./git/ref/heads/cmlkit%2Fmain%2F1")["ref"] == "refs/heads/cmlkit/main/1"
    assert api.refused("GET", "./git/ref/heads/cmlkit")[0] == 404


def test_a_tag_says_who_made_it_and_what_it_is_on(api: Api) -> None:
    main = head(api)
    tag = api.post("./git/tags", tag="model/forest/production/1", message="Promote", object=main, type="commit")
    api.post("./git/refs", ref="refs/tags/model/forest/production/1", sha=tag["sha"])
    read = api.get(f"./git/tags/{tag['sha']}")
    assert (read["tag"], read["tagger"]["name"], read["object"]["sha"]) == ("model/forest/production/1", "octo", main)
    assert api.get("./git/ref/tags/model/forest/production/1")["object"]["type"] == "tag"


def test_an_empty_repository_has_no_git_data(github: GitHubServer, api: Api) -> None:
    github.add_repository("octo/empty")
    for method, path in (("POST", "git/blobs"), ("GET", "git/ref/heads/main"), ("GET", "commits")):
        assert api.refused(method, f"/repos/octo/empty/{path}", content="x") == (409, "Git Repository is empty.")


def test_a_file_is_read_as_json_or_raw_at_any_ref(api: Api) -> None:
    api.commit({"train.py": b"changed\n"}, branch="a/b")
    shown = api.get("./contents/train.py?ref=a/b")
    assert base64.b64decode(shown["content"]) == b"changed\n"
    raw = api.call("GET", "./contents/train.py", headers={"Accept": "application/vnd.github.raw+json"})
    assert raw.content == b"print('training')\n"
    assert raw.headers["content-type"].startswith("application/vnd.github.raw")
    assert [(each["name"], each["type"]) for each in api.get("./contents/data")] == [("rows.csv", "file")]


def test_files_and_refs_that_do_not_exist_are_not_found(api: Api) -> None:
    assert api.refused("GET", "./contents/none.txt") == (404, "Not Found")
    assert api.refused("GET", "./contents/train.py?ref=none") == (404, "No commit found for the ref none")
    assert api.refused("GET", f"./contents/train.py?ref={NO_SUCH_SHA}")[0] == 404


def test_a_file_above_one_mebibyte_has_its_content_in_raw_only(api: Api) -> None:
    content = b"m" * (1024 * 1024 + 1)
    api.commit({"model.bin": content}, branch="large")
    shown = api.get("./contents/model.bin?ref=large")
    assert (shown["size"], shown["content"], shown["encoding"]) == (len(content), "", "none")
    raw = api.call("GET", "./contents/model.bin?ref=large", headers={"Accept": "application/vnd.github.raw+json"})
    assert raw.content == content


def test_branches_are_shown_with_their_commit_and_protection(github: GitHubServer, api: Api) -> None:
    github.protect(REPOSITORY, "main", Protection(checks=("gate",), ruleset=False))
    branch = api.get("./branches/main")
    assert (branch["commit"]["sha"], branch["protected"]) == (head(api), True)
    assert branch["protection"]["required_status_checks"]["contexts"] == ["gate"]
    assert api.refused("GET", "./branches/none") == (404, "Branch not found")


def test_a_protected_branch_takes_no_direct_changes(github: GitHubServer, api: Api) -> None:
    github.protect(REPOSITORY, "main")
    commit = api.commit({"a": b"1"}, branch="work")
    status, message = api.refused("PATCH", "./git/refs/heads/main", sha=commit)
    assert status == 422
    assert message == "Repository rule violations found\n\nChanges must be made through a pull request.\n\n"
    assert [rule["type"] for rule in api.get("./rules/branches/main")] == ["pull_request"]
    github.protect(REPOSITORY, "main", Protection(ruleset=False))
    assert "protected branch" in api.refused("PATCH", "./git/refs/heads/main", sha=commit)[1]


def test_a_branch_that_wants_signatures_takes_only_signed_commits(github: GitHubServer, api: Api) -> None:
    github.protect(REPOSITORY, "main", Protection(rule="required_signatures", message="Commits must be verified."))
    unsigned = api.commit({"a": b"1"}, branch="unsigned")
    signed = Api(github, BOT_TOKEN).commit({"a": b"2"}, branch="signed")
    assert "Commits must be verified." in api.refused("PATCH", "./git/refs/heads/main", sha=unsigned)[1]
    assert api.patch("./git/refs/heads/main", sha=signed)["object"]["sha"] == signed


def test_commits_are_listed_by_branch_and_path(api: Api) -> None:
    first = api.commit({"a": b"1"}, branch="work")
    second = api.commit({"b": b"1"}, branch="work", parent=first)
    assert [each["sha"] for each in api.get("./commits?sha=work&per_page=2")] == [second, first]
    assert [each["sha"] for each in api.get("./commits?sha=work&path=a")] == [first]
    changed = api.get("./commits/work")
    assert [(each["filename"], each["status"]) for each in changed["files"]] == [("b", "added")]
    assert api.refused("GET", "./commits/none")[0] == 422


def test_two_commits_are_compared_from_where_they_parted(api: Api) -> None:
    main = head(api)
    one = api.commit({"a": b"1\n"}, branch="one")
    two = api.commit({"train.py": b"x\n"}, branch="two")
    compared = api.get("./compare/one...two")
    assert (compared["status"], compared["ahead_by"], compared["behind_by"]) == ("diverged", 1, 1)
    assert compared["merge_base_commit"]["sha"] == main
    assert [each["sha"] for each in compared["commits"]] == [two]
    assert compared["files"][0]["patch"] == "@@ -1 +1 @@\n-print('training')\n+x"
    assert api.get(f"./compare/main...{one}")["status"] == "ahead"
    assert api.get(f"./compare/{one}...main")["status"] == "behind"
    assert api.get("./compare/one...one?per_page=1")["status"] == "identical"


def test_renames_and_binary_files_are_recognised(api: Api) -> None:
    content = b"".join(b"line %d\n" % number for number in range(50))
    first = api.commit({"old name.txt": content, "m.bin": b"\0\1"}, branch="work")
    blob = api.get(f"./git/trees/{first}")["tree"]
    sha = next(each["sha"] for each in blob if each["path"] == "old name.txt")
    entries = [
        {"path": "old name.txt", "mode": "100644", "type": "blob", "sha": None},
        {"path": "new name.txt", "mode": "100644", "type": "blob", "sha": sha},
        {"path": "m.bin", "mode": "100644", "type": "blob", "content": "text now"},
    ]
    tree = api.post("./git/trees", base_tree=first, tree=entries)["sha"]
    second = api.post("./git/commits", message="Move", tree=tree, parents=[first])["sha"]
    api.patch("./git/refs/heads/work", sha=second)
    files = {each["filename"]: each for each in api.get("./commits/work")["files"]}
    assert files["new name.txt"]["status"] == "renamed"
    assert files["new name.txt"]["previous_filename"] == "old name.txt"
    assert "patch" not in files["m.bin"]
