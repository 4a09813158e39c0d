#!/usr/bin/python3
"""What the loader must ask of captions, by the rules of runtime/data/mlm.c and
with a Philox of our own: rows for the tables of tests/unit/mlm.c.

A vocabulary of 40 entries whose first five are special; rows of 12 ids
2 5 6 .. 13 3 0; seed 5, epoch 3.  Five pictures with 1 to 5 sentences, two
sentences a sample; seed 9, epoch 2."""
import zlib

M = 0xFFFFFFFF


def philox(seed, counter):
    c, k = list(counter), [seed & M, seed >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ k[0], b & M, a >> 32 ^ c[3] ^ k[1], a & M]
        k = [(k[0] + 0x9E3779B9) & M, (k[1] + 0xBB67AE85) & M]
    return c


def word(seed, site, t, i):
    return philox(seed, (i // 4, 0, zlib.crc32(site.encode()), t))[i % 4]


def uniform(seed, site, t, i):
    return (word(seed, site, t, i) >> 8) / 2**24


def below(seed, site, t, i, n):
    return word(seed, site, t, i) * n >> 32


def mlm(seed, epoch, n, ids, entries):
    shown, labels = list(ids), [-100] * len(ids)
    for i, was in enumerate(ids):
        at = n * len(ids) + i
        if was < 5 or uniform(seed, "feed.mlm", epoch, at) >= 0.15:
            continue
        labels[i] = was
        u = uniform(seed, "feed.mlm_kind", epoch, at)
        if u < 0.8:
            shown[i] = 4
        elif u < 0.9:
            shown[i] = below(seed, "feed.mlm_word", epoch, at, entries)
    return shown, labels


def itm(seed, epoch, n, picture, own, first, count):
    if uniform(seed, "feed.itm", epoch, n) >= 0.5:
        return own
    pictures = len(count)
    other = (picture + 1 +
             below(seed, "feed.other", epoch, n, pictures - 1)) % pictures
    return first[other] + below(seed, "feed.caption", epoch, n, count[other])


def main():
    ids = [2] + list(range(5, 14)) + [3, 0]
    for n in (103, 105, 106):
        shown, labels = mlm(5, 3, n, ids, 40)
        print("{{%s}," % ", ".join(map(str, shown)))
        print(" {%s}}," % ", ".join(map(str, labels)))
    count = [1, 2, 3, 4, 5]
    first = [sum(count[:p]) for p in range(5)]
    print(", ".join(str(itm(9, 2, s * 2 + k, s % 5, first[s % 5], first, count))
                    for s in range(12) for k in range(2)))


if __name__ == "__main__":
    main()
