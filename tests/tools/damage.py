#!/usr/bin/python3
"""Copies a zip archive of pictures with some of them damaged, each in one of
three ways: not there, half of the picture, a CRC that does not agree.

usage: tests/tools/damage.py FROM.zip TO.zip [NAMES]

Every third one, or those whose names stand in the file NAMES, one a line."""
import struct
import sys
import zipfile


def main():
    names = None
    if len(sys.argv) > 3:
        with open(sys.argv[3], encoding="utf-8") as f:
            names = set(f.read().split())
    bent = []
    kind = 0
    with zipfile.ZipFile(sys.argv[1]) as old, \
            zipfile.ZipFile(sys.argv[2], "w") as new:
        for i, name in enumerate(old.namelist()):
            data = old.read(name)
            if name in names if names is not None else i % 3 == 0:
                kind = (kind + 1) % 3
                if kind == 0:
                    continue
                if kind == 1:
                    data = data[:len(data) // 2]
                else:
                    bent.append(name)
            new.writestr(zipfile.ZipInfo(name), data)
        offsets = {new.getinfo(name).header_offset for name in bent}
    with open(sys.argv[2], "r+b") as f:
        for at in offsets:
            f.seek(at + 26)
            skip = sum(struct.unpack("<HH", f.read(4)))
            f.seek(at + 30 + skip + 40)     # behind the head of the PNG
            byte = f.read(1)[0]
            f.seek(-1, 1)
            f.write(bytes([byte ^ 1]))


if __name__ == "__main__":
    main()
