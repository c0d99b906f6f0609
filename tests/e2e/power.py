"""What a disk may hold when the power fails: made of a recording of all that a daemon asked of it (power_shim.c).

Promised is only what POSIX promises. Bytes are on the disk once a sync of their file has returned that began behind their write, or the write itself
where its descriptor is one of O_DSYNC; a name (of a file or a directory, new, other or gone) once its directory is synced. Of all else any part may be
there, in any order, 512 bytes at a time; of a name either the one or the other, and a rename as a whole. What a file's sync does beside on the file
systems of the day (its name, an order of names) is not relied upon.

A class of syncs can be left out of a recording, as if the program did without: the laws must see that.
"""
import bisect
import os
import struct

HEAD = struct.Struct("<IBBHQQQQII")
MAGIC = 0x5052544D
CREATE, WRITE, SYNC_BEGIN, SYNC_END, RESIZE, RENAME, LINK, UNLINK, MAKE_DIRECTORY, SEND, NOTE = range(1, 12)
ZEROS, OWN = 1, 2
SECTOR = 512
NOTHING = bytes(SECTOR)
NEVER = float("inf")
VOLATILE = ("lock", "lock.mdb")  # of no use to the next start, which makes them anew


def note(path, text):
    """Into the recording, between what the daemon does."""
    data = text.encode()
    with open(path, "ab", buffering=0) as f:
        f.write(HEAD.pack(MAGIC, NOTE, 0, 0, 0, 0, 0, 0, len(data), 0) + data)


class Record:
    __slots__ = ("kind", "flags", "inode", "at", "size", "token", "text", "data")

    def __init__(self, fields, text, data):
        _, self.kind, self.flags, _, self.inode, self.at, self.size, self.token, _, _ = fields
        self.text, self.data = text, data


def read(path):
    with open(path, "rb") as f:
        raw = f.read()
    records, at = [], 0
    while at < len(raw):
        fields = HEAD.unpack_from(raw, at)
        assert fields[0] == MAGIC, f"the recording is broken at byte {at}"
        text_at = at + HEAD.size
        data_at = text_at + fields[3]
        at = data_at + fields[8]
        records.append(Record(fields, raw[text_at:data_at].decode(), raw[data_at:at]))
    return records


class Write:
    """A write, or another size; once `durable` (the index of a record) it is on the disk."""
    __slots__ = ("index", "at", "data", "size", "token", "durable")

    def __init__(self, index, at, data, size, token):
        self.index, self.at, self.data, self.size, self.token, self.durable = index, at, data, size, token, NEVER


