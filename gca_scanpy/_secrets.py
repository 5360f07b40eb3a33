"""API keys and other values that appear in no text: no repr, message, log, traceback, pickle or JSON."""

from __future__ import annotations

import base64
import html.entities
import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NoReturn, TypeVar, Union

MASK = "***"
MIN_HIDDEN = 4  # characters; a shorter text is not a key, and would match parts of many words
MIN_SCRUBBED = 16  # characters; a shorter text, such as "test", may be a word of the answer, which must not change
MIN_CORE = 8  # characters of a key in base64; fewer would match by chance
# Marks of direction, spaces without width and tags: nobody sees them, but they change how a text looks or is read.
UNSEEN = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f"
_UNSEEN_CODES = "(?i:00ad|200[b-f]|202[a-e]|206[0-9a-f]|feff)"
# How often something is escaped has a bound, so that no text of a server can keep the search busy.
_BACKSLASH = r"(?:\\|%(?:25){0,4}5[cC])"
# A long key may be broken into lines, or by characters that nobody sees.
_BREAK = rf"(?:[\s{UNSEEN}]|{_BACKSLASH}{{1,8}}(?:[nrt]|u{_UNSEEN_CODES})|<br ?/?>){{0,60}}"
_USER = re.compile(r"//[^/\s@]*@")

SecretS = TypeVar("SecretS", bound="Secret")


class Secret:
    """A text that must not be shown. Its repr and str hide it; only :meth:`reveal` returns it.

    The text is a variable of a closure: not only ``repr``, but also rich, IPython, attrs and pytest, which read the
    attributes of an object, find no text.
    """

    __slots__ = ("_use",)
    _use: Callable[[Callable[[str], Any]], Any]

    def __init__(self, text: str = "") -> None:
        self._use = lambda work: work(text)

    @classmethod
    def of(cls: type[SecretS], value: Union[str, Secret, None]) -> SecretS:
        """The secret itself, or a new one with this text; None is an empty one."""
        if isinstance(value, cls):
            return value
        return cls(value.reveal() if isinstance(value, Secret) else str(value or ""))

    @classmethod
    def seal(cls, value: Any) -> Any:
        """A text as a secret, and what is no text as :class:`Unusable`; None and a secret as they are."""
        if value is None or isinstance(value, Secret):
            return value
        return cls.of(value) if isinstance(value, str) else Unusable(value)

    def __bool__(self) -> bool:
        return bool(self.reveal())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.reveal() == other.reveal()

    def __hash__(self) -> int:
        return hash(self.reveal())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({MASK!r})" if self else f"{type(self).__name__}('')"

    def __str__(self) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        msg = "an API key cannot be pickled or copied; create the model again where it is needed"
        raise TypeError(msg)

    def reveal(self) -> str:
        """The text itself, for the request."""
        return str(self._use(str))

    def map(self, work: Callable[[str], str]) -> Secret:
        """A secret whose text is computed from this one's."""
        return Secret(work(self.reveal()))

    def hide_in(self, text: str, min_length: int = MIN_HIDDEN) -> str:
        """A text, such as the message of a server, with the secret masked, however its characters are escaped."""
        secret = self.reveal()
        return _pattern(secret).sub(MASK, text) if len(secret) >= min_length else text


class Unusable:
    """A value of a wrong type in the place of a secret; only its type is kept, because it may contain the secret."""

    __slots__ = ("_type",)

    def __init__(self, value: Any) -> None:
        self._type: str = value._type if isinstance(value, Unusable) else type(value).__name__

    def __repr__(self) -> str:
        return f"<{self._type}>"


class Address(Secret):
    """A URL. Its repr and str show it without the parts that may be secret: user, password and query."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(str(self))

    def __str__(self) -> str:
        text = self.reveal()
        head = re.split(r"[/?#]", text, maxsplit=1)[0]
        if len(text) >= MIN_SCRUBBED and not re.search(r"[.:]", head):  # no address at all, so perhaps a key
            return MASK
        start, _, end = text.rpartition("@")
        scheme = re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", start)
        user = f"{scheme[0] if scheme else ''}{MASK}@" if start else ""
        path, mark, _ = end.partition("?") if "?" in end else end.partition("#")
        return f"{user}{path}{mark}{MASK}" if mark else f"{user}{path}"


class Concealed(Mapping[str, str]):
    """A mapping, such as headers or the environment, whose values are shown nowhere."""

    __slots__ = ("_use",)
    _use: Callable[[Callable[[Mapping[str, str]], Any]], Any]

    def __init__(self, values: Union[Mapping[str, str], None] = None) -> None:
        kept: Mapping[str, str] = {} if values is None else values
        self._use = lambda work: work(kept)

    def __getitem__(self, name: str) -> str:
        return str(self._use(lambda values: values[name]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._use(list))

    def __len__(self) -> int:
        return int(self._use(len))

    def __repr__(self) -> str:
        return f"{{{', '.join(f'{name!r}: {MASK}' for name in self)}}}"

    def __reduce__(self) -> Any:
        if not self:
            return Concealed, ()
        msg = "headers cannot be pickled or copied, because their values may be keys; give them again where needed"
        raise TypeError(msg)


def environment() -> Concealed:
    """The environment variables. A line with ``os.environ`` itself would make IPython show them in a traceback."""
    return Concealed(os.environ)


def hide_users(text: str) -> str:
    """A text with the user and the password of every URL masked."""
    return _USER.sub(f"//{MASK}@", text)


@lru_cache(maxsize=64)
def _pattern(secret: str) -> re.Pattern[str]:
    """Finds a secret as it is, in base64 and in hex, and with any of its characters escaped."""
    between = _BREAK if len(secret) >= MIN_SCRUBBED else ""
    forms = [between.join(map(_escaped, secret))]
    forms += [rf"{re.escape(core)}[\w+/=-]{{0,4}}" for core in _in_base64(secret)]
    if len(secret) >= MIN_CORE:
        forms.append(f"(?i:{re.escape(secret.encode().hex())})")
    return re.compile("|".join(forms))


def _escaped(character: str) -> str:
    """A pattern for a character, as it is or escaped: JSON, URL, HTML; once or several times."""
    code = ord(character)
    in_url = "".join(f"%(?:25){{0,4}}(?i:{byte:02x})" for byte in character.encode())
    entities = [f"#0*{code};?", f"#[xX]0*(?i:{code:x});?", *(f"{name};?" for name in _entities().get(character, ()))]
    escaped = [re.escape(character), in_url, rf"u(?i:{code:04x})", rf"x(?i:{code:02x})"]
    forms = [f"{_BACKSLASH}{{0,8}}(?:{escaped[0]}|{escaped[1]})", f"{_BACKSLASH}{{1,8}}(?:{escaped[2]}|{escaped[3]})"]
    return f"(?:{'|'.join(forms)}|&(?:amp;){{0,4}}(?:{'|'.join(entities)}))"


@lru_cache(maxsize=1)
def _entities() -> Mapping[str, list[str]]:
    """The names of HTML by character."""
    names: dict[str, list[str]] = {}
    for name, character in html.entities.html5.items():
        if name.endswith(";"):
            names.setdefault(character, []).append(name[:-1])
    return names


def _in_base64(secret: str) -> Iterator[str]:
    """What the text is in base64, alone or within a longer text, which may start at three positions."""
    text = secret.encode()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + text).decode()
        start, end = (0, 2, 3)[before], (before + len(text)) * 8 // 6
        core = encoded[start:end]
        if len(core) >= MIN_CORE:
            yield core
            yield core.replace("+", "-").replace("/", "_")
