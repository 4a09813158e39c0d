#!/usr/bin/python3
"""One picture, one question at 608x1024: soho-rt beside PyTorch.

    pair.py SOHOC SOHO_RT [ROUNDS]

Both run by turns in one go, on two threads: PyTorch eagerly, with the network
of tests/oracle/soho_ref.py, on OpenBLAS; soho-rt as `bench` does.  Prints the
median of each round, the medians of all, and their ratio; and what the machine
computes per second before and after.  Without OpenBLAS there is no ratio: the
reference BLAS that Debian's PyTorch takes by default is many times slower.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BLAS = '/usr/lib/%s-linux-gnu/openblas-openmp' % os.uname().machine
PHASE, THREADS, STEPS = 'infer@608x1024', 2, 10
VALID, PADDED, TOKENS = (600, 1000), (608, 1024), 16


def restart_with_openblas():
    path = os.environ.get('LD_LIBRARY_PATH', '')
    if BLAS in path.split(':') or not os.path.isdir(BLAS):
        return
    os.environ.update(LD_LIBRARY_PATH=BLAS + (':' + path if path else ''),
                      OMP_NUM_THREADS=str(THREADS))
    os.execv(sys.executable, [sys.executable] + sys.argv)


def blas_of_this_process():
    with open('/proc/self/maps') as f:
        maps = {line.split()[-1] for line in f if 'blas' in line}
    return sorted(m for m in maps if 'libblas' in m or 'libopenblas' in m)


def make_torch():
    """A function that runs PyTorch's inference once."""
    import torch
    sys.path.insert(0, os.path.join(ROOT, 'tests/oracle'))
    import soho_ref
    torch.set_num_threads(THREADS)
    model = soho_ref.seed_weights(soho_ref.SohoVQA(bert_cp=False)).eval()
    image = torch.randint(0, 256, PADDED + (3,), dtype=torch.uint8)
    mean, std = (torch.from_numpy(a) for a in (soho_ref.MEAN, soho_ref.STD))
    ids = torch.randint(1000, 2000, (1, TOKENS))
    mask = torch.ones_like(ids)
    metas = [{'img_shape': VALID, 'pad_shape': PADDED}]

    def run():
        with torch.no_grad():
            x = torch.zeros(PADDED + (3,))
            h, w = VALID
            x[:h, :w] = (image[:h, :w].float() - mean) / std
            x = x.permute(2, 0, 1)[None].contiguous()
            return model(x, metas, ids, mask)
    return run


def time_torch(run):
    """Median of STEPS runs in milliseconds."""
    run()
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def time_soho(soho_rt, plan):
    text = subprocess.run(
        [soho_rt, 'bench', plan, PHASE, '--steps', str(STEPS), '--json'],
        check=True, capture_output=True, text=True).stdout
    return json.loads(text)['ms']


def calibrate(soho_rt):
    subprocess.run([soho_rt, 'calibrate'], check=True)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    restart_with_openblas()
    sohoc, soho_rt = (os.path.abspath(a) for a in sys.argv[1:3])
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    run = make_torch()
    run()
    blas = blas_of_this_process()
    print('BLAS of PyTorch:', ' '.join(blas) or 'none found')
    if not any('openblas' in b for b in blas):
        sys.exit('no ratio without OpenBLAS: apt install libopenblas0-openmp')
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sohoc, 'models/soho_res18.lua', '-o', folder, '--set', 'batch=1',
             '--threads', str(THREADS)],
            check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        plan = os.path.join(folder, 'plan.bin')
        calibrate(soho_rt)
        pairs = []
        for i in range(rounds):
            pairs.append((time_torch(run), time_soho(soho_rt, plan)))
            print('round %d: PyTorch %.1f ms, soho-rt %.1f ms' % (
                i + 1, *pairs[-1]), flush=True)
        calibrate(soho_rt)
        subprocess.run([soho_rt, 'bench', plan, PHASE], check=True)
    torch_ms, soho_ms = (statistics.median(c) for c in zip(*pairs))
    ratio = statistics.median(a / b for a, b in pairs)
    print('%s, batch 1, %d threads: PyTorch %.1f ms, soho-rt %.1f ms, '
          '%.2f times faster (median of %d paired rounds)' % (
              PHASE, THREADS, torch_ms, soho_ms, ratio, rounds))


if __name__ == '__main__':
    main()