class Content:
    """Sectors by number; one that is not there is zeros."""

    def __init__(self):
        self.sectors, self.size = {}, 0

    def copy(self):
        other = Content()
        other.sectors, other.size = dict(self.sectors), self.size
        return other

    def change(self, write):
        """The sectors that it touches become others; their numbers."""
        if write.data is None and write.at is None:  # another size
            touched = [number for number in self.sectors if number >= write.size // SECTOR]
            for number in touched:
                keep = max(0, write.size - number * SECTOR)
                self.sectors[number] = self.sectors[number][:keep].ljust(SECTOR, b"\0")
            self.size = write.size
            return touched
        self.size = max(self.size, write.at + write.size)
        if write.data is None:
            touched = [number for number in self.sectors if write.at <= number * SECTOR < write.at + write.size]
            for number in touched:
                self.sectors[number] = NOTHING
            return touched
        touched, done = [], 0
        while done < write.size:
            number, begin = divmod(write.at + done, SECTOR)
            part = write.data[done:done + SECTOR - begin]
            if len(part) < SECTOR:
                old = self.sectors.get(number, NOTHING)
                part = old[:begin] + part + old[begin + len(part):]
            self.sectors[number] = part
            touched.append(number)
            done += SECTOR - begin
        return touched


def settle(unsynced, index, is_synced):
    """Some of them are on the disk from that record on; the others."""
    left = []
    for one in unsynced:
        if is_synced(one):
            one.durable = index
        else:
            left.append(one)
    return left


class File:
    """What was written to it, in order; the first `settled` writes are on the disk and in `base`."""

    def __init__(self):
        self.writes, self.unsynced, self.settled, self.base = [], [], 0, Content()

    def add(self, write):
        self.writes.append(write)
        self.unsynced.append(write)

    def synced(self, begun, index, token=None):
        self.unsynced = settle(self.unsynced, index, lambda write: write.token == token if token else write.index < begun)

    def content(self, at, keep):
        """When the power fails at that record. `keep` chooses of the versions of a sector, or of the size, from the first that may be there on."""
        while self.settled < len(self.writes) and self.writes[self.settled].durable < at:
            self.base.change(self.writes[self.settled])
            self.settled += 1
        last = bisect.bisect_left(self.writes, at, key=lambda write: write.index)
        if self.settled >= last:
            return self.base
        full, sectors, sizes = self.base.copy(), {}, [(None, self.base.size)]
        for write in self.writes[self.settled:last]:
            before = dict.fromkeys(self.touched(full, write))
            for number in before:
                before[number] = full.sectors.get(number, NOTHING)
            for number in full.change(write):
                known = sectors.setdefault(number, [(None, before.get(number, NOTHING))])
                if write.durable < at:
                    known.clear()
                known.append((write, full.sectors[number]))
            if write.durable < at:
                sizes.clear()
            sizes.append((write, full.size))
        found = self.base.copy()
        found.size = keep(self, sizes)
        for number, versions in sectors.items():
            found.sectors[number] = keep(self, versions)
        return found

    @staticmethod
    def touched(content, write):
        if write.data is None:
            return [number for number in content.sectors if (write.at or write.size) // SECTOR <= number]
        return range(write.at // SECTOR, (write.at + write.size - 1) // SECTOR + 1)


class Naming:
    """A change of names in one directory: name → file, directory or None."""
    __slots__ = ("index", "names", "durable")

    def __init__(self, index, names):
        self.index, self.names, self.durable = index, names, NEVER


class Directory:
    def __init__(self):
        self.now, self.changes, self.unsynced = {}, [], []

    def add(self, index, names):
        self.changes.append(Naming(index, names))
        self.unsynced.append(self.changes[-1])
        self.now.update(names)

    def synced(self, begun, index, _):
        self.unsynced = settle(self.unsynced, index, lambda change: change.index < begun)

    def names(self, at, keep):
        found = {}
        for change in self.changes:
            if change.index < at and (change.durable < at or keep(self, change)):
                found.update(change.names)
        return {name: node for name, node in found.items() if node is not None}


class Disk:
    """All of a recording. `left_out(path, is_directory, is_own)`: a sync that is not done."""

    def __init__(self, root, records, left_out=None):
        self.root, self.top, self.end = root, Directory(), len(records)
        self.inodes, self.begun = {os.stat(root).st_ino: (self.top, root)}, {}
        self.sends, self.notes, self.names_at, self.renamed = [], [], [], []
        self.left = []  # the syncs that are not done
        self.left_out = left_out or (lambda path, is_directory, is_own: False)
        for index, record in enumerate(records):
            self.take(index, record)

    def find(self, path):
        node = self.top
        for name in os.path.relpath(path, self.root).split(os.sep):
            node = node if name == "." else node.now[name]
        return node

    def rename(self, index, old, new, is_link):
        node = self.find(old)
        if not is_link:
            assert os.path.dirname(old) == os.path.dirname(new), ("a rename from one directory to another is not tried", old, new)
        gone = {} if is_link else {os.path.basename(old): None}
        self.find(os.path.dirname(new)).add(index, {**gone, os.path.basename(new): node})
        self.names_at.append(index)
        self.renamed.append((index, new))
        self.moved(old, new)

    def moved(self, old, new):
        """Paths are for those who choose syncs to leave out."""
        for inode, (node, path) in self.inodes.items():
            if path == old or path.startswith(old + "/"):
                self.inodes[inode] = node, new + path[len(old):]

    def take(self, index, record):
        kind, known = record.kind, self.inodes.get(record.inode)
        if kind in (CREATE, MAKE_DIRECTORY):
            node = File() if kind == CREATE else Directory()
            self.inodes[record.inode] = node, record.text
            self.find(os.path.dirname(record.text)).add(index, {os.path.basename(record.text): node})
            self.names_at.append(index)
        elif kind in (RENAME, LINK):
            self.rename(index, *record.text.split("\n"), kind == LINK)
        elif kind == UNLINK:
            self.find(os.path.dirname(record.text)).add(index, {os.path.basename(record.text): None})
            self.names_at.append(index)
        elif kind == WRITE and known:
            known[0].add(Write(index, record.at, None if record.flags & ZEROS else record.data, record.size, record.token))
        elif kind == RESIZE and known:
            known[0].add(Write(index, None, None, record.size, 0))
        elif kind == SYNC_BEGIN:
            self.begun[record.token] = index
        elif kind == SYNC_END and known:
            self.synced(index, record, *known)
        elif kind == SEND:
            self.sends.append((index, record.at))
        elif kind == NOTE:
            self.notes.append((index, record.data.decode()))

    def synced(self, index, record, node, path):
        is_own = bool(record.flags & OWN)
        if self.left_out(path, isinstance(node, Directory), is_own):
            self.left.append(index)
        else:
            node.synced(None if is_own else self.begun[record.token], index, record.token if is_own else None)

    # ---- what is on the disk ----

    def walk(self, at, keep, node=None, path="", contents=None):
        """Each directory (None) and file (its content) with its path."""
        contents = {} if contents is None else contents
        for name, below in (node or self.top).names(at, keep).items():
            inner = os.path.join(path, name)
            if isinstance(below, Directory):
                yield inner, None
                yield from self.walk(at, keep, below, inner, contents)
                continue
            if below not in contents:  # it may have several names
                contents[below] = below.content(at, keep)
            yield inner, contents[below]

    def make(self, at, keep, target):
        """Such a disk, below that directory. Moments have to come in their order."""
        for path, content in self.walk(at, keep):
            full = os.path.join(target, path)
            if content is None:
                os.mkdir(full, 0o700)
                continue
            fd = os.open(full, os.O_WRONLY | os.O_CREAT, 0o600)
            for number, data in runs(content):
                os.pwrite(fd, data, number * SECTOR)
            os.ftruncate(fd, content.size)
            os.close(fd)

    def never_synced(self):
        """Names that were given, and of which nobody made sure."""
        left = []
        for node, path in self.inodes.values():
            if isinstance(node, Directory):
                left += [os.path.join(path, name) for change in node.unsynced for name, below in change.names.items()
                         if below is not None and node.now.get(name) is below and name not in VOLATILE]
        return sorted(os.path.relpath(path, self.root) for path in left)


def runs(content):
    """Neighbours as one piece, zeros left out."""
    begin, pieces = None, []
    for number in sorted(content.sectors):
        data = content.sectors[number]
        if data == NOTHING or number * SECTOR >= content.size:
            continue
        if begin is None or number != begin + len(pieces):
            if pieces:
                yield begin, b"".join(pieces)
            begin, pieces = number, []
        pieces.append(data)
    if pieces:
        yield begin, b"".join(pieces)


# ---- what is kept ----

def first(_, versions):
    return versions[0][1]


def chooser(rng, how):
    """Which of what is not synced is there: a function for bytes and names."""
    share = rng.choice((0.1, 0.5, 0.9))
    cut, coins = rng.random(), {}

    def coin(key):
        if key not in coins:
            coins[key] = rng.random() < share
        return coins[key]

    def keep(node, what):
        if isinstance(what, Naming):
            return {"nothing": False, "all": True, "bytes": False, "names": coin(what), "files": coin(node)}.get(how, coin(what))
        if how in ("nothing", "names"):
            return first(node, what)
        if how in ("all", "bytes"):
            return what[-1][1]
        if how == "files":
            return what[-1][1] if coin(node) else what[0][1]
        if how == "writes":
            return next((version for write, version in reversed(what) if write is None or coin(write)), what[0][1])
        return rng.choice(what)[1] if rng.random() < max(share, cut) else what[0][1]
    return keep


WAYS = ("nothing", "nothing", "sectors", "sectors", "sectors", "writes", "files", "names", "bytes", "all")


def moments(rng, disk, count, first_at=0):
    """Records at which the power fails, in order, and how: many behind an answer or a name."""
    answers = [index + 1 for index, _ in disk.sends if index >= first_at]
    names = [index + 1 for index in disk.names_at if index >= first_at]
    found = []
    for _ in range(count):
        kind = rng.random()
        if kind < 0.35 and answers:
            at = rng.choice(answers)
        elif kind < 0.6 and names:
            at = rng.choice(names) + rng.randrange(4)
        else:
            at = rng.randrange(first_at, disk.end)
        found.append((min(at, disk.end), rng.choice(WAYS), rng.randrange(1 << 32)))
    return sorted(found)


def same_as(disk, target):
    """Where the end of the recording differs from what is really there: [] proves that nothing goes past the recorder."""
    wrong, seen = [], set()
    for path, content in disk.walk(disk.end, lambda node, what: True if isinstance(what, Naming) else what[-1][1]):
        full = os.path.join(target, path)
        seen.add(path)
        if os.path.basename(path) in VOLATILE:
            continue
        if content is None:
            wrong += [] if os.path.isdir(full) else [path]
            continue
        with open(full, "rb") as f:
            data = f.read()
        ours = bytearray(content.size)
        for number, piece in runs(content):
            ours[number * SECTOR:number * SECTOR + len(piece)] = piece
        wrong += [] if bytes(ours[:content.size]) == data else [path]
    for directory, directories, files in os.walk(target):
        for name in directories + files:
            path = os.path.relpath(os.path.join(directory, name), target)
            wrong += [path] if path not in seen and name not in VOLATILE else []
    return wrong
