"""The page tags of the console: `{% load console %}`.

Status is always a word in a pill, a time is always relative with the exact UTC time on hover, and a navigation entry
shows only when its page exists in this installation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django import template
from django.core.paginator import Page, Paginator
from django.db.models import Model
from django.http import HttpRequest
from django.template import Context
from django.urls import NoReverseMatch, reverse
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

from readiness.infra.clock import isoz, utcnow

register = template.Library()

PILL_KINDS = ("pass", "warn", "fail", "info", "neutral")
MESSAGE_KINDS = {"success": "pass", "warning": "warn", "error": "fail"}
# Each unit is used from `from_seconds` on: 90 minutes are "1 hour", 36 hours "1 day".
UNITS = (
    (365 * 86_400, "year"),
    (30 * 86_400, "month"),
    (86_400, "day"),
    (3_600, "hour"),
    (60, "minute"),
    (1, "second"),
)


def _amount(seconds: int) -> str:
    """The largest whole unit of `seconds` (>= 1): '5 minutes', '1 day'."""
    size, name = next(unit for unit in UNITS if seconds >= unit[0])
    count = seconds // size
    return f"{count} {name}" if count == 1 else f"{count} {name}s"


def relative_time(moment: datetime, now: datetime) -> str:
    """'5 minutes ago', 'in 3 days', or 'just now' within five seconds either way; both aware."""
    seconds = round((now - moment).total_seconds())
    if abs(seconds) < 5:
        return "just now"
    return f"{_amount(seconds)} ago" if seconds > 0 else f"in {_amount(-seconds)}"


def relative_day(day: date, today: date) -> str:
    """'today', 'yesterday', 'tomorrow', '12 days ago', 'in 3 months': a date has no time of day."""
    days = (today - day).days
    near = {0: "today", 1: "yesterday", -1: "tomorrow"}
    if days in near:
        return near[days]
    span = _amount(abs(days) * 86_400)
    return f"{span} ago" if days > 0 else f"in {span}"


@register.simple_tag
def when(moment: datetime | date | None) -> SafeString | str:
    """A `<time>` element: relative text, exact UTC on hover; a dash for None. Datetimes are aware (ours always are)."""
    if not moment:
        return "—"
    if not isinstance(moment, datetime):
        exact = title = moment.isoformat()
        text = relative_day(moment, utcnow().date())
    else:
        exact = isoz(moment.replace(microsecond=0)) or ""
        title, text = f"{exact[:10]} {exact[11:19]} UTC", relative_time(moment, utcnow())
    return format_html('<time datetime="{}" title="{}">{}</time>', exact, title, text)


@register.simple_tag
def pill(kind: str, text: object) -> SafeString:
    """A word in a status colour; raises ValueError for a kind that the stylesheet does not know."""
    return _pill(kind, conditional_escape(text if isinstance(text, str) else str(text)))


@lru_cache(maxsize=1_000)
def _pill(kind: str, text: SafeString) -> SafeString:
    """The same few words stand in every row of every list."""
    if kind not in PILL_KINDS:
        raise ValueError(f"A pill is one of {', '.join(PILL_KINDS)}; got {kind!r}.")
    return format_html('<span class="pill pill-{}">{}</span>', kind, text)


@register.simple_tag
def duration(seconds: float | timedelta | None) -> str:
    """Seconds as a clock ('12:40' is minutes and seconds), from an hour on '3 h 05 min', from two days on '2 d 3 h'."""
    if seconds is None or seconds == "":
        return "—"
    total = int(seconds.total_seconds() if isinstance(seconds, timedelta) else seconds)
    sign, total = ("−", -total) if total < 0 else ("", total)
    if total < 3_600:
        return f"{sign}{total // 60}:{total % 60:02d}"
    if total < 2 * 86_400:
        return f"{sign}{total // 3_600} h {total % 3_600 // 60:02d} min"
    return f"{sign}{total // 86_400} d {total % 86_400 // 3_600} h"


@register.simple_tag
def lasted(span: timedelta | None) -> str:
    """A length of time in a sentence: '42 s', '9 min', from an hour on as `duration` has it; a dash for None."""
    if span is None:
        return "—"
    seconds = max(0, int(span.total_seconds()))
    if seconds < 3_600:
        return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"
    return duration(span)


@register.simple_tag
def offset(milliseconds: int) -> str:
    """How long after the first: '0', '+12 ms', '+1.24 s', '+2 min 05 s', from an hour on '+3 h 05 min'."""
    if milliseconds < 1_000:
        return f"+{milliseconds} ms" if milliseconds else "0"
    if milliseconds < 60_000:
        return f"+{milliseconds / 1_000:.2f} s"
    seconds = milliseconds // 1_000
    return f"+{seconds // 60} min {seconds % 60:02d} s" if seconds < 3_600 else f"+{duration(seconds)}"


@register.simple_tag
def small_move(target: str, *also: str) -> SafeString:
    """The htmx attributes of a form whose answer replaces the element with the id `target`, and those in `also`, in
    place; without script the form works as it stands. What a view has to do for it: nothing (see base.html).
    """
    beside = ",".join(f"#{name}" for name in also)
    return format_html(
        'hx-boost="true" hx-push-url="false" hx-target="#{0}" hx-select="#{0}" hx-swap="outerHTML"'
        ' hx-select-oob="#messages:innerHTML{1}" hx-sync="this:drop"',
        target,
        f",{beside}" if beside else "",
    )


@register.filter
def message_kind(level_tag: str) -> str:
    """The colour of a Django message's level: success → pass, warning → warn, error → fail, others info."""
    return MESSAGE_KINDS.get(level_tag, "info")


