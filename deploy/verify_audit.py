#!/usr/bin/env python3
"""Verifies a zhamen audit log without zhamen: Python 3.9 or newer, standard library only.

    verify_audit.py DIR [--archive DIR] [--key VKEY] [--checkpoint FILE]... [--witness FILE]
    verify_audit.py --batch < jobs        one JSON object a line: {"dir", "archive", "key", "checkpoints", "witness"}

What is checked, in one pass over the segments (`audit-<20 digits>.jsonl`, or `.jsonl.gz` once sealed):

* each line has the form {"v":1,"seq":N,"prev":"…",…,"hash":"…"}; `hash` is the RFC 9162 leaf hash
  SHA-256(0x00 || entry), where the entry is the line without `,"hash":"…"`; `prev` is the hash before;
* numbers follow each other, except where a `gap` entry gives some up;
* the record of closed segments (`head`) agrees, the roots of the tree included;
* where the first segments were archived, the log begins behind the segment that `base` names: the stored
  tiles stand for the entries before it and must lead to the root that it states. With --archive those
  entries are read instead, and both folders are one log; an archive verifies by itself, too;
* the stored tiles (C2SP tlog-tiles, `tile/<level>/<index>`), full and partial, hold the hashes of that tree;
* every checkpoint (C2SP tlog-checkpoint: the folder's own, --checkpoint, each line of --witness) has the
  root of the Merkle tree (RFC 9162) over as many entries as it says, and with --key is signed by it.

Exit codes: 0 whole; 1 damaged; 2 usage; 3 a checkpoint or witness knows another or a longer log;
4 no log or unreadable; 5 a checkpoint is missing or not signed by the key.

This is the second implementation on purpose: it shares nothing with the first but the written formats.
"""

import argparse
import base64
import gzip
import hashlib
import json
import os
import re
import sys
import zlib

DAMAGED, CONTRADICTED, UNREADABLE, UNSIGNED = 1, 3, 4, 5
LINE_MAX = 1 << 20
SEGMENT = re.compile(r"audit-(\d{20})\.jsonl(\.gz)?")
# The strict form: what JSON would also accept elsewhere (spaces, leading zeroes) is not an entry.
LINE = re.compile(
    rb'(\{"v":1,"seq":(0|[1-9]\d{0,19}),"prev":"([0-9a-f]{64})",.*),"hash":"([0-9a-f]{64})"\}\n?', re.DOTALL
)
GAP = re.compile(rb'\{"v":1,"seq":\d+,"prev":"[0-9a-f]{64}","kind":"gap","first":(\d+),"last":(\d+)')


class Fault(Exception):
    """The first bad place, and the exit code that goes with it."""

    def __init__(self, code, where, what):
        super().__init__(f"{where}: {what}")
        self.code = code


# ── Ed25519 (RFC 8032, section 5.1.7), verification only ────────────────────────────────────────────

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def _x_of(y, sign):
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != sign else x


