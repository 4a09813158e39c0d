"""soho-rt and the oracle train side by side on the same stream of pictures.

    lockstep.py options MODEL             prints what sohoc is to --set
    lockstep.py pick MODEL                prints FIRST[MODEL]
    lockstep.py run MODEL TOOL PLAN [--steps N] [--seeds N] [--threads 1,2]
                                          TOOL is build/tools/steps

MODEL is vqa (soho_res18) or pre (soho_res18_pre): the shipped networks, rates,
clipping, dropout and draws, with few words, small pictures and few of them.
`run` trains soho-rt, the oracle in double precision and the oracle in single
precision with 1 and with 2 threads (`--threads`; none: soho-rt alone), and
prints

- of the first ten steps the worst of all losses, parameters, moments and
  statistics, in units of what tests/tools/compare.c allows: 1e-4 of a tensor's
  maximum + 1e-6;
- over all steps the distance to double precision of the others: of all
  parameters as one vector (its length over theirs), and of the losses (root of
  the mean square since the row before, over the loss);
- the mean loss of the last 50 steps, that of `--seeds` other seeds of soho-rt
  (starting values and draws; the stream is the same), their standard deviation.

Lines are those of tests/plot.py; findings are comments in it: `ok`, `not ok`.
"""
import argparse
import json
import os
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

import case
import pretrain
from margin import margin
from soho_ref import AdamwSGD, Rand, SohoPre, SohoVQA, clip_grads, lr_factor, \
    seed_weights

SEED = 46
B, SIDE, LAST = 2, 128, 50
STRICT, DENSE = 10, 10            # steps compared by tensor; then each tenth
BOUND, FLOOR, TIMES = 1e-4, 1e-6, 3.0
MASK, WORDS = 103, 128
WARMUP, RATIO = 1000, 1 / 3
NAMES = ('[PAD] a the what where color shape is it ? on side red green blue '
         'yellow square disc left right').split()
COLOURS = {'red': (200, 50, 40), 'green': (50, 170, 60),
           'blue': (50, 70, 200), 'yellow': (210, 200, 50)}
ANSWERS = list(COLOURS) + ['square', 'disc', 'left', 'right']

# Pictures of the first steps, as `pick` found them: where a ReLU's input is
# nearer to 0 than rounding, two right programs disagree on a whole path of the
# gradient.  Those of the steps behind them, from PICKED on, nobody chose.
PICKED = 10000
FIRST = {'vqa': (179, 291, 530, 766, 971, 1075, 1376, 1509, 1790, 1822),
         'pre': (179, 288, 508, 693, 812, 1035, 1255, 1457, 1649, 1822)}

KINDS = ('parameters', 'moments', 'statistics')


class Spec:
    """What differs between the two networks."""

    def __init__(self, name):
        self.name, self.pre = name, name == 'pre'
        self.s, self.t = (2, 10) if self.pre else (1, 8)
        self.codes, self.mask_prob = 64, 0.3
        self.clip = 10.0 if self.pre else 4.0
        self.title = 'Pre-training' if self.pre else 'VQA'

    def options(self):
        size = {'batch': B, 'image': '%dx%d' % (SIDE, SIDE),
                'sentences': self.s, 'tokens': self.t, 'vocab': WORDS,
                'accumulate': 1}
        size.update({'codes': self.codes, 'mask_prob': self.mask_prob}
                    if self.pre else {'answers': len(ANSWERS)})
        return ['%s=%s' % pair for pair in size.items()]

    def model(self, seed, dtype):
        size = dict(vocab=WORDS, bert_cp=False, rand=Rand(seed))
        if self.pre:
            model = SohoPre(k=self.codes, mask_prob=self.mask_prob, **size)
        else:
            model = SohoVQA(answers=len(ANSWERS), **size)
        return seed_weights(model, seed).to(dtype).train()

    def outputs(self, model, door):
        if self.pre:
            return pretrain.outputs_of(model, door)[0]
        return case.outputs_of(model, door)

    def look(self, model, door):
        (pretrain.look if self.pre else case.logits_of)(model, door)


# ------------------------------------------------------------------- stream

def ids_of(text, length):
    ids = [case.CLS] + [NAMES.index(w) for w in text.split()] + [case.SEP]
    return ids + [0] * (length - len(ids))


