"""Content encodings, with a bound on what comes out: a decompression bomb costs `limit` bytes and no more."""

import zlib

import brotli
import zstandard

from readiness.infra.refusals import Malformed, TooLarge, UnsupportedMedia

ENCODINGS = "gzip, deflate, br, zstd"
MAX_MEMBERS = 100
_CHUNK = 65_536
_GZIP = b"\x1f\x8b"


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit} bytes once decompressed; send fewer or smaller items.")


def _inflate(raw: bytes, limit: int, window_bits: int) -> bytes:
    stream = zlib.decompressobj(window_bits)
    out = stream.decompress(raw, limit + 1)
    members = 1
    while stream.eof and stream.unused_data[:2] == _GZIP and len(out) <= limit:  # gzip may come in several members
        rest = stream.unused_data
        members += 1
        if members > MAX_MEMBERS:  # each costs a copy of all that follow
            raise Malformed(f"The compressed body has more than {MAX_MEMBERS} members; compress it as one.")
        stream = zlib.decompressobj(window_bits)
        out += stream.decompress(rest, limit + 1 - len(out))
    if len(out) > limit:
        raise _too_large(limit)
    if not stream.eof:
        raise Malformed("The compressed body ends too early; it was cut off on its way.")
    return out


def _deflate(raw: bytes, limit: int) -> bytes:
    try:
        return _inflate(raw, limit, zlib.MAX_WBITS)  # what the name means: a zlib stream
    except zlib.error:
        return _inflate(raw, limit, -zlib.MAX_WBITS)  # what some clients send: bare deflate


def _unbrotli(raw: bytes, limit: int) -> bytes:
    stream = brotli.Decompressor()
    out = bytearray(stream.process(raw, output_buffer_limit=_CHUNK))
    while not stream.is_finished():
        more = stream.process(b"", output_buffer_limit=_CHUNK)
        if not more and stream.can_accept_more_data():
            raise Malformed("The compressed body ends too early; it was cut off on its way.")
        out += more
        if len(out) > limit:
            raise _too_large(limit)
    return bytes(out)


def _unzstd(raw: bytes, limit: int) -> bytes:
    # In small steps: zstd's densest block turns 4 bytes into 128 KB, so a step stays under 8 MB whatever comes.
    stream = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
    out = bytearray()
    for start in range(0, len(raw), 256):
        out += stream.decompress(raw[start : start + 256])
        if len(out) > limit:
            raise _too_large(limit)
        if stream.eof:
            break
    if not stream.eof:
        raise Malformed("The compressed body ends too early; it was cut off on its way.")
    return bytes(out)


def body_decode(*, raw: bytes, encoding: str, limit: int) -> bytes:
    """The body without its Content-Encoding, at most `limit` bytes.

    `""` and charset names that some clients send (`UTF-8`) mean identity. Raises UnsupportedMedia for an unknown
    encoding, Malformed for broken or truncated data, TooLarge beyond the limit.
    """
    name = encoding.strip().lower()
    if name in ("", "identity", "utf-8", "utf8"):
        if len(raw) > limit:
            raise _too_large(limit)
        return raw
    try:
        if name in ("gzip", "x-gzip"):
            return _inflate(raw, limit, 16 + zlib.MAX_WBITS)
        if name == "deflate":
            return _deflate(raw, limit)
        if name == "br":
            return _unbrotli(raw, limit)
        if name == "zstd":
            return _unzstd(raw, limit)
    except (zlib.error, brotli.error, zstandard.ZstdError) as broken:
        raise Malformed(f"The body is not valid {name}: {broken}.") from broken
    raise UnsupportedMedia(f"Content-Encoding {encoding!r} is not understood; use one of {ENCODINGS}, or none.")
