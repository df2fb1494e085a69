r"""The patterns of the floor: the key and value rules of Sentry Relay (`@common:filter`, `@ip`, `@email`, `@bearer`),
and more. google-re2 only: linear in the text, whatever is in it.

Every rule for texts has a *head* that each of its matches contains. The heads together are the quick look, compiled
once for plain text and once for encoded JSON, where a line end is the two characters `\n` and a quote has a backslash
before it. What the quick look passes over, no rule can match (tests/infra/test_redaction_properties.py generates
the proof).
"""

from typing import Any, NamedTuple

import re2


def pattern_compile(pattern: str, *, captures: bool = True, max_mem: int = 64 << 20) -> Any:
    """An RE2 of the pattern, blind to case. Raises re2.error."""
    options = re2.Options()
    options.case_sensitive = False
    options.never_capture = not captures
    options.log_errors = False
    options.max_mem = max_mem
    return re2.compile(pattern, options)


class TextRule(NamedTuple):
    """What is secret in a text. `head` and `gap` stay when `kept`, else the whole match goes. `{b}` and `{s}` stand for
    the edge of a word and for white space; `lead` is what a match may begin with before its head.
    """

    name: str
    head: str
    tail: str = ""
    kept: bool = False
    gap: str = ""
    lead: str = ""


_PLAIN = {"{b}": r"\b", "{s}": r"\s"}
_ENCODED = {"{b}": r"(?:^|(?-i:[^0-9A-Za-z_])|\\[bfnrt]|\\u[0-9a-f]{4})", "{s}": r"(?:\s|\\[bfnrt]|\\u[0-9a-f]{4})"}


def _written(pattern: str, dialect: dict[str, str]) -> str:
    for sign, meaning in dialect.items():
        pattern = pattern.replace(sign, meaning)
    return pattern


# --- names ----------------------------------------------------------------------------------------------------------

# `auth` in all its forms, but not author, authored, authority.
_AUTH = r"auth(?:$|[^o]|o(?:$|[^r])|ori[sz])"
# Names of secrets wherever they stand in a longer name.
_STRONG = (
    r"password|passwd|passwort|passphrase|secret|token|credential|api[_ -]?key|private[_ -]?key|access[_ -]?key"
    r"|jwt|csrf|xsrf|cookie"
)
# Names of secrets that are parts of harmless words too: they count between other characters than letters.
_WEAK = (
    r"pwd|passcode|otp|two[_-]?factor|sid|bearer|cvv2?|cvc2?|ssn|iban|card[_ -]?(?:number|no|nr)"
    r"|(?:credit|debit)[_ -]?card|social[_ -]?security(?:[_ -]?number)?"
)
KEY = pattern_compile(rf"{_STRONG}|{_AUTH}|session[_-]?(?:id|key)|(?:^|[^a-z])(?:{_WEAK})(?:$|[^a-z])", captures=False)
# Header names whose value goes, beside those of KEY (Relay's parts of header names).
HEADER = pattern_compile(r"pwd|key|jwt|saml|bearer|(?:^|[^a-z])sso", captures=False)
# Cookies whose value goes even where a project keeps cookies (Relay's list).
COOKIES = frozenset(
    {"session", "__session", "sessionid", "user_session", "symfony", "phpsessid", "fasthttpsessionid", "mysession",
     "irissessionid", "_vercel_jwt", "sentrysid", "sudo", "su", "csrf", "xsrf", "_xsrf", "_csrf", "csrf-token",
     "csrf_token", "xsrf-token", "xsrf_token", "fastcsrf", "_iris_csrf"}
)  # fmt: skip
# A value of structured data (extra, contexts, tags …) that goes as a whole because of what it speaks of (Relay).
WHOLE = pattern_compile(
    rf"password|secret|passwd|api[-_]key|apikey|{_AUTH}|credentials|mysql_pwd|privatekey|private[-_]key"
    r"|token[^\s]*[:=]|^otp$|^two[-_]factor$",
    captures=False,
)
# In a list of arguments, the one after such an option goes.
OPTION = pattern_compile(rf"^--?[\w-]*(?:{_STRONG}|{_AUTH}|pwd)[\w-]*$", captures=False)
# A name under which numbers with dots are a version, not an address.
VERSION_KEY = pattern_compile(r"version|release|build|revision|user[_-]?agent", captures=False)

