#!/usr/bin/python3
"""Makes a data set as large as they come: annotations of SIZE bytes and a zip
archive of MEMBERS small pictures.

usage: tests/tools/large.py FOLDER [SIZE] [MEMBERS]

Writes train_data_vqa.json (grouped form, 10 answers), train_data_caps.json,
train2014.zip (stored) and vocab.txt.  The captions name the pictures of the
zip; the questions go on as long as there is room, over the same pictures."""
import os
import random
import struct
import sys
import zipfile
import zlib

WORDS = ("what how many is there a red blue green man woman dog cat on in the "
         "of table street sitting standing next to with and left right color "
         "shape sign holding wearing two three white black").split()


def png(seed):
    """A picture of 32 x 40 pixels in one colour."""
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data +
                struct.pack(">I", zlib.crc32(kind + data)))
    row = b"\0" + bytes((seed % 256, seed // 256 % 256, 90)) * 40
    return (b"\x89PNG\r\n\x1a\n" +
            chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 32, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(row * 32)) + chunk(b"IEND", b""))


def sentence(draw):
    return " ".join(draw.choices(WORDS, k=draw.randint(5, 12)))


def name(i):
    return f"COCO_train2014_{i:012d}.png"


def item(i):
    return (f'{{"file_name":"{name(i)}","image_id":{i},"height":32,'
            f'"width":40,')


def write_questions(path, size, members, draw):
    with open(path, "w", encoding="ascii") as f:
        f.write('{"data":[')
        i = number = 0
        while f.tell() < size:
            f.write(",\n" if i else "\n")
            f.write(item(i % members) + '"vqa":[')
            for k in range(5):
                f.write(f'{"," if k else ""}{{"question":"{sentence(draw)}",'
                        f'"question_id":{number},"labels":[{number % 10},'
                        f'{(number + 3) % 10}],"scores":[1.0,0.3]}}')
                number += 1
            f.write("]}")
            i += 1
        f.write('\n],"label2ans":' + str(list("abcdefghij")).replace("'", '"') +
                "}\n")


def write_captions(path, members, draw):
    with open(path, "w", encoding="ascii") as f:
        f.write("[")
        for i in range(members):
            f.write((",\n" if i else "\n") + item(i) + '"labels":[1,2],'
                    '"captions":[' + ",".join(f'"{sentence(draw)}"'
                                              for _ in range(5)) + "]}")
        f.write("\n]\n")


def main():
    folder = sys.argv[1]
    size = int(float(sys.argv[2])) if len(sys.argv) > 2 else 10**9
    members = int(sys.argv[3]) if len(sys.argv) > 3 else 100000
    draw = random.Random(1)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "vocab.txt"), "w", encoding="ascii") as f:
        f.write("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] +
                          WORDS) + "\n")
    with zipfile.ZipFile(os.path.join(folder, "train2014.zip"), "w") as z:
        for i in range(members):
            z.writestr(zipfile.ZipInfo("train2014/" + name(i)), png(i))
    write_captions(os.path.join(folder, "train_data_caps.json"), members, draw)
    write_questions(os.path.join(folder, "train_data_vqa.json"), size, members,
                    draw)


if __name__ == "__main__":
    main()
