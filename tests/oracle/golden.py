"""Writes the golden files of the parity case from the oracle.

    golden.py [FOLDER]        FOLDER defaults to this file's

A golden file is text.  `seed N inputs I...` says how the case was made: the
seed, and the input of each micro-batch.  Then each tensor has one line

    tensor NAME COUNT SUM SQUARES MAXIMUM N

(of its elements, of their squares, of their absolute values), followed by N
elements, one to a line: all of them where COUNT <= N, else number i is the one
at place word(i) * COUNT >> 32, with word(i) of site NAME at step 0.
tests/tools/compare.c reads it.
"""
import os
import sys

import numpy as np
import torch

import case

PLACES = 256

# file, case, answers, elements of a tensor
FILES = (('first-13', case.first, 13, PLACES),
         ('steps-13', case.steps, 13, PLACES),
         ('first-3129', case.first, 3129, 0),
         ('steps-3129', case.steps, 3129, 0))
OUTPUTS = ('logits', 'loss', 'score', case.EVAL, case.INFER)


def places(name, count, n):
    if count <= n:
        return np.arange(count)
    return case.words(name, 0, n) * count >> 32


def write_tensor(f, name, a, n):
    """Its line, and n of its elements."""
    a = np.asarray(a, np.float64).reshape(-1)
    x = a[places(name, a.size, n)] if n else a[:0]
    f.write('tensor %s %d %.9g %.9g %.9g %d\n' % (
        name, a.size, a.sum(), (a * a).sum(), np.abs(a).max(), x.size))
    f.writelines('%.7g\n' % v for v in x)


def write_golden(path, inputs, tensors, elements):
    with open(path, 'w') as f:
        f.write('seed %d inputs %s\n' % (
            case.SEED, ' '.join(map(str, inputs))))
        for name, a in tensors.items():
            write_tensor(f, name, a, PLACES if name in OUTPUTS else elements)


def main():
    torch.set_num_threads(2)
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(__file__)
    for name, run, answers, elements in FILES:
        path = os.path.join(folder, name + '.golden')
        write_golden(path, case.INPUT[answers], run(answers), elements)
        print('%s: %d bytes' % (path, os.path.getsize(path)))


if __name__ == '__main__':
    main()
