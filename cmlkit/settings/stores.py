"""The stores that the setting `publish.store` may name. A new store is a module in `cmlkit/stores`, and a line here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class KnownStore:
    """A store, and the form of its address.

    Attributes:
        module: Imported when the store is used; `cmlkit/stores/choice.py` says what it offers.
        address: What follows the name, as a regular expression; empty if the name is all.
        form: The whole setting, as the documentation shows it; empty if the name is all.
        advice: The form in words, for the message about an address that does not have it.
    """

    module: str
    address: str = ""
    form: str = ""
    advice: str = ""


STORES: dict[str, KnownStore] = {
    "git": KnownStore(module="cmlkit.stores.git"),
    "lfs": KnownStore(module="cmlkit.stores.lfs"),
    "s3": KnownStore(
        module="cmlkit.stores.s3",
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
        address=r"://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s?#]*)?",
        form="s3://bucket/prefix",
        advice="s3:// with a bucket and a prefix, such as s3://my-models/forest",
    ),
    "dvc": KnownStore(module="cmlkit.stores.dvc"),
}


BUCKET = STORES["s3"]


def store_name(setting: str) -> str:
    """Return the name of the store that a setting begins with."""
    return setting.partition(":")[0]


def forms(stores: Mapping[str, KnownStore] = STORES) -> str:
    """Return what the setting can be, for documentation."""
    return " | ".join(store.form or name for name, store in stores.items())


def checked(setting: str) -> str:
    """Return the setting without a slash at its end.

    Raises:
        ValueError: No store has this name, or its address another form; the message lists the forms.
    """
    store = STORES.get(store_name(setting))
    if store and re.fullmatch(store.address, setting.removeprefix(store_name(setting))):
        return setting.rstrip("/")
    plain = [name for name, store in STORES.items() if not store.address]
    advice = [store.advice for store in STORES.values() if store.address]
    raise ValueError(f"{', '.join(plain)}, or {', or '.join(advice)}")


def checked_bucket(setting: str) -> str:
    """Return a bucket and prefix without a slash at its end; empty if none is set.

    Raises:
        ValueError: It has another form.
    """
    if setting and not re.fullmatch(f"s3{BUCKET.address}", setting):
        raise ValueError(BUCKET.advice)
    return setting.rstrip("/")
