"""The parity case of pre-training: what the oracle makes of a small batch.

    pretrain.py first CASE OUT.safetensors   one micro-batch, whole tensors
    pretrain.py steps CASE OUT.safetensors   three updates, whole tensors
    pretrain.py pick CASE                    prints good inputs for a case
    pretrain.py inputs CASE                  its inputs as they stand
    pretrain.py golden [FOLDER]              writes pretrain-{first,steps}.golden

Batch 2, four sentences per image, 128x192 bucket (a grid of 2x3 cells), one
full and one narrower image.  tests/tools/inputs.c makes the same inputs.  The
grammar of golden files is in golden.py.
"""
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

import case
import golden
import soho_ref
from case import ACCUMULATE, CLS, SEED, SEP, T, WORDS, words
from soho_ref import AdamwSGD, Rand, SohoPre, clip_grads, lr_factor, \
    seed_weights, MEAN, STD

B, S, H, W, BLOCK = 2, 4, 128, 192, 16
CLIP = 10.0
EVAL = 'eval@%dx%d.' % (H, W)
METRICS = ('loss', 'loss_mlm', 'loss_mvm', 'loss_match', 'acc_l', 'acc_v',
           'acc_match')
ELEMENTS = 16          # of a tensor in the golden files

# depth, gate, mask_prob, compat; options of sohoc are tests/parity/lib/pretrain.sh's
CASES = {
    'gate': (18, True, 0.6, 'upstream'),
    'rare': (18, True, 0.015, 'upstream'),
    'add': (18, False, 0.6, 'upstream'),
    'fixed': (18, True, 0.6, 'fixed'),
    'res34': (34, True, 0.6, 'upstream'),
    'res50': (50, False, 0.6, 'fixed'),
}

# The inputs of each micro-batch, as case.INPUT; the last serves evaluation.
# Those of `gate` are the first for which soho-rt's single precision and the
# oracle's double take the same way at every ReLU and in every pooled window:
# of the inputs tried two did not (2 and 4 as micro-batch 3).
INPUT = dict({name: tuple(range(7)) for name in CASES},
             gate=(1, 3, 0, 5, 2, 4, 72))


def sizes(t):
    return (H, W), (112, 96 if t % 2 else 72)


