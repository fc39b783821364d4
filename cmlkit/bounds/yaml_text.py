"""YAML that others wrote, read within bounds: how deep it nests, and how much its aliases repeat.

A short text can stand for a huge value, as each alias repeats what its anchor names: nine lines of nine aliases each
are 400 million nodes. PyYAML shares what is repeated, so only those who walk through the value, or write it, run out
of memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import yaml

DEPTH_LIMIT = 100
NODE_LIMIT = 1_000_000  # a `dvc.lock` of 100,000 files
_DEEP = f"it nests deeper than {DEPTH_LIMIT} levels"

NEXT_STEP = "Correct the line. Text that has ': ', ' #' or a bracket in it needs quotes."


def yaml_nodes(text: str | bytes) -> list[yaml.Node]:
    """Return the nodes of all documents in a text.

    Raises:
        yaml.YAMLError: It is not YAML, nests deeper than `DEPTH_LIMIT` levels, or has more than `NODE_LIMIT` nodes.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        """A loader that stops at the first node that lies too deep: PyYAML takes seconds for a few hundred levels."""

        depth = 0

        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            self.depth += 1
            if self.depth > DEPTH_LIMIT:
                raise yaml.MarkedYAMLError(problem=_DEEP, problem_mark=parent.start_mark if parent else None)
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

    nodes = [node for node in yaml.compose_all(text, Loader=Loader) if node is not None]
    for node in nodes:
        _check(node)
    return nodes


def yaml_node(text: str | bytes) -> yaml.Node | None:
    """Return the node of the only document in a text; None if there is none.

    Raises:
        yaml.YAMLError: As from `yaml_nodes`, or there are several documents.
    """
    import yaml

    nodes = yaml_nodes(text)
    if len(nodes) > 1:
        mark = nodes[1].start_mark
        raise yaml.MarkedYAMLError(problem="another document begins, and one was expected", problem_mark=mark)
    return nodes[0] if nodes else None


def yaml_value(text: str | bytes) -> Any:
    """Return the value of the only document in a text; None if there is none.

    Raises:
        yaml.YAMLError: As from `yaml_node`, or a value is of an unknown type, or none of its type.
    """
    node = yaml_node(text)
    return None if node is None else value_of(node)


def value_of(node: yaml.Node, loader: type[yaml.SafeLoader] | None = None) -> Any:
    """Return the value of a node, made by a loader.

    Raises:
        yaml.YAMLError: A value is of an unknown type, or none of its type, such as the date 2026-02-30.
    """
    import yaml

    made = (loader or yaml.SafeLoader)("")
    try:
        return made.construct_document(node)
    # PyYAML checks neither dates nor what stands behind !!int, !!bool and the like.
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from error
    finally:
        made.dispose()


def yaml_problem(path: Path | str, error: yaml.YAMLError) -> str:
    """Return `FILE:LINE: this is not valid YAML: …`; PyYAML's own message has several lines and no file."""
    import yaml  # loaded already if there is an error of its own

    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        where, what = f"{path}:{error.problem_mark.line + 1}", str(error.problem)
        if error.context and error.context_mark is not None:
            what += f", {error.context} that begins on line {error.context_mark.line + 1}"
        return f"{where}: this is not valid YAML: {what}."
    return f"{path} is not valid YAML: {' '.join(str(error).split())}."


def _check(root: yaml.Node) -> None:
    """Count the nodes as if every alias were written out, each node once and without recursion."""
    counted: dict[int, tuple[int, int]] = {}
    around: set[int] = set()
    waiting = [(root, False)]
    while waiting:
        node, is_left = waiting.pop()
        if id(node) in counted:
            continue
        if is_left:
            around.discard(id(node))
            counted[id(node)] = _checked(node, [counted[id(child)] for child in _children(node)])
        elif id(node) in around:
            raise _exceeded(node, "an alias leads to what it is in")
        else:
            around.add(id(node))
            waiting.append((node, True))
            waiting += [(child, False) for child in _children(node)]


def _checked(node: yaml.Node, children: list[tuple[int, int]]) -> tuple[int, int]:
    count = 1 + sum(nodes for nodes, _ in children)
    depth = 1 + max((depth for _, depth in children), default=0)
    if depth > DEPTH_LIMIT:
        raise _exceeded(node, _DEEP)
    if count > NODE_LIMIT:
        raise _exceeded(node, f"its aliases repeat too much: it stands for more than {NODE_LIMIT:,} values")
    return count, depth


def _exceeded(node: yaml.Node, problem: str) -> yaml.YAMLError:
    import yaml

    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def _children(node: yaml.Node) -> list[yaml.Node]:
    from yaml import MappingNode, SequenceNode

    if isinstance(node, MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, SequenceNode) else []
