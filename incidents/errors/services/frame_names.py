"""What a frame is called, whatever the deploy, the browser or the compiler added to its name. Never a line number.

A place (module, else file name) and a function. Pure and cached: a program has some thousand frames, an installation
sees each of them again and again.
"""

import re
from functools import lru_cache
from itertools import pairwise

MAX_NAME = 400
_CACHED = 16_384

# --- places -----------------------------------------------------------------------------------------------------------

_NO_PLACE = frozenset(
    {"", "?", "-", "__main__", "<unknown>", "<anonymous>", "<unknown module>", "native", "native code", "[native code]",
     "eval code", "<eval>", "unknown"}
)  # fmt: skip
_SCRIPTS = frozenset({"js", "mjs", "cjs", "jsx", "ts", "tsx", "mts", "cts", "vue", "svelte", "wasm", "bundle"})
_TOKENS = re.compile(r"([.\-_~]+)")
_EXTENSION = re.compile(r"^[a-z][a-z0-9]{0,9}$")
# Classes that a framework makes while the program runs, and their numbers.
_GENERATED = re.compile(
    r"\$\$(?:Enhancer|FastClass)By\w*\$\$[0-9a-f]+|\$\$SpringCGLIB\$\$\d+|(?<=CGLIB\$\$)[0-9a-f]+(?:_\d+)?"
    r"|_?\$\$_?(?:javassist|jvst)\w*|\$\$Lambda(?:\$|/)?[\w/+]*|\$HibernateProxy\$\w+|\$MockitoMock\$\w+"
    r"|\$ByteBuddy\$\w+|\$\$anon\$\d+|(?<=Accessor)\d+|(?<=\$Proxy)\d+|(?<=jdk\.proxy)\d+|(?<=\bproxy)\d+(?=\.\$)"
    r"|(?<=\$fn__)\d+|(?<=_Proxy)\d+|_Accessor_\d+|\$\d+(?=$|[.$])|(?<=\$eval)\d+|__cglib\w*",
)
# What the C# compiler puts around a lambda, an iterator or an async method; what it is made of is the name to keep.
_MADE_BY_CSHARP = re.compile(r"[+/.]<(\w*)>[a-z]__?\w*|[+/.]<>c(?:__DisplayClass\w+)?")
_ARITY = re.compile(r"`\d+(?:\[\[.*?\]\])?")


def _hash_like(token: str) -> bool:
    """Whether a bundler made this part of a file name: a content hash in hex, base 36 or base 64."""
    if token.isdigit():
        return True
    digits = any(char.isdigit() for char in token)
    if len(token) >= 6 and not token.lower().strip("0123456789abcdef"):
        return digits or len(token) >= 8
    if len(token) < 8 or not token.isalnum():
        return False
    if token.isupper():
        return True
    turns = sum(one.islower() != other.islower() or one.isdigit() != other.isdigit()
                for one, other in pairwise(token))  # fmt: skip
    return (digits and turns >= 2) or turns >= 5


def _file_place(path: str) -> str:
    """The last part of a path or URL, lower case, without query, line and content hash; a page is no place."""
    is_url = "://" in path or path.startswith(("blob:", "data:"))
    path = path.split("?", 1)[0].split("#", 1)[0] if is_url or "?" in path else path
    base = re.sub(r"(?::\d+){1,2}\)?$", "", path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1])
    base = re.sub(r"\(\d+\) : .*$", "", base).strip()  # PHP: `a.php(12) : eval()'d code`
    base = re.sub(r"^<ipython-input-.*>$", "<ipython-input>", base)
    if base in _NO_PLACE or path.startswith(("blob:", "data:")):
        return ""
    stem, dot, extension = base.rpartition(".")
    if not dot or not _EXTENSION.match(extension.lower()):
        return "" if is_url else base.lower()
    if extension.lower() in _SCRIPTS:
        return f"{_bundle_stem(stem)}.{extension}".lower()
    if is_url and extension.lower() not in ("py", "rb", "php", "java", "cs", "dart", "go"):
        return ""  # https://shop.example/orders/12 or /index.html: the page's own script
    return f"{'<number>' if stem.isdigit() else stem}.{extension}".lower()


