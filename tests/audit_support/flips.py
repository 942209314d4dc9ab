"""Flips every bit of a log, then cuts each segment at every byte, and asks the Python verifier's walk.
Prints how many changes were found, and each that was not. The walk before the changed line is done once a
line, not once a change; tiles are left out, so that only the entries and the checkpoint can tell."""

import copy
import os
import sys

sys.path.insert(0, os.path.dirname(sys.argv[1]))
import verify_audit as verifier  # noqa: E402

folder, key = sys.argv[2], verifier.read_key(sys.argv[3])
known = verifier.checkpoints(folder, key, [], None)
names = verifier.segments(folder)
texts = [open(os.path.join(folder, name), "rb").read() for _, name in names]


class NoTiles:
    def __init__(self, _folder):
        pass

    def push(self, _leaf):
        return None


verifier.Tiles = NoTiles


def walks_on(state, text, at):
    """Whether the rest of the log, with this text in place of the rest of segment `at`, is taken."""
    walk = verifier.Walk(folder, list(known))
    walk.seq, walk.prev, walk.tree = state.seq, state.prev, copy.deepcopy(state.tree)
    walk.known = [checkpoint for checkpoint in known if checkpoint[0] > walk.tree.size]
    for later in range(at, len(names)):
        first = names[later][0] if later > at else walk.seq + 1
        rest = text if later == at else texts[later]
        verifier.lines_of = lambda _, rest=rest: iter(rest.splitlines(keepends=True))
        walk.segment(first, names[later][1], None, None, later + 1 == len(names))
    return not walk.known


def flips(text, start, end):
    """What the rest of the segment becomes by each change in the line from `start` to `end`."""
    for byte in range(start, end):
        for bit in range(8):
            changed = bytearray(text[start:])
            changed[byte - start] ^= 1 << bit
            yield f"byte {byte} bit {bit}", bytes(changed)


def cuts(text, start, end):
    for length in range(start, end):
        yield f"cut at {length}", text[start:length]


def tried(changes):
    """(found, missed) of all changes of this sort."""
    found = missed = 0
    state = verifier.Walk(folder, [])
    for at, text in enumerate(texts):
        start = 0
        for line in text.split(b"\n")[:-1]:
            end = start + len(line) + 1
            for what, changed in changes(text, start, end):
                try:
                    taken = walks_on(state, changed, at)
                except verifier.Fault:
                    taken = False
                found += not taken
                if taken:
                    missed += 1
                    print(f"missed: {names[at][1]} {what}")
            seq, _, digest = verifier.leaf_of(text[start:end])
            state.seq, state.prev = seq, digest
            state.tree.push(digest)
            start = end
    return found, missed


for sort, changes in (("flips", flips), ("cuts", cuts)):
    print("{} found {} missed {}".format(sort, *tried(changes)))
