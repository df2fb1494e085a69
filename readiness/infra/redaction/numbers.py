"""Numbers that only look like a card, an account or an address: check digits and ranges tell."""

import re
from ipaddress import IPv6Address, ip_network

# Length of an account number by country (ISO 13616 registry, and the partial list of experimental users).
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "AO": 25, "BF": 28, "BJ": 28, "CF": 27, "CG": 27, "CI": 28, "CM": 27, "CV": 25, "DZ": 26, "GA": 27, "GQ": 27,
    "GW": 25, "IR": 26, "KM": 27, "MA": 28, "MG": 27, "ML": 28, "MZ": 25, "NE": 28, "SN": 28, "TD": 27, "TG": 28,
}  # fmt: skip
# Short texts that a rule has matched already: `re` is at home here.
_GROUP = re.compile(r"\d+")
_SSN = re.compile(r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)")
_EMBEDDED = ip_network("64:ff9b::/96")


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO 7812)."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char)
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def card_is(digits: str) -> bool:
    """13 to 19 digits, of a scheme (they start with 2 to 6), with their check digit."""
    return 13 <= len(digits) <= 19 and digits[0] in "23456" and luhn(digits)


def iban_length(text: str) -> int:
    """How many characters at the start of the text are an account number, spaces included; 0: none."""
    wanted = _IBAN_LENGTHS.get(text[:2].upper(), 0)
    plain, end = "", 0
    while end < len(text) and len(plain) < wanted:
        plain += text[end].strip(" -")
        end += 1
    if not wanted or len(plain) != wanted or not plain.isascii():
        return 0
    # The text goes on: `DE89…00x` is something else.
    if text[end : end + 1].isalnum():
        return 0
    moved = plain[4:] + plain[:4]
    return end if int("".join(str(int(char, 36)) for char in moved)) % 97 == 1 else 0


def digits_spans(text: str, *, runs_on: bool) -> list[tuple[int, int]]:
    """Where cards and social security numbers stand in digits with single separators between some of them.

    A card begins and ends where a group of digits does; four groups of four count without their check digit.
    `runs_on`: more digits follow the text.
    """
    groups = [match.span() for match in _GROUP.finditer(text)]
    if runs_on:
        groups = groups[:-1]
    spans: list[tuple[int, int]] = []
    first = 0
    while first < len(groups):
        found = _card_from(text, groups, first)
        if found is None:
            first += 1
            continue
        spans.append((groups[first][0], groups[found][1]))
        first = found + 1
    for match in _SSN.finditer(text):
        if all(match.end() <= start or match.start() >= end for start, end in spans):
            spans.append(match.span())
    return sorted(spans)


def _card_from(text: str, groups: list[tuple[int, int]], first: int) -> int | None:
    """The index of the group that ends a card which begins with group `first`."""
    digits, sizes = "", []
    for last in range(first, len(groups)):
        start, end = groups[last]
        digits += text[start:end]
        sizes.append(end - start)
        if len(digits) > 19 or (len(sizes) > 1 and max(sizes) > 7):
            return None
        if card_is(digits) or (sizes == [4, 4, 4, 4] and digits[0] in "3456"):
            return last
    return None


def ip4_is_personal(text: str) -> bool:
    """An address that may be somebody's: not the machine itself (127.*, 0.*), no netmask or broadcast (255.*)."""
    octets = [int(part) for part in text.split(".")]
    return all(octet <= 255 for octet in octets) and octets[0] not in (0, 127, 255)


def ip6_length(text: str) -> int:
    """How many characters at the start of the text are an IPv6 address; 0: none."""
    plain = text.split("%", 1)[0].rstrip(":.") if not text.endswith("::") else text
    for candidate in (plain, plain + "::" if text.startswith(plain + "::") else plain):
        try:
            address = IPv6Address(candidate)
        except ValueError:
            continue
        if len(candidate.split(":", 1)[0]) == 4 or address in _EMBEDDED:
            zone = text[len(candidate) :]
            return len(text) if zone.startswith("%") else len(candidate)
    return 0