def _bundle_stem(stem: str) -> str:
    tail = stem[-9:]
    if len(stem) > 9 and tail[0] in ".-" and _hash_like(re.sub(r"[-_]", "0", tail[1:])):
        stem = stem[:-9]  # base 64 has dashes of its own
    parts = _TOKENS.split(stem)
    kept = parts[0] if not _hash_like(parts[0]) else "<hash>"
    for joint, token in zip(parts[1::2], parts[2::2], strict=True):
        kept += "" if _hash_like(token) else joint + token
    return kept


def _module_place(module: str) -> str:
    if "/" in module and ("://" in module or module.startswith(("/", "./", "../")) or module.endswith((".js", ".ts"))):
        return _file_place(module)  # an SDK that takes a path for a module
    if "$" in module or "Accessor" in module or "_Proxy" in module or "proxy" in module:
        module = _GENERATED.sub("", module)
    if "<" in module or "`" in module:
        module = _ARITY.sub("", _MADE_BY_CSHARP.sub("", module))
    return module


# --- functions --------------------------------------------------------------------------------------------------------

_NO_FUNCTION = frozenset(
    {"", "?", "<anonymous>", "<anonymous function>", "anonymous function", "anonymous", "(anonymous)", "{anonymous}",
     "<unknown>", "<redacted>", "[native code]", "native", "eval", "eval code", "global code", "module code",
     "<unknown function>", "object.<anonymous>", "<anonymous closure>", "(anonymous function)", "unknown"}
)  # fmt: skip
# Python 3.12 has no such frames any more: they never count, so that its upgrade splits nothing.
_NO_FRAME = frozenset({"<listcomp>", "<dictcomp>", "<setcomp>"})
_REWRITES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # Ruby
        (r"^(?:(?:block|rescue|ensure)(?: \(\d+ levels?\))? in )+", ""),
        (r"__{1,2}\d{3,}(?:_\d+)*$", ""),
        # PHP
        (r"\{closure:(.*?):\d+\}", r"\1.{closure}"),
        (r"^(class|[\w\\]+)@anonymous.*?(?:::(?=[^:]*$)|$)", r"\1@anonymous::"),
        # What C# makes of the lambdas, async parts and local functions of a method: `<Settle>b__5_0`
        (r"<(\w+)>g__(\w+)\|[\d_]+", r"\1.\2"),
        (r"(?:<>c(?:__DisplayClass[\d_]+)?[.+:]{1,2})?<(\w+)>[a-z]__[\d_]*(?:\.MoveNext)?", r"\1"),
        # Java, Kotlin, Scala, Clojure
        (r"^lambda\$(\w+)\$\d+$", r"\1.lambda"),
        (r"^lambda\$\w*\d+$|^\$anonfun\$?\d*$", "lambda"),
        (r"\$anonfun\$(\w+)\$\d+$", r"\1.lambda"),
        (r"^(access\$)\d+$", r"\1"),
        # Go
        (r"\(\*?([\w.]+?)(?:\[[^\]]*\])?\)\.", r"\1."),
        (r"(?:\.(?:func|gowrap|deferwrap)\d+(?:\.\d+)*)+(?=$|\.)", ".func"),
        (r"^(?:func|gowrap|deferwrap)\d+(?:\.\d+)*$", "func"),
        (r"-fm$", ""),
        # Rust, Swift, Elixir, Erlang
        (r"::h[0-9a-f]{16}$", ""),
        (r"^<([\w:]+)(?:<.*>)? as .*?>::", r"\1::"),
        (r"::(?:\{\{closure\}\}|\{closure#\d+\})", ""),
        (r"^(?:(?:implicit )?closure #\d+ (?:\([^)]*\) (?:-> \S+ )?)?in )+", ""),
        (r"^anonymous fn/\d+ in ", ""),
        (r"^-(.+)/(\d+)-(?:fun|lc|\w+)[-$^\d/]*-?$", r"\1/\2"),
        # Python
        (r"<locals>\.", ""),
        (r"<lambda>$", "lambda"),
        # JavaScript
        (r" \[as [^\]]*\]$", ""),
        (r"^(?:async |new |bound |get |set |static |\*)+", ""),
        (r"(?:/(?:[\w.]*<)*)+$", ""),  # Firefox: `settle/<`
        (r"^(?:Object|Module|module|exports|module\.exports|global|window|globalThis|Function|_this|this)\.(?=.)", ""),
        # Whatever a compiler counted up
        (r"\$\d+$", ""),
        (r"(?:@0x|@|0x)[0-9a-f]{6,}$", ""),
    )
)
_WHOLE_ANGLE = re.compile(r"^<[\w :.$()#'-]+>$")
_OPERATOR = re.compile(r"\boperator\s*\W")


