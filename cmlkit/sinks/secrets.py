"""Secrets in texts: known by the names of variables that hold them, by the forms of well-known tokens, and in URLs.

GitHub's runner masks the values of a job's secrets in the log only, and tells no process which they are. What a process
can know is which of its variables are named as secrets are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from json.encoder import encode_basestring_ascii as json_string
from typing import Any
from urllib.parse import quote

HIDDEN = "***"

# A shorter value is a word that stands anywhere, such as `test`; of letters only, it is one up to a greater length.
LENGTH, LENGTH_OF_WORDS = 8, 16

_SECRETS = frozenset(
    {"password", "passwords", "passwd", "pwd", "passphrase"}
    | {"token", "secret", "secrets", "key", "apikey", "authorization"}
)
# As one word, without a mark between its parts: PGPASSWORD, accesstoken
_ENDS = re.compile(r"(?:password|passwd|passphrase|(?:api|access|secret|private)key|(?:access|auth|api|bearer)token)$")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# The key of a table, a cache or a map is named like one that opens a door.
_OPENING = frozenset({"api", "access", "secret", "private", "account", "ssh", "signing", "encryption", "deploy"})
_FOLDERS = frozenset({"PWD", "OLDPWD"})

# Each begins as its provider documents it: https://docs.github.com/en/code-security/reference/secret-security/
# supported-secret-scanning-patterns lists the providers.
_TOKENS = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    r"gh[pousr]_[A-Za-z0-9][\w.-]{19,}|github_pat_\w{22,}"  # GitHub
    r"|gl(?:pat|ptt|rt|dt|ft|cbt|soat|agent|oas)-[\w.-]{20,}"  # GitLab
    r"|(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"  # AWS, ids of access keys
    r"|xox[a-z](?:\.xox[a-z])?-[\w-]{10,}|xapp-[\w-]{10,}"  # Slack
    r"|AIza[\w-]{35}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}"  # Google
    r"|sk-(?=[\w-]*\d)[\w-]*[A-Za-z0-9]{20,}[\w-]*|hf_[A-Za-z0-9]{30,}|wandb_v1_\w{20,}"  # OpenAI and others
    r"|[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|SG\.[\w-]{16,}\.[\w-]{16,}"  # Stripe, SendGrid
    r"|npm_[A-Za-z0-9]{36}|pypi-[\w-]{50,}|do[opr]_v1_[0-9a-f]{64}|dapi[0-9a-f]{32}|hvs\.[\w-]{24,}"
    r"|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"  # JSON Web Tokens
    r")"
)
_BREAK = r"(?:\s|\\[nr])+"  # between lines, also in JSON
_PEM = re.compile(
    r"-----BEGIN (?P<kind>(?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?)-----"
    rf"(?:{_BREAK}(?:[A-Za-z-]+: [^\n\\]+|[A-Za-z0-9+/=]{{16,}}))+"
    rf"(?:(?:{_BREAK}[A-Za-z0-9+/=]+)?{_BREAK}-----END (?P=kind)-----)?"
)
_BEARER = re.compile(r"(?P<scheme>\bBearer\s+)[\w.~+/-]{8,}=*", re.IGNORECASE)
_USER_IN_URL = re.compile(r"(?<=://)[^\s/?#\"'<>]+(?=@)")
_SIGNATURE = re.compile(
    r"(?P<name>[?&](?:sig|signature|x-(?:amz|goog)-(?:signature|credential|security-token))=)[^&\s\"'#<>)]+",
    re.IGNORECASE,
)


def is_secret(name: str) -> bool:
    """Return whether a name has password, token, secret or key among its words: `api_key`, not `max_tokens`."""
    return name not in _FOLDERS and any(word in _SECRETS or _ENDS.search(word) for word in words(name))


def words(name: str) -> set[str]:
    """Return the words of a name in lower case, as underscores, dots and capitals part them."""
    return {word.casefold() for word in _WORD.findall(name)}


def without_tokens(text: str) -> str:
    """Return a text with `***` for the tokens and keys of well-known forms in it, and for the users in URLs."""
    text = _USER_IN_URL.sub(HIDDEN, text)
    text = _SIGNATURE.sub(rf"\g<name>{HIDDEN}", text)
    return _TOKENS.sub(HIDDEN, _BEARER.sub(rf"\g<scheme>{HIDDEN}", _PEM.sub(HIDDEN, text)))


class Secrets:
    """The values that no text may show, whatever it is about.

    Args:
        values: The values; those that are no secrets, as they are numbers or short words, are left out.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._forms: frozenset[str] = frozenset()
        self._values: re.Pattern[str] | None = None
        self.add(*values)

    def add(self, *values: str) -> None:
        """Take more values, such as a token that was just made."""
        self._forms |= {form for value in values for form in _forms(value)}
        # The longest first: one may be the beginning of another.
        either = "|".join(map(re.escape, sorted(self._forms, key=lambda form: (-len(form), form))))
        self._values = re.compile(either) if either else None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Secrets:
        """Return the values of the variables that are named as secrets are."""
        return cls(value for name, value in environ.items() if _holds_secret(name))

    def hidden(self, text: str) -> str:
        """Return a text with `***` for each value, and for what `without_tokens` knows."""
        return without_tokens(self._values.sub(HIDDEN, text) if self._values else text)

    def hidden_in(self, value: Any) -> Any:
        """Return a value of JSON with its texts as `hidden` returns them, at any depth; names stay."""
        if isinstance(value, str):
            return self.hidden(value)
        if isinstance(value, Mapping):
            return {name: self.hidden_in(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.hidden_in(item) for item in value]
        return value


def _holds_secret(variable: str) -> bool:
    named = words(variable)
    return is_secret(variable) and (named & _SECRETS != {"key"} or bool(named & _OPENING))


def _forms(value: str) -> Iterator[str]:
    """Yield a value, and each line of it, as they stand in texts, in JSON and in URLs."""
    for part in {value.strip(), *map(str.strip, value.splitlines())}:
        if _is_telling(part):
            yield from (part, json_string(part)[1:-1], quote(part, safe=""))


def _is_telling(value: str) -> bool:
    if len(value) < (LENGTH_OF_WORDS if value.isalpha() else LENGTH) or value.startswith(("/", "-----")):
        return False  # a path to a secret is none
    try:
        float(value)
    except ValueError:
        return True
    return False
