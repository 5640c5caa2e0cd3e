"""
Tags and filters of this package's mail templates: ``{% load ai_kit_auth %}``.

A template of a project may use them as well.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from django import template
from django.conf import settings
from django.core.signals import setting_changed
from django.template.base import FilterExpression, Node, NodeList, Parser, Token
from django.template.loader_tags import BLOCK_CONTEXT_KEY
from django.utils.html import conditional_escape, format_html, strip_tags
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, get_language_bidi, ngettext

from ..mail_facts import MailFacts, facts_without_mail

register = template.Library()


# The language and its direction


@register.simple_tag
def language_code() -> str:
    """Return the language of the mail for the attribute ``lang``."""
    return get_language() or settings.LANGUAGE_CODE


@register.simple_tag
def direction() -> str:
    """Return the direction of the script for the attribute ``dir``: ltr or rtl."""
    return "rtl" if _is_rtl() else "ltr"


@register.simple_tag
def start() -> str:
    """
    Return the side where a line begins: left or right.

    For ``align`` and ``text-align``: Word knows neither the value ``start`` nor a
    default that follows ``dir``.
    """
    return "right" if _is_rtl() else "left"


def _is_rtl() -> bool:
    # Django has no answer where translations are deactivated.
    return bool(get_language()) and get_language_bidi()


@register.filter
def left_to_right(value: object) -> SafeString:
    """
    Return ``value`` as HTML that keeps its order in a right-to-left sentence.

    For e-mail addresses and URLs: the reader's program would move their signs.
    """
    return format_html('<span dir="ltr">{}</span>', value)


# Sentences


_MINUTE, _HOUR, _DAY = 60, 60 * 60, 24 * 60 * 60


@register.simple_tag
def lifetime(seconds: int) -> str:
    """
    Return the sentence that tells how long a link can be used, "" below a minute.

    ``seconds``: how long it is valid. The sentence never promises more: it names whole
    days for one day or from two days on, whole hours for one hour or from two hours on,
    and else whole minutes, each rounded down.
    """
    # The message ids stand here as literals, since makemessages reads no variables.
    if seconds == _DAY or seconds >= 2 * _DAY:
        number = seconds // _DAY
        sentence = ngettext(
            "You can use this link once, within %(counter)s day.",
            "You can use this link once, within %(counter)s days.",
            number,
        )
    elif seconds == _HOUR or seconds >= 2 * _HOUR:
        number = seconds // _HOUR
        sentence = ngettext(
            "You can use this link once, within %(counter)s hour.",
            "You can use this link once, within %(counter)s hours.",
            number,
        )
    elif seconds >= _MINUTE:
        number = seconds // _MINUTE
        sentence = ngettext(
            "You can use this link once, within %(counter)s minute.",
            "You can use this link once, within %(counter)s minutes.",
            number,
        )
    else:
        return ""
    return sentence % {"counter": number}


# Plain text


WIDTH = 78  # columns; RFC 5322, 2.1.1: a line SHOULD have no more than 78 characters


@register.filter
@lru_cache(maxsize=1024)
def wrap(text: str) -> str:
    """
    Return ``text`` with lines of at most 78 columns; what has no break stays whole.

    A line breaks at spaces, and between the signs of Chinese and Japanese, which take
    two columns each. There no line begins with a closing sign or ends with an opening
    one (the rule is called *kinsoku*).
    """
    return "\n".join(_wrapped(line) for line in text.splitlines())


def _wrapped(line: str) -> str:
    if max(line, default="") < _FIRST_WIDE:
        words = " ".join(line.split())
        return textwrap.fill(
            words, WIDTH, break_long_words=False, break_on_hyphens=False
        )
    lines: list[str] = []
    width = WIDTH
    for glue, piece in _pieces(line):
        columns = _columns(piece)
        if width + len(glue) + columns > WIDTH:
            lines.append(piece)
            width = columns
        else:
            lines[-1] += glue + piece
            width += len(glue) + columns
    return "\n".join(lines)


# Hangul. No sign before it is wider than one column or stands without spaces.
_FIRST_WIDE = "\u1100"


def _pieces(line: str) -> Iterator[tuple[str, str]]:
    """Yield what must stay on one line, each with the space before it."""
    for word in line.split():
        glue = " "
        piece = ""
        for sign in word:
            if piece and _may_part(piece[-1], sign):
                yield glue, piece
                glue, piece = "", ""
            piece += sign
        yield glue, piece


def _may_part(before: str, after: str) -> bool:
    return (
        (_has_no_spaces(before) or _has_no_spaces(after))
        and unicodedata.category(before) not in {"Ps", "Pi"}
        and after not in _NEVER_FIRST
        and unicodedata.category(after) not in {"Pe", "Pf", "Mn", "Mc"}
    )


# Signs that end a sentence or part of it, and the small signs that belong to the one
# before (JIS X 4051).
_NEVER_FIRST = frozenset(
    "!%),.:;?]}\u2026\u3001\u3002\uff0c\uff0e\uff1a\uff1b\uff1f\uff01\u30fb\u30fc"
    "\u3005\u303b\u309d\u309e\u30fd\u30fe"
    "\u3041\u3043\u3045\u3047\u3049\u3063\u3083\u3085\u3087\u308e"
    "\u30a1\u30a3\u30a5\u30a7\u30a9\u30c3\u30e3\u30e5\u30e7\u30ee\u30f5\u30f6"
)
# Punctuation, kana and ideographs; Korean puts spaces between its words.
_CJK = re.compile(
    "[\u3000-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef]"
)


def _has_no_spaces(sign: str) -> bool:
    return _CJK.match(sign) is not None


def _columns(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(sign) in {"W", "F"} for sign in text)
    return len(text) + wide


# The base


class _BlockAgain(Node):
    def __init__(self, names: list[str]) -> None:
        self.names = names

    def render(self, context: Any) -> str:
        blocks = context.render_context.get(BLOCK_CONTEXT_KEY)
        for name in self.names:
            block = blocks.get_block(name) if blocks else None
            text = strip_tags(block.render(context)) if block else ""
            if text.strip():
                return mark_safe(" ".join(text.split()))  # noqa: S308  # what it had escaped is still escaped
        return ""


@register.tag
def block_again(parser: Parser, token: Token) -> _BlockAgain:
    """
    Show the text of a block a second time, without its tags: ``{% block_again a b %}``.

    It is the first of the named blocks that is not empty. In Django a block can stand
    in a template only once.
    """
    return _BlockAgain(token.split_contents()[1:])


class _Button(Node):
    def __init__(self, nodelist: NodeList, brand: FilterExpression) -> None:
        self.nodelist, self.brand = nodelist, brand

    def render(self, context: Any) -> str:
        brand = self.brand.resolve(context)
        style = conditional_escape(_BUTTON.format(color=brand.color, ink=brand.ink))
        page = _UNSTYLED_LINK.sub(
            rf'\1 class="aka-button" style="{style}"', self.nodelist.render(context)
        )
        return mark_safe(page)  # noqa: S308  # it was HTML before


# Word ignores the padding of a link and takes that of the cell; all others take the
# padding of the link, which makes the whole button a link. A border shows where a
# reader has switched colours off.
_BUTTON = (
    "display:inline-block;padding:12px 22px;border:2px solid {color};border-radius:6px;"
    "background-color:{color};color:{ink};font-family:Helvetica,Arial,sans-serif;"
    "font-size:16px;font-weight:bold;line-height:20px;text-decoration:none;"
    "mso-padding-alt:0"
)
_UNSTYLED_LINK = re.compile(
    r"(<a\s(?![^>]*\s(?:style|class)\s*=)[^>]*)(?=>)", re.IGNORECASE
)


@register.tag
def button(parser: Parser, token: Token) -> _Button:
    """
    Show the links in it as a button of a brand, unless they have a style or a class.

    ``{% button ai_kit_auth.brand %}<a href="...">...</a>{% endbutton %}``. Projects of
    2.0.0 fill the block ``link`` with a link that has no style, and Word and some
    readers of Gmail take the style of a link from nowhere but the link itself.
    """
    brand = parser.compile_filter(token.split_contents()[1])
    nodelist = parser.parse(("endbutton",))
    parser.delete_first_token()
    return _Button(nodelist, brand)


@register.simple_tag
def warning_link(url: str, text: str = "") -> str:
    """Return a new line with a link for the box of a notice, "" without ``url``."""
    if not url:
        return ""
    return format_html(
        '<br>\n<a class="aka-warning-text" dir="ltr" href="{}"\n style="color:#3d1d00;'
        'text-decoration:underline;word-break:break-all">{}</a>',
        url,
        text or url,
    )


@register.simple_tag
def filler() -> SafeString:
    """
    Return signs that take room and show nothing.

    A list of mails shows the first words of each. After a short preheader it would show
    the header and the greeting as well.
    """
    return mark_safe(("&#847;&zwnj;&nbsp;" * 4 + "\n") * 20)  # noqa: S308  # a constant


# What does not vary


class _Part(NamedTuple):
    """A piece of a page: a string, or a node that is rendered for each mail."""

    fixed: str
    live: Node | None


_MARK = "\x00{}\x00"
_MARKS = re.compile("\x00([0-9]+)\x00")
# Pages kept for one template: one for each brand, language and kind of account.
LIMIT = 100
_OWN = str(Path(__file__).parent.parent / "templates")


class _Once(Node):
    child_nodelists = ("nodelist",)

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist
        self._found: dict[type[Node], list[Node]] = {}

    def get_nodes_by_type(self, nodetype: type[Node]) -> list[Node]:
        # ``{% extends %}`` searches the base at each rendering, which takes longer than
        # the rest. A parsed template never changes.
        if nodetype not in self._found:
            self._found[nodetype] = super().get_nodes_by_type(nodetype)
        return list(self._found[nodetype])

    def render(self, context: Any) -> str:
        facts = context.get("ai_kit_auth")
        if not isinstance(facts, MailFacts):
            # A project that renders this template itself.
            with context.push(ai_kit_auth=facts_without_mail(context.flatten())):
                return self.nodelist.render(context)
        # A developer edits catalogs, which the kept pages would not notice.
        if facts.fixed is None or settings.DEBUG:
            return self.nodelist.render(context)
        pages = _pages.setdefault(context.template, {})
        key = (self, facts.fixed, get_language(), context.autoescape)
        parts = pages.get(key)
        if parts is None:
            if not _is_own(context):
                return self.nodelist.render(context)
            if len(pages) >= LIMIT:
                pages.clear()
            parts = pages[key] = _frozen(self.nodelist, context)
        return mark_safe(  # noqa: S308  # as the node list's own result
            "".join(
                [
                    fixed if live is None else live.render(context)
                    for fixed, live in parts
                ]
            )
        )


_pages: WeakKeyDictionary[Any, dict[Any, list[_Part]]] = WeakKeyDictionary()


def _forget(**kwargs: object) -> None:
    _pages.clear()


# As in tests, where override_settings changes catalogs, templates or the frontend.
setting_changed.connect(_forget, dispatch_uid="ai_kit_auth.templatetags")


def _is_own(context: Any) -> bool:
    """Tell whether no project has a hand in this page: every block of it is ours."""
    blocks = context.render_context.get(BLOCK_CONTEXT_KEY)
    origins = [context.template.origin]
    for chain in blocks.blocks.values() if blocks else ():
        origins += [block.origin for block in chain]
    return all(str(origin.name).startswith(_OWN) for origin in origins)


def _frozen(nodelist: NodeList, context: Any) -> list[_Part]:
    live = context.render_context[_LIVE] = list[Node]()
    try:
        page = nodelist.render(context)
    finally:
        del context.render_context[_LIVE]
    pieces = _MARKS.split(page)
    # Between the pieces stand the numbers of the live ones.
    return [
        _Part("", live[int(piece)]) if place % 2 else _Part(piece, None)
        for place, piece in enumerate(pieces)
        if piece
    ]


_LIVE = "ai_kit_auth_live"


class _EachMail(Node):
    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Any) -> str:
        live = context.render_context.get(_LIVE)
        if live is None:
            return self.nodelist.render(context)
        live.append(self.nodelist)
        return mark_safe(_MARK.format(len(live) - 1))  # noqa: S308  # a number


def _pair(
    node: Callable[[NodeList], Node], end: str
) -> Callable[[Parser, Token], Node]:
    def parse(parser: Parser, token: Token) -> Node:
        nodelist = parser.parse((end,))
        parser.delete_first_token()
        return node(nodelist)

    return parse


register.tag("once", _pair(_Once, "endonce"))
register.tag("each_mail", _pair(_EachMail, "endeach_mail"))