def batch(t):
    """Doors of input t."""
    grid = words('parity.blocks', t, B * (H // BLOCK) * (W // BLOCK) * 3) >> 24
    grid = grid.reshape(B, H // BLOCK, W // BLOCK, 3)
    grid = grid.repeat(BLOCK, 1).repeat(BLOCK, 2)
    noise = words('parity.noise', t, B * H * W * 3).reshape(B, H, W, 3) >> 24
    length = 4 + words('parity.length', t, B * S) % (T - 3)      # 4..T
    length = length.reshape(B, S, 1)
    at = np.arange(T).reshape(1, 1, T)
    tokens = 1 + words('parity.words', t, B * S * T) % (WORDS - 1)
    tokens = tokens.reshape(B, S, T)
    tokens = np.where(at == 0, CLS, np.where(at == length - 1, SEP, tokens))
    mask = (at < length).astype(np.int32)
    asked = words('parity.mlm', t, B * S * T).reshape(B, S, T)
    inside = (at > 0) & (at + 1 < length) & (asked % 4 == 0)
    return {
        'image': ((3 * grid + noise) >> 2).astype(np.uint8),
        'image_size': np.array(sizes(t), np.int32),
        'tokens': (tokens * mask).astype(np.int32),
        'token_mask': mask,
        'mlm_labels': np.where(inside, asked // 4 % WORDS, -100),
        'itm_labels': (words('parity.itm', t, B * S) >> 31).reshape(B, S),
    }


def true_mask(rows, metas, grid):
    """Validity by the true padded height and width."""
    g = rows // len(metas)
    out = torch.zeros(rows, 1, *metas[0]['pad_shape'])
    for i, m in enumerate(metas):
        out[i * g:(i + 1) * g, 0, :m['img_shape'][0], :m['img_shape'][1]] = 1
    return F.interpolate(out, size=grid)[:, 0]


UPSTREAM_MASK = soho_ref.visual_mask


def make_model(name, dtype):
    depth, gate, mask_prob, compat = CASES[name]
    upstream = compat == 'upstream'
    soho_ref.visual_mask = UPSTREAM_MASK if upstream else true_mask
    model = SohoPre(depth, gate=gate, mask_prob=mask_prob, backbone_cp=upstream,
                    bert_cp=False, rand=Rand(SEED))
    return seed_weights(model, SEED).to(dtype).train()


def outputs_of(model, door):
    """Losses and metrics, and the three logits by our names of them."""
    x = case.pixels(door).to(next(model.parameters()).dtype)
    ids, att, mlm, itm = (torch.from_numpy(door[n]).long() for n in (
        'tokens', 'token_mask', 'mlm_labels', 'itm_labels'))
    (zl, zv, zm, mvm), out = model.losses(x, case.metas_of(door), ids, att,
                                          mlm, itm)
    return out, {'mlm_logits': zl, 'mvm_logits': zv, 'match_logits': zm,
                 'mvm_labels': mvm}


def first(name, dtype=torch.float64):
    """One micro-batch of a window of two: outputs, gradients of loss / 2."""
    model = make_model(name, dtype)
    out, logits = outputs_of(model, batch(INPUT[name][0]))
    (out['loss'] / ACCUMULATE).backward()
    state = {n: t for n, t in model.named_buffers() if t.is_floating_point()}
    return case.numpy_of({**out, **logits, **case.gradients(model), **state})


def updates(model, inputs):
    """As case.updates."""
    named = [(n, p) for n, p in model.named_parameters()]
    rule = AdamwSGD(named)
    for t in range(3 * ACCUMULATE):
        model.rand.step = t
        yield rule
        out, _ = outputs_of(model, batch(inputs[t]))
        (out['loss'] / ACCUMULATE).backward()
        if (t + 1) % ACCUMULATE == 0:
            clip_grads([p for _, p in named], CLIP)
            rule.step(lr_factor(t, 0, (25, 35)))
            model.zero_grad(set_to_none=True)


def steps(name, dtype=torch.float64):
    """After three updates: parameters, moments, statistics, dictionary, and
    what evaluation says to one input more."""
    model = make_model(name, dtype)
    for rule in updates(model, INPUT[name]):
        pass
    out = dict(model.named_parameters())
    for n, state in rule.state.items():
        pair = state if isinstance(state, tuple) else (state,)
        out.update({'moment%d.%s' % (i + 1, n): m for i, m in enumerate(pair)})
    out.update({n: t for n, t in model.named_buffers()
                if t.is_floating_point()})
    model.rand.step = 3 * ACCUMULATE
    with torch.no_grad():
        last, _ = outputs_of(model.eval(), batch(INPUT[name][-1]))
    out.update({EVAL + n: last[n] for n in METRICS})
    return case.numpy_of(out)


def pick(name, tries=12):
    """The inputs that rounding does not change the way of: of each micro-batch
    the first whose gradients agree in single and double precision, and with
    weights moved by as much as rounding does, or the best of `tries`.  (A ReLU
    input nearer to 0, or a pair in a pooled window nearer to each other than
    rounding sends a whole path of the gradient elsewhere.)"""
    models = [make_model(name, d) for d in (torch.float64, torch.float32)]
    inputs = []
    for _ in zip(*(updates(m, inputs) for m in models)):
        tried = []
        for i in range(tries * 6):
            if i in inputs:
                continue
            tried.append((distance(models, i), i))
            if tried[-1][0] < 0.3 or len(tried) == tries:
                break
        found, number = min(tried)
        inputs.append(number)
        print('# micro-batch %d: input %d, %.2f of what is allowed' % (
            len(inputs) - 1, number, found), flush=True)
    return inputs + [tries * 6]


def slopes(model, number, move=0):
    """Gradients of one input, with the backbone's weights moved by parts of
    their size; gradients and state stay as they are."""
    keep = {n: t.clone() for n, t in model.state_dict().items()}
    old = [p.grad for p in model.parameters()]
    model.zero_grad(set_to_none=True)
    noise = torch.Generator().manual_seed(number)
    with torch.no_grad():
        for n, p in model.named_parameters():
            if move and n.startswith('backbone.'):
                p *= 1 + move * torch.randn(p.shape, generator=noise)
    outputs_of(model, batch(number))[0]['loss'].backward()
    found = {n: p.grad.double() for n, p in model.named_parameters()
             if p.grad is not None}
    for p, g in zip(model.parameters(), old):
        p.grad = g
    model.load_state_dict(keep)
    return found


def distance(models, number):
    """Largest distance of gradients from those in double precision, in units
    of what is allowed: in single precision, and thrice with moved weights."""
    double, single = models
    right = slopes(double, number)
    others = [slopes(single, number)]
    others += [slopes(double, number, move) for move in (1e-6, 2e-6, -2e-6)]
    return max(float((a[n] - b).abs().max() / (1e-4 * b.abs().max() + 1e-6))
               for a in others for n, b in right.items())


def write_golden(folder):
    for part in (first, steps):
        path = os.path.join(folder, 'pretrain-%s.golden' % part.__name__)
        golden.write_golden(path, INPUT['gate'], part('gate'), ELEMENTS)
        print('%s: %d bytes' % (path, os.path.getsize(path)))


def main():
    torch.set_num_threads(2)
    what, rest = sys.argv[1], sys.argv[2:]
    if what == 'golden':
        write_golden(rest[0] if rest else os.path.dirname(__file__))
    elif what == 'inputs':
        print(*INPUT[rest[0]])
    elif what == 'pick':
        print(*pick(rest[0]))
    else:
        case.write_safetensors(rest[1], globals()[what](rest[0]))


if __name__ == '__main__':
    main()
