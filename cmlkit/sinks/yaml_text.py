"""YAML: a value is written so that each reader gets it back, and so that it stays one value.

PyYAML reads YAML 1.1, and GitHub, DVC and others YAML 1.2, in which other plain words are numbers. A word that is
anything but text to either is quoted. https://yaml.org/spec/1.2.2/#103-core-schema, https://yaml.org/type/bool.html
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Literal

from cmlkit.sinks.unseen import visible

if TYPE_CHECKING:
    import yaml

Quote = Literal["", "'", '"']

_BREAK = re.compile(r"[\n\r\x85\u2028\u2029]")
_WORDS = re.compile(r"[yYnN]")  # of YAML 1.1, though PyYAML takes them for text
_NUMBERS = re.compile(r"[-+]?(?:0o[0-7]+|\.[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)")


def document(value: Any) -> str:
    """Return a value of mappings, lists and scalars as a document in blocks, in the order that it has.

    Raises:
        yaml.YAMLError: A value of another type is among them.
    """
    import yaml

    return visible(yaml.dump(value, Dumper=_dumper(), sort_keys=False, allow_unicode=True))


def inline(value: Any, *, quote: Quote = "") -> str:
    r"""Return a value on one line, as it stands behind `key: ` or `- `; line breaks in it are escapes, as `\n`.

    Args:
        quote: The quotation marks of all texts in it; only where they are needed if empty.

    Raises:
        yaml.YAMLError: A value of another type than those of YAML is in it.
    """
    import yaml

    written = yaml.dump(
        value,
        Dumper=_dumper(one_line=True),
        default_style=quote or None,
        default_flow_style=True,
        width=float("inf"),
        sort_keys=False,
        allow_unicode=True,
    )
    return visible(written.removesuffix("\n").removesuffix("\n..."))


@functools.cache
def _dumper(*, one_line: bool = False) -> type[yaml.SafeDumper]:
    """Return the class that writes; if `one_line`, without line breaks within texts."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
        # Only between these marks there are escapes.
        needs_escapes = visible(value) != value or (one_line and _BREAK.search(value) is not None)
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if needs_escapes else None)

    Dumper.add_representer(str, text)
    Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(f"^(?:{_WORDS.pattern})$"), list("yYnN"))
    Dumper.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(f"^(?:{_NUMBERS.pattern})$"), list("-+.0123456789")
    )
    return Dumper
