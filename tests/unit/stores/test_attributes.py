"""The entries in `.gitattributes`, as `git lfs track` writes them, of models that Git LFS no longer has."""

from __future__ import annotations

from cmlkit.stores.attributes import ATTRIBUTES, without_entry

LFS = "filter=lfs diff=lfs merge=lfs -text"


def without(path: str, *lines: str) -> dict[str, bytes]:
    content = "".join(f"{line}\n" for line in lines).encode()
    return without_entry(path, there={ATTRIBUTES: "0"}, read=lambda name: content)


def test_the_entries_of_a_folders_files_go_with_it_and_all_others_stay() -> None:
    others = ("*.png binary", f"/model/bert-large/a.bin {LFS}", f"/model/bert/notes.md text {LFS} eol=lf")
    left = without("model/bert", f"/model/bert/a.bin {LFS}", *others, f"/model/bert/b/c.bin {LFS}")
    assert left[ATTRIBUTES].decode().splitlines() == list(others)


def test_a_file_without_an_entry_changes_nothing() -> None:
    assert without("model/bert", "*.bin filter=lfs diff=lfs merge=lfs -text") == {}
