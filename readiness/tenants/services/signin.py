"""Signing in: how many wrong passwords are too many, and from where."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from math import ceil

from readiness.infra.refusals import RateLimited

WINDOW = timedelta(minutes=15)
PER_EMAIL_AND_SOURCE = 5
PER_SOURCE = 50


@dataclass(frozen=True, slots=True)
class Failure:
    """One judged sign-in that failed within the window."""

    email_hash: str
    at: datetime


def email_hash(*, email: str, secret: str) -> str:
    """HMAC-SHA256 under the installation's key: attempts can be counted, and say nothing of who was tried."""
    return hmac.digest(secret.encode(), b"login:" + email.strip().lower().encode(), "sha256").hex()


def signin_permitted(
    *, email_hash: str, failures: Sequence[Failure], last_success: datetime | None, now: datetime
) -> None:
    """Raises RateLimited (with Retry-After) when this source has failed too often; `failures` are all of its own.

    5 failures for one e-mail from one source since it last signed in, or 50 from one source, within 15 minutes. The
    message says when the oldest that counts leaves the window. Refused attempts do not count, so waiting helps.
    """
    recent = sorted((f for f in failures if f.at > now - WINDOW), key=lambda f: f.at, reverse=True)
    same = [f for f in recent if f.email_hash == email_hash and (last_success is None or f.at > last_success)]
    waits = [
        counted[limit - 1].at + WINDOW - now
        for counted, limit in ((same, PER_EMAIL_AND_SOURCE), (recent, PER_SOURCE))
        if len(counted) >= limit
    ]
    if waits:
        seconds = max(1, ceil(max(waits).total_seconds()))
        minutes = -(-seconds // 60)
        raise RateLimited(
            f"Too many wrong sign-ins from here. Try again in {minutes} minute{'s' if minutes > 1 else ''}; "
            "if the password is lost, a founder can set a new one in the admin.",
            headers={"Retry-After": str(seconds)},
        )


def signin_source(*, remote: str, forwarded_for: str, proxies: Sequence[IPv4Network | IPv6Network]) -> str:
    """Where a sign-in comes from, as the limits count it: an IPv4 address, or the /64 of an IPv6 one; else "unknown".

    X-Forwarded-For is believed only as far as trusted proxies wrote it: read from the right, the first address that
    is in none of `proxies` is the caller's; anything left of it is the caller's own claim.
    """
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    source = _address(remote)
    while source is not None and hops and any(source in network for network in proxies):
        source = _address(hops.pop())
    if source is None:
        return "unknown"
    if isinstance(source, IPv6Address):
        return str(ip_network((source, 64), strict=False).network_address)
    return str(source)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
