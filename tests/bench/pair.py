#!/usr/bin/python3
"""One picture, one question at 608x1024: soho-rt beside PyTorch.

    pair.py SOHOC SOHO_RT [ROUNDS]

Both run by turns in one go, on two threads: PyTorch eagerly, with the network
of tests/oracle/soho_ref.py, on OpenBLAS; soho-rt as `bench` does.  Prints the
median of each round, the median of these, the ratio, and the same of the least
times; and what the machine computes per second before and after.  There is no ratio (exit 1)
- without OpenBLAS: the reference BLAS that Debian's PyTorch takes by default is
  many times slower;
- where other processes took more than a tenth of the processors meanwhile:
  PyTorch's threads spin while they wait for each other and lose most.
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
PHASE, THREADS, STEPS = 'infer@608x1024', 2, 5
OTHERS = 0.1    # share of the processors that may be busy elsewhere
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
    """Median and least of STEPS runs in milliseconds."""
    run()
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times), min(times)


def time_soho(soho_rt, plan):
    text = subprocess.run(
        [soho_rt, 'bench', plan, PHASE, '--steps', str(STEPS), '--json'],
        check=True, capture_output=True, text=True).stdout
    result = json.loads(text)
    return result['ms'], result['least_ms']


def processor_seconds():
    """All processors' busy time, and that of this process and its children."""
    with open('/proc/stat') as f:
        n = [int(x) for x in f.readline().split()[1:9]]
    idle = n[3] + n[4]                           # waiting for disks is idle
    own = os.times()
    return ((sum(n) - idle) / os.sysconf('SC_CLK_TCK'),
            own.user + own.system + own.children_user + own.children_system)


def share_of_others(before, seconds):
    """Share of all processors that others were busy on since `before`."""
    busy, own = (b - a for a, b in zip(before, processor_seconds()))
    return (busy - own) / (seconds * os.cpu_count())


def calibrate(soho_rt):
    subprocess.run([soho_rt, 'calibrate'], check=True)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    restart_with_openblas()
    sohoc, soho_rt = (os.path.abspath(a) for a in sys.argv[1:3])
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 9
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
        pairs, before, start = [], processor_seconds(), time.monotonic()
        for i in range(rounds):
            pairs.append(time_torch(run) + time_soho(soho_rt, plan))
            print('round %d: PyTorch %.1f ms (least %.1f), '
                  'soho-rt %.1f ms (least %.1f)' % (i + 1, *pairs[-1]),
                  flush=True)
        others = share_of_others(before, time.monotonic() - start)
        calibrate(soho_rt)
        subprocess.run([soho_rt, 'bench', plan, PHASE], check=True)
    if others > OTHERS:
        sys.exit('no ratio: other processes took %.0f %% of the processors' % (
            100 * others))
    column = list(zip(*pairs))
    print('%s, batch 1, %d threads, %d paired rounds:' % (
        PHASE, THREADS, rounds))
    print('median: PyTorch %.1f ms, soho-rt %.1f ms, %.2f times faster' % (
        statistics.median(column[0]), statistics.median(column[2]),
        statistics.median(p[0] / p[2] for p in pairs)))
    print('least: PyTorch %.1f ms, soho-rt %.1f ms, %.2f times faster' % (
        min(column[1]), min(column[3]), min(column[1]) / min(column[3])))


if __name__ == '__main__':
    main()
