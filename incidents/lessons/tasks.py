"""Tasks of lessons: each fetches and calls one workflow."""

from celery import shared_task

from incidents.lessons.workflows import control_states_refresh


@shared_task(name="lessons.control_states_refresh")
def control_states_refresh_task() -> int:
    """Beat: proven controls without a pass on main within their period turn stale."""
    return control_states_refresh()