# --- values ---------------------------------------------------------------------------------------------------------

FILTERED = "[Filtered]"
_DONE = r"\[Filtered\]"  # what was scrubbed stays as it is
_QUOTED = (
    r"\"{3}[\s\S]*?(?:\"{3}|$)|'{3}[\s\S]*?(?:'{3}|$)|\\+\"[^\"\\]*(?:\\*\")?|\\+'[^'\\]*(?:\\*')?"
    r"|\"(?:[^\"\\]|\\[\s\S])*\"?|'(?:[^'\\]|\\[\s\S])*'?"
)
# The word of a pair, and what may stand between it and its value: `password=`, `"token": `, `<secret>`, `['jwt'] = `.
_PAIR = (
    rf"(?:(?:{_STRONG})\w*|(?:{{b}}|_)(?:{_WEAK}|o?auth2?|authorization|authentication|session[_-]?(?:id|key)|signature"
    r"|auth[_-]\w{2,8}|auth(?:key|code)))(?:\\*[\"'`])?\]?(?:{s}{0,3}[=:]|>)"
)
# A pair's value: quoted (`'…'`, `b"…"`), in brackets (`Secret('…')`, `["…"]`), else up to what ends it.
_PAIR_VALUE = (
    rf"(?:{_DONE}|(?:[\w.|\[\]]{{1,60}}\s=\s{{0,3}})?(?:(?:bearer|basic|token|digest|negotiate)\s+)?"
    rf"(?:[a-z]{{0,2}}(?:{_QUOTED})|[\w.]{{0,80}}[\[({{][^\])}}]*[\])}}]?|[^\s,;&\"'\)\]}}<>]+))"
)
_SAID = r"(?:passw(?:or)?d|passwort|passphrase|{b}pwd)s?"
_HOST = r"(?:[a-z0-9-]|[^\x00-\x7f])+"
_NAME = r"[^/\\\s\"'<>|:*?,;()\[\]{}&=]+"

