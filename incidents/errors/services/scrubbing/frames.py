"""The frames of a stack: encoded a line each, and their texts changed."""

from collections.abc import Iterator

import msgspec
from msgspec import Raw

from incidents.errors.services.scrubbing.json_texts import Change, decoded, texts_change, texts_of
from incidents.errors.services.sentry_events import NOTHING, Frame

MAX_LINE = 500
_FRAME_BYTES = 1_200  # a stack whose frames are larger than this on average has its source lines cut
_encoder = msgspec.json.Encoder()


def stack_encode(frames: list[Frame]) -> bytes:
    """A line for each frame; its source lines are cut where a stack has large ones."""
    for frame in frames:
        if frame.pre_context is not None and len(frame.pre_context) > 5:
            frame.pre_context = frame.pre_context[-5:]
        if frame.post_context is not None and len(frame.post_context) > 5:
            frame.post_context = frame.post_context[:5]
    blob = _encoder.encode_lines(frames)
    if len(blob) > _FRAME_BYTES * len(frames) > 0:
        for frame in frames:
            frame_change(frame, lambda text: text[: 2 * MAX_LINE])
        blob = _encoder.encode_lines(frames)
    return blob


def frame_texts(frame: Frame) -> Iterator[str]:
    yield from filter(None, (frame.module, frame.function, frame.filename, frame.context_line))
    yield from filter(None, frame.pre_context or ())
    yield from filter(None, frame.post_context or ())
    if frame.vars is not NOTHING:
        yield from texts_of(decoded(bytes(frame.vars)))


def frame_change(frame: Frame, change: Change) -> None:
    frame.module = frame.module and change(frame.module)
    frame.function = frame.function and change(frame.function)
    frame.filename = frame.filename and change(frame.filename)
    frame.context_line = frame.context_line and change(frame.context_line)
    frame.pre_context = frame.pre_context and [line and change(line) for line in frame.pre_context]
    frame.post_context = frame.post_context and [line and change(line) for line in frame.post_context]
    if frame.vars is not NOTHING:
        frame.vars = Raw(_encoder.encode(texts_change(decoded(bytes(frame.vars)), change)))


def holds_key_block(frame: Frame) -> bool:
    """A PEM block over several source lines: each of them alone looks like nothing."""
    lines = (frame.context_line, *(frame.pre_context or ()), *(frame.post_context or ()))
    return any(line and ("-----BEGIN " in line or "-----END " in line) for line in lines)
