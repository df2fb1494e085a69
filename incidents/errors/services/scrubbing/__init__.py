"""Scrubbing an error before anything is derived from it: what comes after never meets a secret.

`events`: a Sentry event, in place; `entries`: a native envelope. `raw_input`: what is dropped, and the secrets that it
tells of; `head`, `frames`, `json_texts`: an event's own texts, its stacks, and its free-form data.
"""

from incidents.errors.services.scrubbing.entries import Entry, entry_scrub
from incidents.errors.services.scrubbing.events import event_scrub
from incidents.errors.services.scrubbing.kept import Cleaned

__all__ = ["Cleaned", "Entry", "entry_scrub", "event_scrub"]
