"""Pages: all lessons, and the client for CI."""

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_safe

from incidents.lessons.client import client_source
from incidents.lessons.filters import LessonFilter
from incidents.lessons.store import lessons_counted, lessons_current
from incidents.lessons.workflows import lessons_shown_read

LESSONS_A_PAGE = 25


@require_GET
def lesson_list(request: HttpRequest) -> HttpResponse:
    """What have we learnt, and does a control prove it?"""
    filters = LessonFilter(request.GET, queryset=lessons_current())
    total, proven, waived = lessons_counted(filters.qs)
    paginator = Paginator(filters.qs, LESSONS_A_PAGE)
    paginator.count = total  # counted already, with the proven ones
    page = paginator.get_page(request.GET.get("page"))
    context = {
        "filters": filters,
        "page": page,
        "rows": lessons_shown_read(lessons=list(page.object_list)),
        "filtered": any(value for name, value in request.GET.items() if name != "page"),
        "total": total,
        "proven": proven,
        "waived": waived,
    }
    return render(request, "lessons/lesson_list.html", context)


@login_not_required
@require_safe
def client(request: HttpRequest) -> HttpResponse:
    """The CI client, one file of standard-library Python, as a download."""
    return HttpResponse(
        client_source(),
        content_type="text/x-python; charset=utf-8",
        headers={
            "Content-Disposition": 'attachment; filename="readiness_client.py"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "public, max-age=300",
        },
    )