def _without(text: str, opening: str, closing: str) -> str:
    """The text without what stands in these brackets, however deep; an unbalanced one is left as it is."""
    kept: list[str] = []
    depth = 0
    for char in text:
        if char == opening:
            depth += 1
        elif char == closing and depth:
            depth -= 1
        elif not depth:
            kept.append(char)
    return "".join(kept) if not depth else text


def _signature_cut(name: str) -> str:
    """C++, C#, Rust, Swift, Go: the name without template and type parameters, arguments and return type."""
    if name.startswith(("-[", "+[")) or _OPERATOR.search(name) or _WHOLE_ANGLE.match(name):
        return name  # Objective-C, operators, `<init>` and `<module>`
    name = name.replace("(anonymous namespace)::", "")
    if "::" not in name and "(" not in name and "[" not in name and "<" not in name:
        return name
    bare = _without(_without(_without(_ARITY.sub("", name), "(", ")"), "[", "]"), "<", ">")
    bare = re.sub(r"\s+(?:const|volatile|noexcept|&&?)+$", "", bare.replace("->", "").strip()).strip(":. ")
    return bare.rsplit(" ", 1)[-1] or name


def _function(name: str, *, browser: bool) -> str:
    name = name.strip()
    if name.lower() in _NO_FUNCTION:
        return ""
    if not (name.isidentifier() and name.isascii() and not name[-1].isdigit()):
        for pattern, replacement in _REWRITES:
            name = pattern.sub(replacement, name)
        name = _signature_cut(name)
    if browser:
        # Chrome says `Cart.settle` where Firefox says `settle`; a name of one or two letters is a minifier's.
        name = name.rsplit(".", 1)[-1]
        if len(name) <= 2:
            return ""
    return "" if name.lower() in _NO_FUNCTION else name


# --- both -------------------------------------------------------------------------------------------------------------


def _named(place: str, is_module: bool, function: str, browser: bool) -> tuple[str, str]:
    if function in _NO_FRAME or place in ("[native code]", "native code"):
        return "", ""
    where = _module_place(place) if is_module else _file_place(place)
    if is_module and "<" in place and function == "MoveNext" and (made := _MADE_BY_CSHARP.search(place)) and made[1]:
        function = made[1]  # the method that a C# state machine was made of
    return where, _function(function, browser=browser)


def frame_name(*, module: str | None, filename: str | None, function: str | None, browser: bool) -> tuple[str, str]:
    """(place, function), each empty where it says nothing. `browser`: the function's names are a browser's."""
    place = module if module and module not in _NO_PLACE else filename or ""
    return _named(place[-MAX_NAME:], place is module, (function or "")[:MAX_NAME], browser)


def _key(place: str, is_module: bool, function: str, browser: bool) -> str:
    where, what = _named(place, is_module, function, browser)
    return f"{where}:{what}" if where or what else ""


_key_cached = lru_cache(_CACHED)(_key)


def frame_key(module: str | None, filename: str | None, function: str | None, browser: bool) -> str:
    """`place:function` as it goes into the hash; empty for a frame that says nothing. Positional: on the hot path."""
    is_module = bool(module) and module not in _NO_PLACE
    place = (module if is_module else filename) or ""
    function = function or ""
    if len(place) + len(function) > MAX_NAME:  # the cache is bounded in bytes too
        return _key(place[-MAX_NAME:], is_module, function[:MAX_NAME], browser)
    return _key_cached(place, is_module, function, browser)


@lru_cache(_CACHED // 16)
def _type_cached(name: str) -> str:
    return _ARITY.sub("", _GENERATED.sub("", name))


def type_name(name: str) -> str:
    """An exception's type without what a framework or a compiler added."""
    if name.isidentifier() or len(name) > MAX_NAME:
        return name[:MAX_NAME]
    return _type_cached(name)