def _point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    x = _x_of(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def _add(a, b):
    one, two = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    three, four = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = two - one, four - three, four + three, two + one
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _times(scalar, point):
    total = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    return total


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (_x_of(BASE_Y, 0), BASE_Y, 1, _x_of(BASE_Y, 0) * BASE_Y % P)


def ed25519_holds(public, message, signature):
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r = _point(public), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = _times(s, BASE), _add(r, _times(k, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# ── Signed notes and checkpoints (C2SP) ─────────────────────────────────────────────────────────────


def read_key(vkey):
    """name+id+base64(kind || public key) -> (name, id, public key)."""
    name, told, data = vkey.split("+", 2)
    data = base64.b64decode(data, validate=True)
    key_id = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    if len(data) != 33 or data[0] != 1 or key_id.hex() != told:
        raise ValueError("not an Ed25519 verifier key of a log")
    return name, key_id, data[1:]


def read_checkpoint(note, key, where):
    """A signed checkpoint -> (size, root)."""
    try:
        split = note.rindex("\n\n") + 1
        text, signatures = note[:split], note[split + 1 :].split("\n")
        origin, size, root, *extensions = text[:-1].split("\n")
        number, root = int(size), base64.b64decode(root, validate=True)
        good = origin and str(number) == size and number >= 0 and len(root) == 32 and all(extensions)
        good = good and signatures.pop() == "" and signatures
        parsed = [line.split(" ") for line in signatures]
        good = good and all(len(line) == 3 and line[0] == "\u2014" for line in parsed)
        lines = [(name, base64.b64decode(data, validate=True)) for _, name, data in parsed] if good else []
    except (ValueError, IndexError):
        good = False
    if not good:
        raise Fault(UNSIGNED, where, "this is not a checkpoint")
    if key:
        name, key_id, public = key
        if origin != name:
            raise Fault(CONTRADICTED, where, f"the checkpoint is of another log: {origin}")
        if not any(
            who == name and data[:4] == key_id and _remembered(public, text.encode(), data[4:]) for who, data in lines
        ):
            raise Fault(UNSIGNED, where, f"the checkpoint of {number} entries is not signed by the key")
    return number, root


_KNOWN = {}


def _remembered(public, message, signature):
    """Verification in pure Python takes milliseconds; the same checkpoint is often met again."""
    what = (public, message, signature)
    if what not in _KNOWN:
        _KNOWN[what] = ed25519_holds(public, message, signature)
    return _KNOWN[what]


# ── The tree (RFC 9162, section 2.1) ────────────────────────────────────────────────────────────────


class Tree:
    """The roots of the complete subtrees that a growing tree consists of, largest first."""

    def __init__(self):
        self.size, self.roots = 0, []

    def push(self, leaf):
        at = self.size
        while at & 1:
            leaf = hashlib.sha256(b"\x01" + self.roots.pop() + leaf).digest()
            at >>= 1
        self.roots.append(leaf)
        self.size += 1

    def root(self):
        if not self.roots:
            return hashlib.sha256(b"").digest()
        result = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            result = hashlib.sha256(b"\x01" + left + result).digest()
        return result


def _folded(hashes):
    """The root over 256 hashes."""
    row = [hashes[at : at + 32] for at in range(0, len(hashes), 32)]
    while len(row) > 1:
        row = [hashlib.sha256(b"\x01" + row[at] + row[at + 1]).digest() for at in range(0, len(row), 2)]
    return row[0]


class Tiles:
    """The tiles of a growing tree, each held against the files in its place. Those are a copy that can be
    made again, so a missing one is only counted, and one that is cut short counts as missing."""

    def __init__(self, folder):
        # For each level: how many tiles are full, and the hashes of the one that is not.
        self.folder, self.levels, self.missing = folder, [], 0
        self.read = (None, b"")

    def push(self, leaf):
        """Takes the next leaf. The name of a tile that became full and is stored with other hashes, or None."""
        for level in range(8):
            if level == len(self.levels):
                self.levels.append([0, bytearray()])
            index, hashes = self.levels[level]
            hashes += leaf
            if len(hashes) < 256 * 32:
                return None
            self.levels[level] = [index + 1, bytearray()]
            name = self.name(level, index)
            if self.differs(name, hashes):
                return name
            path = os.path.join(self.folder, name)
            self.missing += not (os.path.isfile(path) and os.path.getsize(path) == 256 * 32)
            leaf = _folded(bytes(hashes))
        return None

    def leaf(self, index, size):
        """The hash of an entry as the tiles of a tree of so many entries have it, or None. Reads a tile once."""
        tile = index // 256
        if self.read[0] != tile:
            self.read = (tile, self.stored(tile, min(size - tile * 256, 256)))
        hashes = self.read[1]
        return hashes[index % 256 * 32 :][:32] if hashes else None

    def stored(self, tile, width):
        """The first hashes of a tile of level 0, from the full one or a partial one that has as many."""
        full = os.path.join(self.folder, self.name(0, tile))
        wide = [name for name in names_in(full + ".p") if name.isascii() and name.isdigit() and width <= int(name) < 256]
        for path in [full] + [os.path.join(full + ".p", name) for name in wide]:
            try:
                with open(path, "rb") as source:
                    stored = source.read()
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                continue
            if len(stored) % 32 == 0 and len(stored) >= width * 32 and (path != full or len(stored) == 256 * 32):
                return stored[: width * 32]
        return b""

    def end(self):
        """The name of a tile at the right edge that is stored with other hashes, or None."""
        names = [(self.name(level, index), hashes) for level, (index, hashes) in enumerate(self.levels)]
        return next((name for name, hashes in names if hashes and self.differs(name, hashes)), None)

    @staticmethod
    def name(level, index):
        path, index = f"{index % 1000:03}", index // 1000
        while index:
            path, index = f"x{index % 1000:03}/{path}", index // 1000
        return f"tile/{level}/{path}"

    def differs(self, name, hashes):
        """A partial tile holds the first hashes of the full one, so what both hold must be the same."""
        full = os.path.join(self.folder, name)
        widths = [width for width in names_in(full + ".p") if width.isascii() and width.isdigit()]
        for path in [full] + [os.path.join(full + ".p", width) for width in widths]:
            try:
                with open(path, "rb") as source:
                    stored = source.read(256 * 32)
            except (FileNotFoundError, IsADirectoryError):
                continue
            common = min(len(stored), len(hashes))
            if stored[:common] != hashes[:common]:
                return True
        return False


def names_in(folder):
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


# ── The log ─────────────────────────────────────────────────────────────────────────────────────────


def witnessed(path, key):
    """The checkpoints of a witness file, in its order. An unfinished last line is what a crash leaves."""
    last = 0
    with open(path, "rb") as source:
        for number, line in enumerate(source, 1):
            if not line.endswith(b"\n"):
                return
            where = f"{path}, line {number}"
            try:
                note = json.loads(line)["checkpoint"]
            except (ValueError, KeyError, TypeError):
                raise Fault(UNSIGNED, where, "this is not a checkpoint") from None
            size, root = read_checkpoint(note, key, where)
            if size < last:
                raise Fault(CONTRADICTED, where, f"{size} entries after {last}: the log was cut or set back")
            last = size
            yield size, root, where


def checkpoints(folder, key, files, witness):
    """All checkpoints by size. Those of a witness file can be many, but each is a line."""
    found = []
    own = os.path.join(folder, "checkpoint")
    for path in ([own] if os.path.exists(own) else []) + files:
        try:
            with open(path, encoding="utf-8") as source:
                note = source.read()
        except UnicodeDecodeError:
            raise Fault(UNSIGNED, path, "this is not a checkpoint") from None
        found.append((*read_checkpoint(note, key, path), path))
    if witness:
        found.extend(witnessed(witness, key))
    if key and not found:
        raise Fault(UNSIGNED, folder, "no checkpoint is here, although a key is given to verify one with")
    return sorted(found, key=lambda known: known[0], reverse=True)


def segments(folder):
    """(first number, file name) in order."""
    found = {}
    for name in os.listdir(folder):
        match = SEGMENT.fullmatch(name)
        if match:
            # While a segment is being sealed both forms are there; they say the same.
            number = int(match[1])
            found[number] = min(name, found.get(number, name))
    return sorted(found.items())


def lines_of(path):
    opened = gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb")
    with opened as source:
        while line := source.readline(LINE_MAX + 2):
            yield line


def first_gap(path):
    try:
        line = next(lines_of(path), b"")
    except (OSError, EOFError, zlib.error):
        return None
    gap = GAP.match(line)
    return (int(gap[1]), int(gap[2])) if gap and leaf_of(line) else None


def leaf_of(line):
    """(number, previous hash, hash) of a line that is whole by itself."""
    match = LINE.fullmatch(line)
    if not match or int(match[2]) >= 1 << 64:
        return None
    digest = hashlib.sha256(b"\x00" + match[1] + b"}").digest()
    return (int(match[2]), bytes.fromhex(match[3].decode()), digest) if digest.hex().encode() == match[4] else None


def closed_line(line):
    """A line of `head`: (first number, (last number, its hash, entries so far, root, bytes), whole), or None."""
    try:
        said = json.loads(line)
        name = SEGMENT.fullmatch(said["file"])
        hashes = [bytes.fromhex(said[member]) for member in ("hash", "root")]
        numbers = [said[member] for member in ("last", "size", "bytes")]
        good = name and all(len(one) == 32 for one in hashes) and type(said["whole"]) is bool
        good = good and all(type(number) is int and 0 <= number < 1 << 64 for number in numbers)
    except (ValueError, KeyError, TypeError):
        return None
    last, size, length = numbers if good else (0, 0, 0)
    return (int(name[1]), (last, hashes[0], size, hashes[1], length), said["whole"]) if good else None


def closed_segments(folder):
    """What `head` says of segments that are not written any more, by first number."""
    try:
        with open(os.path.join(folder, "head"), encoding="utf-8") as source:
            text = source.read()
    except (FileNotFoundError, UnicodeDecodeError):
        return {}
    closed = {}
    for line in text.splitlines():
        said = closed_line(line)
        if said is None:
            break
        closed[said[0]] = said
    return closed


def base_of(folder):
    """The last segment before those that the folder keeps, if it names one."""
    try:
        with open(os.path.join(folder, "base"), encoding="utf-8") as source:
            said = closed_line(source.read().rstrip())
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        said = None
    if said is None:
        raise Fault(DAMAGED, folder, "`base` is not a line of `head`")
    return said


class Kept:
    """The segments of a folder, (first number, folder, file name) in order; what it says of closed ones; and
    the segment before them, if they are not the first."""

    def __init__(self, folder):
        # What is moved or deleted meanwhile is in `base` before it goes, so that is read last.
        self.closed = list(closed_segments(folder).values())
        found = [(first, folder, name) for first, name in segments(folder)]
        self.base = base_of(folder)
        here, begin = {first for first, _, _ in found}, self.base[0] if self.base else 0
        self.missing = [said[0] for said in self.closed if said[2] and said[0] > begin and said[0] not in here]
        if found and found[0][0] == 1:
            self.base = None
        if not found and not self.base:
            raise Fault(UNREADABLE, folder, "there is no audit log in this folder")
        if found and found[0][0] != 1 and not self.base:
            raise Fault(DAMAGED, found[0][2], "the first segment does not begin with entry 1")
        # A move that was cut short leaves a segment before the base; the archive has it too.
        self.segments = [one for one in found if not self.base or one[0] > self.base[0]]

    def behind(self, archive):
        """The log behind its archive, as one. What the log's `base` says holds for the archive's last."""
        first = self.segments[0][0] if self.segments else 1 << 64
        self.segments = [one for one in archive.segments if one[0] < first] + self.segments
        self.closed = archive.closed + ([self.base] if self.base else []) + self.closed
        self.base, self.missing = archive.base, archive.missing + self.missing

    def gaps(self):
        """Of each segment the gap that it begins with, and the number from which a later one gives its end up."""
        gaps = [first_gap(os.path.join(folder, name)) for _, folder, name in self.segments]
        until = [min((gap[0] for gap in gaps[at + 1 :] if gap), default=None) for at in range(len(gaps))]
        # In an archive the segment whose gap gives the last one's end up may not have arrived yet.
        last = [said for said in self.closed if self.segments and said[0] == self.segments[-1][0] and not said[2]]
        if last:
            until[-1] = last[-1][1][0] + 1
        return zip(gaps, until)


def verify(folder, key=None, files=(), witness=None, archive=None):
    """Raises the first fault, or says what was found."""
    known = checkpoints(folder, key, list(files), witness)
    kept = Kept(folder)
    if not kept.segments:
        raise Fault(UNREADABLE, folder, "there is no audit log in this folder")
    if archive:
        kept.behind(Kept(archive))
    walk = Walk(folder, known)
    walk.compare("")
    if kept.base:
        walk.begin_behind(kept.base, folder)
    for at, ((first, home, name), (gap, until)) in enumerate(zip(kept.segments, kept.gaps())):
        walk.segment(first, os.path.join(home, name), gap, until, at + 1 == len(kept.segments))
        for said in kept.closed:
            if said[0] == first:
                walk.agree(name, said)
    if walk.known:
        size, _, where = walk.known[0]
        raise Fault(CONTRADICTED, where, f"it knows {size} entries, {walk.size} are here: the log was cut or set back")
    if kept.missing:
        name = f"audit-{kept.missing[0]:020}.jsonl"
        raise Fault(DAMAGED, name, "the record of closed segments knows this one, and it is not here")
    return report(walk, kept)


def report(walk, kept):
    if not walk.tree:
        return f"whole: {walk.size} entries, chain alone, no checkpoint or tile tells of those that expired"
    if name := walk.tiles.end():
        raise Fault(DAMAGED, walk.folder, f"the tile {name} holds other hashes")
    said = f"whole: {walk.size} entries, root {walk.tree.root().hex()}, {walk.agreed} checkpoints agree"
    said += f", {kept.base[1][2]} entries are kept elsewhere; tiles stand for them here" if kept.base else ""
    return said + (f", {walk.tiles.missing} tiles are missing" if walk.tiles.missing else "")


class Walk:
    def __init__(self, folder, known):
        self.folder, self.known = folder, known
        self.seq, self.prev, self.tree, self.tiles = 0, bytes(32), Tree(), Tiles(folder)
        self.size = self.good = self.bytes = self.agreed = 0

    def begin_behind(self, base, folder):
        """Grows the tree over entries that are kept elsewhere from the tiles that stand for them. Not, where
        there is no tile and nothing to compare: an archive whose first entries have expired."""
        last, digest, size, root, _ = base[1]
        if not self.known and not self.agreed and size and self.tiles.leaf(0, size) is None:
            self.tree = None
        for index in range(size if self.tree else 0):
            leaf = self.tiles.leaf(index, size)
            if leaf is None:
                raise Fault(DAMAGED, folder, "the first entries are kept elsewhere, and tiles that stand for them are missing")
            self.grow(leaf, folder)
            self.compare(folder)
        if self.tree and self.tree.root() != root:
            raise Fault(DAMAGED, folder, "the first entries are kept elsewhere, and the tiles that stand for them are wrong")
        self.seq, self.prev, self.size = last, digest, size

    def agree(self, name, said):
        """Holds what was closed against the segment that was walked last."""
        last, digest, size, root, length = said[1]
        agrees = (last, digest, size, length) == (self.seq, self.prev, self.size, self.good)
        if not agrees or (self.tree and root != self.tree.root()):
            raise Fault(DAMAGED, name, "the record of closed segments says otherwise")
        if said[2] and self.good != self.bytes:
            raise Fault(DAMAGED, name, f"the closed segment had {length} bytes and has more")

    def grow(self, leaf, where):
        self.tree.push(leaf)
        if name := self.tiles.push(leaf):
            raise Fault(DAMAGED, where, f"the tile {name} holds other hashes")

    def segment(self, first, path, gap, trusted_until, is_last):
        self.good = self.bytes = 0
        name = os.path.basename(path)
        ended = False
        for number, line in enumerate(lines_of(path), 1):
            self.bytes += len(line)
            ended = ended or trusted_until == self.seq + 1
            if ended:
                continue
            where = f"{name}, line {number}, byte {self.good}, entry {self.seq + 1}"
            if len(line) > LINE_MAX + 1:
                raise Fault(DAMAGED, where, "the line is longer than any entry")
            if not line.endswith(b"\n"):
                if is_last:
                    return
                raise Fault(DAMAGED, where, "the segment ends in the middle of a line")
            self.entry(first, line, number, gap, where)
            self.good += len(line)
            self.compare(where)

    def entry(self, first, line, number, gap, where):
        leaf = leaf_of(line)
        if leaf is None:
            raise Fault(DAMAGED, where, "the line is not an entry, or its hash is not that of its content")
        seq, prev, digest = leaf
        expected = self.seq + 1
        if number == 1 and gap:
            if gap[0] != expected or gap[1] < gap[0] - 1:
                raise Fault(DAMAGED, where, "the entries before this gap are missing")
            expected = gap[1] + 1
        if seq != expected or (number == 1 and seq != first):
            raise Fault(DAMAGED, where, f"entry {seq} stands where entry {expected} belongs")
        if prev != self.prev:
            raise Fault(DAMAGED, where, "the entry does not continue the one before it")
        self.seq, self.prev, self.size = seq, digest, self.size + 1
        if self.tree:
            self.grow(digest, where)

    def compare(self, where):
        while self.tree and self.known and self.known[-1][0] == self.tree.size:
            size, root, source = self.known.pop()
            if root != self.tree.root():
                raise Fault(CONTRADICTED, where or self.folder, f"{source} knows other first {size} entries")
            self.agreed += 1


def outcome(folder, key, files, witness, archive):
    """(exit code, what to say)."""
    try:
        return 0, verify(folder, read_key(key) if key else None, files, witness, archive)
    except Fault as fault:
        return fault.code, str(fault)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        return DAMAGED, f"a sealed segment does not unpack: {error}"
    except OSError as error:
        return UNREADABLE, str(error)


def batch():
    for line in sys.stdin:
        job = json.loads(line)
        code, said = outcome(
            job["dir"], job.get("key"), job.get("checkpoints", []), job.get("witness"), job.get("archive")
        )
        print(json.dumps([code, said]), flush=True)


def main():
    parser = argparse.ArgumentParser(description="Verify a zhamen audit log.")
    parser.add_argument("dir", nargs="?", help="folder of the log; it may be in use")
    parser.add_argument("--key", help="verifier key of the log: name+id+base64")
    parser.add_argument("--checkpoint", action="append", default=[], help="a checkpoint kept elsewhere")
    parser.add_argument("--witness", help="the witness file")
    parser.add_argument("--archive", help="folder that closed segments were moved to")
    parser.add_argument("--batch", action="store_true", help="read jobs from standard input")
    arguments = parser.parse_args()
    if arguments.batch:
        return batch()
    if not arguments.dir:
        parser.error("DIR is missing")
    if arguments.key:
        try:
            read_key(arguments.key)
        except ValueError as error:
            parser.error(str(error))
    code, said = outcome(arguments.dir, arguments.key, arguments.checkpoint, arguments.witness, arguments.archive)
    print(said, file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
