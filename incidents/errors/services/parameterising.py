"""Messages without what changes from one occurrence to the next: ids, numbers, dates, addresses, paths, hashes.

Linear time (google-re2, no look-around): what a pattern alone cannot decide, its callback does, and gives the text back
unchanged where a word only looked like an id. The kinds are those of Sentry's parameterisation, and a few more.
"""

import re
from collections.abc import Callable

import re2

MAX_CHARS = 1_000
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}"
_CLOCK = r"[0-2]?\d:[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?"
_ZONE = r"(?:\s?(?:gmt|utc)?[+-]\d\d:?\d\d(?:\s\([^)]{1,40}\))?|\s?(?:z|utc|gmt|[ecmpb]e?[ds]t)\b)"
_NAME = r"[\w.@%+~:\x{80}-\x{10ffff}-]"
_ASSIGNED = r"=\s?'[^']*'|=\s?\"[^\"]*\""

_RUN = re.compile(r"\d+|[a-z]+|[A-Z]+")
_JOINT = re.compile(r"([_-])")

# What a dotted name has to end in to be a host. `java.io.IOException`, `shop.app.views` and `report.pdf` do not.
_TOP_LEVEL = frozenset(
    [
        "com",
        "net",
        "org",
        "io",
        "dev",
        "app",
        "cloud",
        "edu",
        "gov",
        "mil",
        "info",
        "biz",
        "online",
        "site",
        "xyz",
        "ai",
        "co",
        "local",
        "localhost",
        "internal",
        "lan",
        "corp",
        "de",
        "uk",
        "fr",
        "jp",
        "br",
        "es",
        "it",
        "nl",
        "eu",
        "ch",
        "at",
        "be",
        "cz",
        "pl",
        "se",
        "dk",
        "fi",
        "no",
        "pt",
        "ru",
        "ua",
        "tr",
        "us",
        "ca",
        "mx",
        "au",
        "nz",
        "cn",
        "hk",
        "tw",
        "kr",
        "in",
        "sg",
        "za",
        "il",
        "ie",
    ]
)


def _host(text: str) -> str:
    name = text.split(":", 1)[0]
    labels = name.lower().split(".")
    # Two letters are also words (`settle.in`, `main.co`): a host of a country, or of `io`, is all lower case.
    if labels[-1] in _TOP_LEVEL and name.rsplit(".", 1)[-1] in (labels[-1], labels[-1].upper()):
        return "<hostname>"
    return re.sub(r"\d+", "<number>", text)


def _segment(text: str, *, alone: bool) -> str:
    """One run of letters and digits that has a digit: a number, a hash, an id, or a word like `utf8`."""
    digits = sum(char.isdigit() for char in text)
    if digits == len(text):
        return "<number>"
    if len(text) >= (7 if alone else 6) and not text.lower().strip("0123456789abcdef"):
        return {7: "<git_sha>", 32: "<md5>", 40: "<sha1>", 64: "<sha256>"}.get(len(text), "<hex>")
    turns = len(_RUN.findall(text))  # `utf8` and `settings2` are two runs, `x2x4z` five
    if (len(text) >= 16 and digits >= 3) or (not alone and turns >= 4) or (turns >= 5 and len(text) >= 8):
        return "<id>"
    return text


def _word(text: str) -> str:
    return _segment(text, alone=True)


def _prefixed(text: str) -> str:
    """`cus_Nx83kd02ls`, `order_8812`, `worker-12`: what a product calls its things, without which one it is."""
    return "".join(
        _segment(part, alone=False) if any(char.isdigit() for char in part) else part for part in _JOINT.split(text)
    )


def _address(text: str) -> str:
    """Colons and hex letters are also `dead::beef`: an address has a digit, or nothing but colons in front."""
    return "<ip>" if any(char.isdigit() for char in text) else text