# The order counts where two match at one place.
TEXT_RULES = (
    # Authorization: … and Cookie: … are secret to the end of their line
    TextRule("line", r"{b}(?:(?:proxy-)?authorization|(?:set-)?cookie)(?:\\*[\"'`])?{s}{0,3}:",
             rf"(?:{_DONE}|[a-z]{{0,2}}(?:{_QUOTED})|digest\s[^\r\n]*|[^\r\n\"'<>]+)", kept=True, gap=r"\s{0,3}"),
    TextRule("pair", _PAIR, _PAIR_VALUE, kept=True, gap=r"[=>]?\s{0,3}"),
    # password is "…", password '…'; unquoted only where it does not look like a word
    TextRule("said", rf"(?:{_SAID}|secret|token|api[ _-]?key){{s}}{{1,3}}(?:is|was|set{{s}}to){{s}}",
             rf"(?:{_DONE}|\\*[\"'`][^\"'`\\]+|[^\s\"']*[0-9!#$%&*+^=~@][^\s]*)", kept=True, gap=r"\s{0,3}"),
    TextRule("spoken", rf"(?:{_SAID}|identified{{s}}by){{s}}{{1,3}}\\*[\"'`]", r"[^\"'`\\]+", kept=True),
    TextRule("option", rf"--[\w-]{{0,40}}(?:{_STRONG})[\w-]{{0,40}}{{s}}",
             rf"(?:{_DONE}|{_QUOTED}|[^\s\"'-][^\s\"']*)", kept=True, gap=r"\s{0,3}"),
    TextRule("query", r"[?&](?:key|sig|x-amz-[a-z-]{1,30}|x-goog-[a-z-]{1,30})=", r"[^\s&\"'<>#\\]+", kept=True),
    TextRule("url", r"\\*/\\*/[^\s/\"'<>]*@"),  # scheme://user:secret@, scheme://key@
    TextRule("bearer", r"{b}bearer{s}", rf"(?:{_DONE}|[^\s\"',;\]]+)", kept=True, gap=r"\s*"),
    TextRule("basic", r"{b}basic{s}", r"[a-z0-9+/]{8,}={0,2}", kept=True, gap=r"\s*"),
    TextRule("jwt", r"{b}eyJ[a-z0-9_-]{8}", r"[a-z0-9_-]*\.[a-z0-9_-]{8,}(?:\.[a-z0-9_-]*)?"),
    TextRule("pem", r"-----BEGIN ", r"[A-Z0-9 ]{0,60}-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,60}-----|$)"),
    # keys that say themselves what they are
    TextRule("vendor", r"{b}(?:(?:AKIA|ASIA)[a-z0-9]{16}|gh[pousr]_[a-z0-9]{20}|github_pat_[a-z0-9_]{20}"
             r"|glpat-[\w-]{20}|[sr]k_(?:live|test)_[a-z0-9]{10}|rk_[a-z0-9_-]{32}|xox[abeoprs]-[a-z0-9-]{10}|AIza[\w-]{35}"
             r"|sk-(?:proj-|ant-)?[a-z0-9]{20}|SG\.[\w-]{16}|npm_[a-z0-9]{36}|hf_[a-z0-9]{30}|ya29\.[\w-]{20}"
             r"|shp(?:at|ca|pa|ss)_[a-f0-9]{32}|dop_v1_[a-f0-9]{64}|whsec_[a-z0-9]{20}|pypi-AgEI[\w-]{20})",
             r"[\w.-]*"),
    TextRule("slack", r"hooks\.slack\.com/(?:services|workflows)/", r"[\w/]+", kept=True),
    TextRule("email", rf"[^\s@\"'<>()\[\],;:=/\\](?:@|%40)(?:{_HOST}\.)+[a-z]{{2}}", r"[a-z]{0,22}",
             lead=r"(?:[^\s@\"'<>()\[\],;:=/\\]+')?[^\s@\"'<>()\[\],;:=/\\]*"),
    TextRule("iban", r"{b}[a-z]{2}\d{2}(?:[a-z0-9]{11}|(?:[ -][a-z0-9]{4}){2}[ -][a-z0-9]{1,4})",
             r"(?:[ -]?[a-z0-9]){0,24}"),
    TextRule("ip6", r"{b}(?:[0-9a-f]{4}:[0-9a-f]{0,4}:|64:ff9b:)", r"[0-9a-f:.]*(?:%[a-z0-9]+)?"),
    TextRule("ip4", r"{b}(?:\d{1,3}\.){3}\d{1,3}"),
    # payment cards (all schemes start with 2 to 6) and social security numbers
    TextRule("digits", r"{b}(?:[2-6]\d(?:[ +-]?\d){11}|\d{3}-\d{2}-\d{4})", r"(?:[ +-]?\d){0,20}"),
    # the name in /home/jane/, /Users/jane/, C:\Users\Jane Doe\
    TextRule("home", r"[\\/](?:home|users|documents and settings)[\\/]",
             rf"(?:{_DONE}|{_NAME}(?: {_NAME}){{0,3}}\\|{_NAME})", kept=True, gap=r"\\*"),
)  # fmt: skip


def _whole(rule: TextRule) -> str:
    head = _written(rule.head, _PLAIN)
    if rule.kept:
        return f"(?P<{rule.name}>{head}{rule.gap}){rule.tail}"
    return f"(?P<{rule.name}>{rule.lead}{head}{rule.tail})"


def _heads(dialect: dict[str, str]) -> str:
    return "|".join(_written(rule.head, dialect) for rule in TEXT_RULES)


TEXT = pattern_compile("|".join(_whole(rule) for rule in TEXT_RULES))
KEPT = frozenset(rule.name for rule in TEXT_RULES if rule.kept)
# Could anything be in this text? In these encoded texts? In this encoded data of any kind, keys included?
TEXT_QUICK = pattern_compile(_heads(_PLAIN), captures=False)
ENCODED_QUICK = pattern_compile(_heads(_ENCODED), captures=False)
_EDGE = r"(?:^|[^a-z]|\\[bfnrt]|\\u[0-9a-f]{4})"
DATA_QUICK = pattern_compile(
    rf"{_STRONG}|{_AUTH}|session[_-]?(?:id|key)|{_EDGE}(?:{_WEAK})(?:$|[^a-z])|{_heads(_ENCODED)}", captures=False
)
# Names of secrets with a value behind them, in encoded data that is dropped: what they held must not stand elsewhere.
PAIR_QUICK = pattern_compile(_written(_PAIR, _ENCODED), captures=False)
