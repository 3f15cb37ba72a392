"""Deletion vectors: reads the portable 64-bit Roaring encoding, by the specification of that format."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator

from .canonical import Refused

WITH_RUNS, WITHOUT_RUNS = 12347, 12346
OFFSETS_FROM = 4  # with runs, fewer containers have no table of offsets


class Bytes:
    """Takes little-endian integers off the front."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def take(self, form: str) -> tuple[int, ...]:
        size = struct.calcsize("<" + form)
        if len(self.data) < size:
            raise Refused("the bitmap is cut off")
        found, self.data = struct.unpack("<" + form, self.data[:size]), self.data[size:]
        return found


def read(text: str) -> list[int]:
    data = Bytes(base64.b64decode(text))
    (keys,) = data.take("Q")
    found = []
    for _ in range(keys):
        (high,) = data.take("I")
        found += [high << 32 | low for low in bitmap(data)]
    if data.data:
        raise Refused("bytes follow the bitmap")
    return found


def bitmap(data: Bytes) -> Iterator[int]:
    (cookie,) = data.take("I")
    runs: set[int] = set()
    if cookie & 0xFFFF == WITH_RUNS:
        count = (cookie >> 16) + 1
        flags = data.take(f"{(count + 7) // 8}B")
        runs = {i for i in range(count) if flags[i // 8] >> i % 8 & 1}
    elif cookie == WITHOUT_RUNS:
        (count,) = data.take("I")
    else:
        raise Refused(f"{cookie} starts no bitmap")
    headers = [data.take("HH") for _ in range(count)]
    if cookie == WITHOUT_RUNS or count >= OFFSETS_FROM:
        data.take(f"{count}I")
    for i, (key, less_one) in enumerate(headers):
        for low in container(data, i in runs, less_one + 1):
            yield key << 16 | low


def container(data: Bytes, runs: bool, cardinality: int) -> Iterator[int]:
    if runs:
        (count,) = data.take("H")
        for _ in range(count):
            start, length = data.take("HH")
            yield from range(start, start + length + 1)
    elif cardinality <= 4096:
        yield from data.take(f"{cardinality}H")
    else:
        for i, word in enumerate(data.take("1024Q")):
            yield from (i * 64 + bit for bit in range(64) if word >> bit & 1)