_Replacement = str | Callable[[str], str]
# In this order: the first that fits at a place has it.
_KINDS: tuple[tuple[_Replacement, str], ...] = (
    ("<email>", r"\b[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+"),
    ("<url>", r"\b[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>]+"),
    ("<traceparent>", r"\b00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]\b|\b1-[0-9a-f]{8}-[0-9a-f]{24}\b"),
    ("<uuid>", r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
    ("<date>", r"\bdatetime\.(?:datetime|date|time)\([^()]{0,120}(?:\([^()]{0,40}\))?[^()]{0,40}\)"),
    ("<date>", rf"\b\d{{4}}-[01]\d-[0-3]\d(?:[ t]{_CLOCK}{_ZONE}?)?\b|\b\d{{4}}/[01]\d/[0-3]\d(?:[ t]{_CLOCK})?\b"),
    ("<date>", rf"\b(?:{_DAY},?\s)?{_MONTH}\s\d{{1,2}}(?:,?\s\d{{4}})?(?:,?\s{_CLOCK})?(?:\s\d{{4}})?{_ZONE}?\b"),
    ("<date>", rf"\b(?:{_DAY},\s)?\d{{1,2}}[ -]{_MONTH}[ -]\d{{2,4}}(?:\s{_CLOCK}{_ZONE}?)?\b"),
    ("<ip>", r"\b(?:\d{1,3}\.){3}\d{1,3}(?:/\d{1,2})?(?::\d{1,5})?\b"),
    (_address, r"\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}\b|\b(?:[0-9a-f]{1,4}:){1,6}(?::[0-9a-f]{1,4}){1,6}\b|::1\b"),
    ("<date>", rf"\b{_CLOCK}(?:\s?[ap]m)?\b"),
    ("<path>", rf"(?:\.{{0,2}}|~)(?:/{_NAME}+){{2,}}/?|\b[a-z]:[\\/](?:{_NAME}|[\\/])+|\\\\[\w.-]+\\(?:{_NAME}|\\)+"),
    (_host, r"\b[a-z](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*\.[a-z]{2,}(?::\d{1,5})?\b"),
    ("localhost:<number>", r"\blocalhost:\d{1,5}\b"),
    (
        "<duration>",
        r"\b\d+(?:\.\d+)?\s?(?:ns|us|µs|ms|s|secs?|seconds?|mins?|minutes?|hrs?|hours?|days?|weeks?|milliseconds?)\b",
    ),
    ("<version>", r"\bv?\d+(?:\.\d+){2,}\b"),
    ("<size>", r"\b\d+(?:\.\d+)?\s?(?:[kmgtp]i?b|bytes?)\b"),
    ("<hex>", r"\b0x[0-9a-f]+\b"),
    (_prefixed, r"\b[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*[_-][0-9a-z]*\d[0-9a-z]*(?:[_-][a-z0-9]+)*\b"),
    ("<number>", r"[+-]?\b\d{1,3}(?:,\d{3})+(?:\.\d+)?\b|[+-]?\b\d+(?:\.\d+)?(?:e[+-]?\d{1,3})?(?:st|nd|rd|th)?\b"),
    (_word, r"\b[a-z]*\d[0-9a-z]*\b"),
    ("=<quoted>", _ASSIGNED),
    ("=<boolean>", r"=(?:true|false)\b"),
)
_FIND = re2.Options()  # without captures re2 finds what there is in one pass of an automaton, and so tells its kind
_FIND.case_sensitive = False
_FIND.never_capture = True
_FIND.max_mem = 64 << 20
_PARAMETER = re2.compile("|".join(f"(?:{pattern})" for _, pattern in _KINDS).encode(), _FIND)
_KIND = re2.Set.FullMatchSet(_FIND)
for _, _pattern in _KINDS:
    _KIND.Add(_pattern.encode())
_KIND.Compile()
# `[1, 2, 3]` and `[1, 2]`, `IN (%s, %s)`: how many there were is a parameter too.
_LISTED = re.compile(r"(<\w+>|%s|\?)(?:,\s?\1)+")


def _replaced(found: bytes) -> str:
    if found.isdigit():
        return "<number>"
    kinds = _KIND.Match(found)
    text = found.decode("utf-8", "replace")
    if not kinds:
        return text
    replacement = _KINDS[min(kinds)][0]
    return replacement if isinstance(replacement, str) else replacement(text)


def message_parameterise(text: str) -> str:
    """The first two non-empty lines, at most 1,000 characters, with what changes as `<kind>`."""
    lines = [line for part in text[: 8 * MAX_CHARS].splitlines() if (line := part.strip())][:2]
    said = " ".join(lines)[:MAX_CHARS].encode("utf-8", "replace")
    pieces: list[str] = []
    end = 0
    for match in _PARAMETER.finditer(said):
        start = match.start()
        pieces.append(said[end:start].decode("utf-8", "replace"))
        pieces.append(_replaced(match.group()))
        end = match.end()
    pieces.append(said[end:].decode("utf-8", "replace"))
    return _LISTED.sub(r"\1", "".join(pieces))
