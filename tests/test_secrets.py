"""Secrets in texts of others: they are found however their characters are escaped."""

from __future__ import annotations

import base64
import copy
import html
import json
import pickle
import urllib.parse

import pytest

from gca_scanpy._secrets import MASK, Address, Concealed, Secret, hide_users

KEY = "sk-live+/0123456789_<&>abcdef"
CODES = [ord(character) for character in KEY]


@pytest.mark.parametrize(
    "written",
    [
        KEY,
        json.dumps(KEY).strip('"').replace("/", r"\/"),
        "".join(rf"\u{code:04x}" for code in CODES),
        "".join(rf"\u{code:04X}" for code in CODES),
        "".join(rf"\\u{code:04x}" for code in CODES),
        "".join(rf"\x{code:02x}" for code in CODES),
        KEY.replace("k", r"\u006b", 1),
        urllib.parse.quote(KEY, safe=""),
        urllib.parse.quote(urllib.parse.quote(KEY, safe=""), safe=""),
        "".join(f"%{code:02x}" for code in CODES),
        html.escape(KEY),
        html.escape(html.escape(KEY)),
        "".join(f"&#{code};" for code in CODES),
        "".join(f"&#x{code:X};" for code in CODES),
        KEY.encode().hex(),
        f"{KEY[:9]}\n  {KEY[9:]}",
        rf"{KEY[:9]}\n{KEY[9:]}",
        f"{KEY[:9]}<br>{KEY[9:]}",
        urllib.parse.quote(KEY.replace("/", r"\/"), safe=""),
        urllib.parse.quote("".join(rf"\u{code:04x}" for code in CODES)),
        "\u200b".join(KEY),
        r"\u00ad".join(KEY),
        base64.b64encode(KEY.encode()).decode(),
    ],
)
def test_a_secret_is_found_in_every_form(written):
    """JSON, URL, HTML, hex, base64, once or twice escaped, in capitals or not, broken into lines or by unseen marks."""
    assert Secret(KEY).hide_in(f"<<{written}>>") == f"<<{MASK}>>"


@pytest.mark.parametrize("user", ["", "a:", "ab:", "lab:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_password_in_basic_authorization(user, encode):
    """A secret in the base64 of a longer text is found at each of the three places where it may start."""
    header = encode(f"{user}{KEY}".encode()).decode()
    hidden = Secret(KEY).hide_in(f"Basic {header}")
    assert hidden.startswith("Basic ")
    assert len(hidden.partition(MASK)[0]) <= len("Basic ") + len(user) * 4 // 3 + 2


@pytest.mark.parametrize("part", ["\\", "%25", "&amp;", "s\u200b", "s<br>", r"s\n"])
def test_no_text_keeps_the_search_busy(part):
    """The time of the search does not grow with the square of what a server repeats."""
    assert Secret(KEY).hide_in(part * 300_000) == part * 300_000


def test_what_is_no_secret_stays():
    """Other text, and texts that are too short to be a key, are not changed."""
    text = "the genes CD3D and CD3E say T cell, with sk and 0123"
    assert Secret(KEY).hide_in(text) == text
    assert Secret("abc").hide_in("abc") == "abc"
    assert Secret().hide_in("") == ""


def test_a_secret_is_in_no_text():
    """Neither repr nor str nor format shows it, it is not pickled or copied, and two of the same text are equal."""
    secret = Secret(KEY)
    assert KEY not in f"{secret!r} {secret} {[secret]} {secret:}"
    assert secret.reveal() == KEY
    assert secret == Secret(KEY)
    assert hash(secret) == hash(Secret(KEY))
    assert bool(secret)
    assert not Secret()
    assert repr(Secret()) == "Secret('')"
    assert Secret.of(secret) is secret
    for carry in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="create the model again"):
            carry(secret)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("http://user:pw@h:x/", "http://***@h:x/"),
        ("http://user:p/w?x#y@h/", "http://***@h/"),
        ("user:pw@h", "***@h"),
        ("http://h/v1?key=pw", "http://h/v1?***"),
        ("http://h/v1#pw", "http://h/v1#***"),
        ("http://h/?key=pw@x", "http://***@x"),
        ("sk-live-0123456789", "***"),
        ("nonsense", "nonsense"),
        ("", ""),
    ],
)
def test_an_address_without_what_may_be_secret(url, shown):
    """User, password, query and fragment are masked, also if the address cannot be used; a long word may be a key."""
    assert str(Address(url)) == shown
    assert repr(Address(url)) == repr(shown)
    assert Address(url).reveal() == url


def test_concealed_values():
    """Headers give their values, and show their names only."""
    headers = Concealed({"X-Team": KEY})
    assert headers == {"X-Team": KEY}
    assert dict(headers) == {"X-Team": KEY}
    assert repr(headers) == "{'X-Team': ***}"
    with pytest.raises(TypeError, match="values may be keys"):
        pickle.dumps(headers)
    assert pickle.loads(pickle.dumps(Concealed())) == {}


def test_users_of_urls():
    """The user and the password of any URL in a text are masked."""
    assert hide_users("proxy http://a:b@h:1 and http://h/x@y") == "proxy http://***@h:1 and http://h/x@y"