@register.filter
def address(mail: str) -> SafeString:
    """An e-mail address that may break behind its @ and nowhere else."""
    local, at, domain = mail.partition("@")
    return format_html("{}{}<wbr>{}", local, at, domain)


@register.simple_tag
def page_numbers(page_obj: Page[Any]) -> list[int | None]:
    """The page numbers to link around `page_obj`, None where some are left out: 1 … 5 6 7 … 40."""
    paginator: Paginator[Any] = page_obj.paginator
    numbers = paginator.get_elided_page_range(page_obj.number, on_each_side=1, on_ends=1)
    return [number if isinstance(number, int) else None for number in numbers]


@register.simple_tag(takes_context=True)
def admin_url(context: Context, instance: Model) -> str:
    """The admin's page of `instance`, or '' where the reader may not open it or the model is not in the admin."""
    user = getattr(context.get("request"), "user", None)
    if not getattr(user, "is_staff", False):
        return ""
    name = f"admin:{instance._meta.app_label}_{instance._meta.model_name}_change"
    return _url_of(name, instance.pk) or ""


@dataclass(frozen=True, slots=True)
class NavEntry:
    """One line of the sidebar; `current` is the value of aria-current or ''; `count` is None or what stands beside."""

    label: str
    url: str
    current: str
    count: object = None


NAV = (
    (
        "",
        (
            ("Verdict", "home"),
            ("Preflight", "preflight"),
            ("Incidents", "incident-list"),
            ("Lessons", "lesson-list"),
            ("Playbook", "playbook"),
            ("Programs", "program-list"),
            ("Flags", "flag-list"),
            ("Operations", "operations"),
        ),
    ),
    ("Engineering", (("Connect", "connect"), ("Admin", "admin:index"))),
)


def _url_of(name: str, *args: object) -> str | None:
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return None


def nav_current(url: str, path: str) -> str:
    """'page' on the entry's own page, 'true' on a page below it, '' elsewhere; '/' has no pages below it."""
    if path == url:
        return "page"
    return "true" if url != "/" and path.startswith(url) else ""


def _nav_entries(entries: tuple[tuple[str, str], ...], path: str, counts: Mapping[str, object]) -> list[NavEntry]:
    known = [(label, name, _url_of(name)) for label, name in entries]
    return [NavEntry(label, url, nav_current(url, path), counts.get(name)) for label, name, url in known if url]


@register.inclusion_tag("_partials/nav.html", takes_context=True)
def console_nav(context: Context) -> dict[str, object]:
    """The sidebar's groups. `request.nav_counts`, if a middleware or view has set it, maps a url name to its count."""
    request: HttpRequest | None = context.get("request")
    counts: Mapping[str, object] = getattr(request, "nav_counts", None) or {}
    path = request.path if request else ""
    groups = [{"title": title, "entries": _nav_entries(entries, path, counts)} for title, entries in NAV]
    return {"groups": [group for group in groups if group["entries"]]}