def draw(r, colour, shape, side):
    """A shape with noise on noisy grey, left or right; u8 [SIDE,SIDE,3]."""
    image = np.full((SIDE, SIDE, 3), r.randint(60, 190), np.int64)
    size = r.randint(28, 44)
    y = r.randint(0, SIDE - size)
    x = r.randint(0, SIDE // 2 - size) + (SIDE // 2 - 16) * (side == 'right')
    at = np.mgrid[:SIDE, :SIDE] - np.array([y, x])[:, None, None]
    inside = ((at >= 0) & (at < size)).all(0)
    if shape == 'disc':
        inside &= ((2 * at - size) ** 2).sum(0) <= size * size
    image[inside] = COLOURS[colour]
    image += r.randint(-24, 25, image.shape)
    return image.clip(0, 255).astype(np.uint8)


def scene(r):
    return (list(COLOURS)[r.randint(4)], ('square', 'disc')[r.randint(2)],
            ('left', 'right')[r.randint(2)])


def question(r, what, t):
    """Tokens and answers of one question about a scene."""
    kind = r.randint(3)
    text = ('what color is it ?', 'what shape is it ?', 'where is it ?')[kind]
    target = np.zeros(len(ANSWERS), np.float32)
    target[ANSWERS.index(what[kind])] = 1
    return ids_of(text, t), target


def caption(r, what, t):
    """Tokens, what is asked of them, and whether they belong to the scene."""
    match = r.randint(2)
    other = what
    while not match and other == what:
        other = scene(r)
    ids = ids_of('a %s %s on the %s side' % other, t)
    asked = [-100] * t
    for i in range(1, ids.index(case.SEP)):
        if r.rand() < 0.15:
            asked[i], kind = ids[i], r.rand()
            ids[i] = MASK if kind < 0.8 else \
                r.randint(1, WORDS) if kind < 0.9 else ids[i]
    return ids, asked, match


def doors_of(spec, number):
    """A micro-batch of the pictures of that number."""
    r = np.random.RandomState(number)
    scenes = [scene(r) for _ in range(B)]
    door = {'image': np.stack([draw(r, *s) for s in scenes]),
            'image_size': np.array([(SIDE, SIDE - 32 * (b == number % B))
                                    for b in range(B)], np.int32)}
    rows = [(caption if spec.pre else question)(r, s, spec.t)
            for s in scenes for _ in range(spec.s)]
    parts = [np.array(part).reshape(B, spec.s, -1) for part in zip(*rows)]
    ids = door['tokens'] = parts[0].astype(np.int32)
    door['token_mask'] = (ids > 0).astype(np.int32)
    if spec.pre:
        door['mlm_labels'] = parts[1].astype(np.int32)
        door['itm_labels'] = parts[2].astype(np.int32)[:, :, 0]
    else:
        door['answers'] = parts[1].astype(np.float32)
    return door


def stream_of(spec, steps):
    first = FIRST[spec.name]
    return [doors_of(spec, first[t] if t < len(first) else PICKED + t)
            for t in range(steps)]


def pick(spec, tries=200):
    """For each of the first steps the best of `tries` numbers: its pictures
    keep what decides the way of the gradient farthest from 0, in units of the
    rounding that the oracle in single precision shows against itself in double
    (margin.py); both step on the pictures found."""
    sides = [Oracle(spec, SEED, dtype, 2)
             for dtype in (torch.float64, torch.float32)]
    for t in range(STRICT):
        found, number = max(
            (margin(*[side.model for side in sides], spec.look,
                    doors_of(spec, n)), -n)
            for n in range(t * tries, (t + 1) * tries))
        for side in sides:
            side.step(t, doors_of(spec, -number))
        print('%d,  # margin %.2f' % (-number, found), flush=True)


# -------------------------------------------------------------- safetensors

TYPES = {'uint8': 'U8', 'int32': 'I32', 'float32': 'F32'}


def write_doors(path, doors):
    """Doors of all micro-batches, one behind the other."""
    stacked = {n: np.stack([d[n] for d in doors]) for n in doors[0]}
    head, at = {}, 0
    for n, a in stacked.items():
        head[n] = {'dtype': TYPES[str(a.dtype)], 'shape': list(a.shape),
                   'data_offsets': [at, at + a.nbytes]}
        at += a.nbytes
    text = json.dumps(head).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text)
        for a in stacked.values():
            f.write(a.tobytes())


