"""Packed coefficients: read back bit for bit, refused when damaged, and never anything else."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from parlin import PAR
from parlin.packed import Packed, pack, unpack
from tests.fuzz.cases import FloatArray, simpler, text
from tests.fuzz.judge import FOREIGN, WARNING, Finding
from tests.fuzz.penalties import draw_penalty
from tests.fuzz.problems import generator
from tests.fuzz.runs import quietly

ROUND_TRIP = "packed coefficients come back changed"
ACCEPTED = "damaged bytes are accepted"
FORGED = "a forged file gives numbers that pack refuses"
REFUSED_OWN = "pack refuses coefficients and levels that are in order"
DAMAGES = ("none", "flip", "cut", "append", "swap", "forge", "header")


@dataclass(frozen=True, eq=False)
class FileTrial:
    """Coefficients, a penalty, a layout, and a damage drawn from the seed."""

    kind: str
    coef: FloatArray
    levels: FloatArray
    slopes: FloatArray
    dtype: str
    layout: str
    damage: str
    seed: int

    def findings(self, subject: str | None = None) -> list[Finding]:
        """What is wrong with the way to bytes and back, undamaged and damaged."""
        coef = self.coef.astype(self.dtype)
        packed, said, refused, warned = quietly(
            lambda: pack(coef, PAR(self.levels, self.slopes), self.layout)
        )
        found = [Finding(WARNING, "pack", message) for message in warned]
        if said:
            # Levels beyond float32 are refused, and so are coefficients that are not finite there.
            small = self.dtype == "float32" or self.levels.size == 0 or not np.isfinite(coef).all()
            if not refused:
                found.append(Finding(FOREIGN, "pack", said))
            elif not small:
                found.append(Finding(REFUSED_OWN, "pack", said))
            return found
        data = packed.to_bytes()
        back, said, _, warned = quietly(lambda: unpack(Packed.from_bytes(data)))
        found += [Finding(WARNING, "unpack", message) for message in warned]
        if said:
            found.append(Finding(FOREIGN, "unpack", said))
        elif back.dtype != coef.dtype or back.tobytes() != coef.tobytes():
            found.append(Finding(ROUND_TRIP, "unpack", f"{back}"))
        return found + self._damaged(data)

    def _damaged(self, data: bytes) -> list[Finding]:
        damaged = damage(data, self.damage, np.random.default_rng(self.seed))
        if damaged == data:
            return []
        subject = f"unpack, {self.damage}"
        back, said, refused, warned = quietly(lambda: unpack(Packed.from_bytes(damaged)))
        found = [Finding(WARNING, subject, message) for message in warned]
        if said:
            return found if refused else [*found, Finding(FOREIGN, subject, said)]
        if self.damage not in ("forge", "header"):
            return [*found, Finding(ACCEPTED, subject, f"{back}")]
        if not np.isfinite(back).all():
            found.append(Finding(FORGED, subject, f"{back}"))
        return found

    def smaller(self) -> Iterator[FileTrial]:
        """Fewer coefficients and levels, simpler numbers."""
        for j in range(self.coef.size if self.coef.size > 1 else 0):
            yield replace(self, coef=np.delete(self.coef, j))
        for k in range(self.levels.size if self.levels.size > 1 else 0):
            yield replace(self, levels=np.delete(self.levels, k), slopes=np.delete(self.slopes, k))
        for coef in simpler(self.coef):
            yield replace(self, coef=coef)

    def snippet(self, finding: Finding) -> str:
        """The bytes, and what reads them."""
        slopes = np.arange(self.levels.size + 1.0)
        lines = (
            f"c = {text(self.coef)}.astype({self.dtype!r})\n"
            f"data = pack(c, PAR({self.levels.tolist()}, range({slopes.size})), {self.layout!r}).to_bytes()\n"
        )
        coef, penalty = self.coef.astype(self.dtype), PAR(self.levels, slopes)
        packed, said, *_ = quietly(lambda: pack(coef, penalty, self.layout))
        if said:
            return f"{lines}# {said}"
        damaged = damage(packed.to_bytes(), self.damage, np.random.default_rng(self.seed))
        return (
            f"{lines}data = {damaged!r}  # {self.damage}\n"
            f"print(unpack(Packed.from_bytes(data)))  # {finding.detail}"
        )


def damage(data: bytes, how: str, rng: np.random.Generator) -> bytes:
    """The bytes damaged; a forged file has a checksum that is right."""
    changed = bytearray(data)
    place = int(rng.integers(len(changed)))
    if how == "flip":
        for _ in range(int(rng.integers(1, 4))):
            changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
    elif how == "cut":
        del changed[place : place + int(rng.integers(1, 9))]
    elif how == "append":
        changed += rng.bytes(int(rng.integers(1, 9)))
    elif how == "swap":
        other = int(rng.integers(len(changed)))
        changed[place], changed[other] = changed[other], changed[place]
    elif how in ("forge", "header"):
        low, high = (36, len(changed)) if how == "forge" and len(changed) > 36 else (8, 36)
        for _ in range(int(rng.integers(1, 9))):
            changed[int(rng.integers(low, high))] = int(rng.choice([0, 1, 127, 128, 255, rng.integers(256)]))
        changed[4:8] = struct.pack("<I", zlib.crc32(bytes(changed[8:])))
    return bytes(changed)


def file_trial(seed: int) -> FileTrial:
    """The trial of this seed."""
    rng = generator("files", seed)
    with np.errstate(all="ignore"):
        scale = 10.0 ** rng.uniform(-3, 3) if rng.random() < 0.8 else 10.0 ** rng.uniform(-200, 200)
        levels, slopes = draw_penalty(rng, scale, 1.0)
    d = int(rng.integers(1, 40))
    coef = scale * rng.standard_normal(d)
    if levels.size:
        coef = np.where(rng.random(d) < rng.random(), rng.choice(levels, d), coef)
    if rng.random() < 0.1:
        coef = np.where(rng.random(d) < 0.3, rng.choice([-0.0, 5e-324, 1.7e308, -1.7e308], d), coef)
    dtype = str(rng.choice(["float64", "float32"]))
    with np.errstate(all="ignore"):
        coef = coef.astype(dtype).astype(np.float64)
    return FileTrial(
        "files", coef, levels, slopes, dtype, str(rng.choice(["escape", "bitmap"])),
        str(rng.choice(DAMAGES)), seed,
    )  # fmt: skip
