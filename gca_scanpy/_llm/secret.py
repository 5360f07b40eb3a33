"""Keys that print as stars."""

from __future__ import annotations

from attrs import field, frozen

MASK = "***"
MIN_HIDDEN = 4  # a shorter text is no key, and would be found in every word
MIN_SCRUBBED = 16  # a shorter one, such as "test", may be part of an answer's words, which must stay as they are


@frozen(repr=False)
class Secret:
    """A key. Its text is in no repr, so in no log and no traceback; :meth:`reveal` gives it to the wire alone."""

    _text: str = field(default="")

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return f"Secret({MASK!r})" if self._text else "Secret('')"

    __str__ = __repr__

    def __reduce__(self) -> str:
        msg = "a key is not pickled; make the model anew in the other process"
        raise TypeError(msg)

    def reveal(self) -> str:
        """The key itself."""
        return self._text

    def hide_in(self, text: str) -> str:
        """A text, such as a server's message, without the key."""
        return text.replace(self._text, MASK) if len(self._text) >= MIN_HIDDEN else text

    def scrub(self, body: bytes) -> bytes:
        """A reply as it came, without the key, before anything of it is cut or quoted."""
        return body.replace(self._text.encode(), MASK.encode()) if len(self._text) >= MIN_SCRUBBED else body