def read_floats(path):
    with open(path, 'rb') as f:
        head = json.loads(f.read(*struct.unpack('<Q', f.read(8))))
        data = f.read()
    return {n: np.frombuffer(data, np.float32, count=(end - at) // 4, offset=at)
            for n, (dtype, (at, end)) in
            ((n, (v['dtype'], v['data_offsets'])) for n, v in head.items())
            if dtype == 'F32'}


# -------------------------------------------------------------- two sides

class Soho:
    """soho-rt's side: a process of tests/tools/steps.c."""

    def __init__(self, tool, plan, stream, seed):
        self.file, self.times = '%s.%d' % (stream, seed), []
        self.process = subprocess.Popen(
            [tool, plan, stream, str(seed)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, universal_newlines=True)

    def ask(self, command):
        self.process.stdin.write(command + '\n')
        self.process.stdin.flush()
        line = self.process.stdout.readline().split()
        if not line:
            sys.exit('lockstep: %s ended: exit %d'
                     % (self.process.args[0], self.process.wait()))
        return line

    def step(self):
        start = time.monotonic()
        words = self.ask('run 1')
        self.times.append(time.monotonic() - start)
        return {n: float(v) for n, v in zip(words[1::2], words[2::2])}

    def tensors(self):
        self.ask('write ' + self.file)
        found = read_floats(self.file)
        os.remove(self.file)
        return found

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Oracle:
    def __init__(self, spec, seed, dtype, threads):
        self.spec, self.threads = spec, threads
        self.model = spec.model(seed, dtype)
        self.named = list(self.model.named_parameters())
        self.rule = AdamwSGD(self.named)

    def step(self, t, door):
        torch.set_num_threads(self.threads)
        self.model.rand.step = t
        out = self.spec.outputs(self.model, door)
        out['loss'].backward()
        clip_grads([p for _, p in self.named], self.spec.clip)
        self.rule.step(lr_factor(t, 0, (), WARMUP, RATIO))
        self.model.zero_grad(set_to_none=True)
        return {n: float(v) for n, v in out.items()
                if n.startswith('loss')}

    def tensors(self):
        """By kind, then by name; they are not copies."""
        moments = {}
        for n, state in self.rule.state.items():
            pair = state if isinstance(state, tuple) else (state,)
            moments.update({'moment%d.%s' % (i + 1, n): m
                            for i, m in enumerate(pair)})
        kinds = (dict(self.named), moments,
                 {n: b for n, b in self.model.named_buffers()
                  if b.is_floating_point()})
        return {kind: {n: x.detach().numpy().reshape(-1)
                       for n, x in of.items()}
                for kind, of in zip(KINDS, kinds)}


# ----------------------------------------------------------------- distances

def flat(kinds):
    return {n: x for of in kinds.values() for n, x in of.items()}


def worst(found, right):
    """By kind the largest error in units of what is allowed, and where."""
    out = {}
    for kind, of in right.items():
        errors = []
        for n, b in of.items():
            error = float(np.abs(found[n] - b).max())
            errors.append((error / (BOUND * float(np.abs(b).max()) + FLOOR), n))
        out[kind] = max(errors)
    return out


def loss_error(found, right):
    """Worst of a step's losses, in units of what is allowed."""
    return max(abs(found[n] - b) / (BOUND * abs(b) + FLOOR)
               for n, b in right.items())


def length(found, right):
    """Of the difference of all parameters, over that of the parameters."""
    off = size = 0.0
    for n, b in right['parameters'].items():
        d = (found[n] - b).ravel()
        off, size = off + float(d @ d), size + float(b @ b)
    return (off / size) ** 0.5


def is_mark(step, steps):
    return step <= STRICT or step % DENSE == 0 or step == steps


def tell(text):
    print(text, flush=True)


def judge(good, text):
    tell('# %s %s' % ('ok' if good else 'not ok', text))
    print('%s %s' % ('ok' if good else 'not ok', text), file=sys.stderr)


# --------------------------------------------------------------------- runs

class Race:
    """All sides on the same stream; rows for the report."""

    def __init__(self, spec, soho, doors, threads):
        self.spec, self.soho, self.doors = spec, soho, doors
        self.double = Oracle(spec, SEED, torch.float64, 1)
        self.singles = [Oracle(spec, SEED, torch.float32, n) for n in threads]
        self.names = ['soho'] + ['PyTorch f32, %d thread%s' % (n, 's'[:n > 1])
                                 for n in threads]
        self.losses = []         # of a step: double, soho, singles
        self.strict = []         # step, {name: {kind: (error, where)}}
        self.far = []            # step, parameters and losses by name
        self.since = 0

    def run(self):
        for t, door in enumerate(self.doors):
            right = self.double.step(t, door)
            others = [self.soho.step()]
            others += [s.step(t, door) for s in self.singles]
            self.losses.append([right] + others)
            if is_mark(t + 1, len(self.doors)):
                self.compare(t + 1)
        self.soho.close()

    def compare(self, step):
        right = self.double.tensors()
        found = [self.soho.tensors()]
        found += [flat(s.tensors()) for s in self.singles]
        rows = self.losses[self.since:]
        self.since = step
        loss = [np.sqrt(np.mean([(r[i + 1]['loss'] / r[0]['loss'] - 1) ** 2
                                 for r in rows]))
                for i in range(len(found))]
        self.far.append((step, [length(f, right) for f in found], loss))
        if step <= STRICT:
            self.strict.append((step, [worst(f, right) for f in found],
                                [loss_error(r, self.losses[-1][0])
                                 for r in self.losses[-1][1:]]))
        print('%s step %d: %s' % (self.spec.name, step, ' '.join(
            '%.2e' % x for x in self.far[-1][1] + loss)), file=sys.stderr)


def report_strict(race):
    """The first steps, tensor by tensor."""
    tell('# %s, steps 1 to %d: worst error over what is allowed\n'
         "# (%.0e of a tensor's maximum + %.0e)"
         % (race.spec.title, STRICT, BOUND, FLOOR))
    tell('# %-6s%-24s%10s%12s%10s%12s  %s' % (
        'step', 'side', 'losses', *KINDS, 'where'))
    for step, sides, losses in race.strict:
        for name, side, loss in zip(race.names, sides, losses):
            tell('# %-6d%-24s%10.3g%12.3g%10.3g%12.3g  %s' % (
                step, name, loss, *[side[k][0] for k in KINDS],
                max(side.values())[1]))
    most = [max(max([losses[i]] + [e for e, _ in sides[i].values()])
                for _, sides, losses in race.strict)
            for i in range(len(race.names))]
    text = '%s: steps 1 to %d: worst %.3g of what is allowed; PyTorch in ' \
        'single precision %.3g' % (race.spec.name, race.strict[-1][0], most[0],
                                   max(most[1:]))
    if race.spec.pre:       # the mean of the gate's logits is 0 but for rounding
        tell('# ' + text)
    else:
        judge(most[0] <= 1, text)


def report_far(race):
    """Distances as two panels."""
    for i, what in ((1, 'parameters'), (2, 'loss')):
        tell('panel %s: %s, distance to PyTorch in double precision'
             % (race.spec.title, what))
        tell('x step\ny relative\nlog y')
        tell('columns ' + ' '.join('"%s"' % n for n in race.names))
        for row in race.far:
            tell('%-6d%s' % (row[0], ''.join(' %10.3e' % x for x in row[i])))
        least = FLOOR if what == 'loss' else 0      # one number, as it falls
        ratio = [(row[i][0] / max(row[i][1:] + [least]), row[0])
                 for row in race.far]
        judge(max(ratio)[0] <= TIMES,
              '%s: %s: at most %.3g times the distance of PyTorch in single '
              'precision (step %d); median %.3g, at the end %.3g'
              % (race.spec.name, what, *max(ratio),
                 np.median([r for r, _ in ratio]), ratio[-1][0]))


def final(losses):
    return float(np.mean(losses[-LAST:]))


def spread(tool, plan, stream, steps, seeds):
    """Losses of soho-rt with other seeds."""
    found = {}
    for seed in range(SEED + 1, SEED + 1 + seeds):
        side = Soho(tool, plan, stream, seed)
        found[seed] = [side.step()['loss'] for _ in range(steps)]
        side.close()
        print('%s seed %d: mean loss of the last %d steps %.5f' % (
            os.path.basename(os.path.dirname(plan)), seed, min(LAST, steps),
            final(found[seed])), file=sys.stderr)
    return found


def judge_final(spec, sides, seeds):
    """sides: double first, then soho; seeds: of soho with other seeds.  Whether
    soho's lies between those of five other seeds is a matter of luck (it is one
    of six alike); that it is no farther from the oracle's than they are from
    each other is not."""
    text = '%s: final loss %.4f; other seeds %.4f to %.4f' % (
        spec.name, sides[min(1, len(sides) - 1)], min(seeds), max(seeds))
    if len(sides) == 1:
        return tell('# ' + text)
    judge(abs(sides[1] - sides[0]) <= max(seeds) - min(seeds),
          text + '; PyTorch in double precision %.4f' % sides[0])


def report_losses(spec, sides, seeds):
    """Losses in means of ten, and the final ones.  sides: name, losses."""
    tell('panel %s: loss, means of %d steps%s' % (
        spec.title, DENSE, '; band: other seeds' if seeds else ''))
    tell('x step\ny loss')
    tell('columns ' + ' '.join('"%s"' % n for n in sides) +
         (' "soho, %d other seeds"' % len(seeds) if seeds else ''))
    steps = len(next(iter(sides.values())))
    for at in range(0, steps, DENSE):
        cells = ['%.6g' % np.mean(x[at:at + DENSE]) for x in sides.values()]
        means = [np.mean(x[at:at + DENSE]) for x in seeds.values()]
        if means:
            cells.append('%.6g:%.6g:%.6g' % (np.mean(means), min(means),
                                             max(means)))
        tell('%-6d %s' % (min(at + DENSE, steps), ' '.join(cells)))
    tell('# mean loss of the last %d steps' % min(LAST, steps))
    for name, losses in sides.items():
        tell('# %-24s %.6f' % (name, final(losses)))
    last = [final(x) for x in seeds.values()]
    for seed, value in zip(seeds, last):
        tell('# %-24s %.6f' % ('soho, seed %d' % seed, value))
    if len(last) > 1:
        tell('# other seeds: mean %.6f, standard deviation %.6f'
             % (np.mean(last), np.std(last, ddof=1)))
        judge_final(spec, [final(x) for x in sides.values()], last)


def run(args):
    spec = Spec(args.model)
    doors = stream_of(spec, args.steps)
    stream = os.path.join(os.path.dirname(args.plan), 'stream')
    write_doors(stream, doors)
    seeds = ThreadPoolExecutor(1).submit(        # beside what follows
        spread, args.tool, args.plan, stream, args.steps, args.seeds)
    soho = Soho(args.tool, args.plan, stream, SEED)
    if args.threads:
        race = Race(spec, soho, doors, args.threads)
        race.run()
        report_strict(race)
        report_far(race)
        names = ['PyTorch double'] + race.names
        sides = {n: [row[i]['loss'] for row in race.losses]
                 for i, n in enumerate(names)}
    else:
        sides = {'soho': [soho.step()['loss'] for _ in doors]}
        soho.close()
    report_losses(spec, sides, seeds.result())
    tell('# soho: a step in %.0f ms (median), %.0f ms (least)'
         % (1e3 * np.median(soho.times), 1e3 * min(soho.times)))
    os.remove(stream)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('what', choices=('options', 'pick', 'run'))
    parser.add_argument('model', choices=('vqa', 'pre'))
    parser.add_argument('tool', nargs='?')
    parser.add_argument('plan', nargs='?')
    parser.add_argument('--steps', type=int, default=200)
    parser.add_argument('--seeds', type=int, default=5)
    parser.add_argument('--threads', default='1,2', type=lambda text: [
        int(n) for n in text.split(',') if n not in ('', 'none')])
    args = parser.parse_args()
    if args.what == 'options':
        print(*Spec(args.model).options())
    elif args.what == 'pick':
        pick(Spec(args.model))
    else:
        run(args)


if __name__ == '__main__':
    main()
