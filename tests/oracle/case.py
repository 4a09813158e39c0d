"""The parity case: a small VQA batch that any program can make from the
counter generator, and what the oracle makes of it.

    case.py first ANSWERS OUT.safetensors [DEPTH]
                                            one micro-batch, whole tensors
    case.py steps ANSWERS OUT.safetensors   three updates, whole tensors
    case.py pick ANSWERS                    prints INPUT[ANSWERS]
    case.py input ANSWERS [DEPTH]           the same as it stands
    case.py wanted FILE.safetensors         its names for soho-rt exec --want

Batch 2, two sentences per image, 96x128 bucket, one full and one narrower
image.  tests/tools/inputs.c makes the same inputs; the sites and formulas are
those of `batch` below.  Everything is computed in double precision from float
starting values, so that a difference is the other side's.
"""
import json
import struct
import sys
import zlib

import numpy as np
import torch
import torch.nn.functional as F

from soho_ref import AdamwSGD, Rand, SohoVQA, clip_grads, lr_factor, \
    philox4x32, seed_weights, MEAN, STD

SEED = 46
B, S, T, H, W = 2, 2, 16, 96, 128
BLOCK = 16                          # pixels of one brightness
CLS, SEP, WORDS = 101, 102, 30522
SCORES = np.array([0, 0, 0, 0, 0, 0.3, 0.6, 1], np.float32)
ACCUMULATE, CLIP = 2, 4.0
EVAL, INFER = ('%s@%dx%d.logits' % (p, H, W) for p in ('eval', 'infer'))

# The input that serves micro-batch t, by number of answers: those of 40 that
# keep all ReLU inputs farthest from 0 (`margin`).  Where one is nearer to 0
# than rounding, two right programs disagree on a whole path of the gradient.
INPUT = {13: (0, 23, 18, 4, 21, 28, 40), 3129: (0, 23, 32, 24, 18, 31, 40)}

# The same of deeper backbones, for one micro-batch with 13 answers.  They have
# more ReLU inputs, and norms to add to the rounding, than single precision
# bears: only layer4 learns, and norms use running statistics.
DEEP = {50: 0, 101: 0}


def sizes(t):
    """Valid height and width of the images of input t.  In a grid of two cells
    the narrower one fills one; or, by the official mask alone, both."""
    return (96, 128), (80, 56 if t % 2 else 40)


def words(site, t, n):
    """Words 0..n-1 of a site at step t, as 64-bit integers."""
    b = np.arange((n + 3) // 4, dtype=np.uint64)
    z = np.zeros_like(b)
    w = philox4x32([b, z, z + np.uint64(zlib.crc32(site.encode())),
                    z + np.uint64(t)], (SEED, 0))
    return np.stack(w, 1).reshape(-1)[:n].astype(np.int64)


def batch(t, answers):
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
    score = words('parity.answers', t, B * S * answers) >> 29
    return {
        'image': ((3 * grid + noise) >> 2).astype(np.uint8),
        'image_size': np.array(sizes(t), np.int32),
        'tokens': (tokens * mask).astype(np.int32),
        'token_mask': mask,
        'answers': SCORES[score].reshape(B, S, answers),
    }


def pixels(door):
    """NCHW, normalised, 0 beyond the valid part."""
    x = (door['image'].astype(np.float32) - MEAN) / STD
    for image, (h, w) in zip(x, door['image_size']):
        image[h:] = 0
        image[:, w:] = 0
    return torch.from_numpy(x.transpose(0, 3, 1, 2).copy())


def metas_of(door):
    padded = door['image'].shape[1:3]
    return [{'img_shape': s, 'pad_shape': padded} for s in door['image_size']]


def logits_of(model, door):
    """The VQA network with S sentences to an image: the backbone and the neck
    see each image once, its visual tokens serve S rows."""
    x = pixels(door).to(next(model.parameters()).dtype)
    vis, seen = model.neck(model.backbone(x), metas_of(door))
    b, s, t = door['tokens'].shape
    vis, seen = (a.repeat_interleave(s, 0) for a in (vis, seen))
    ids, att = (torch.from_numpy(door[n]).long().view(b * s, t)
                for n in ('tokens', 'token_mask'))
    return model.head.vqa(model.language(ids, att, vis, seen)[:, 0])


def outputs_of(model, door):
    z = logits_of(model, door)
    labels = torch.from_numpy(door['answers']).view(len(z), -1).to(z)
    loss = F.binary_cross_entropy_with_logits(z, labels) * labels.shape[1]
    best = z.detach().argmax(1, keepdim=True)
    return {'logits': z, 'loss': loss,
            'score': labels.gather(1, best).sum(1).mean()}


def make_model(answers, dtype, depth=18):
    layers = 12 if depth == 101 else 3
    model = SohoVQA(depth, layers, answers, bert_cp=False, rand=Rand(SEED))
    seed_weights(model, SEED).to(dtype).train()
    if depth in DEEP:
        model.backbone.frozen = 3
        for part in model.backbone._frozen():
            part.requires_grad_(False)
        for part in model.backbone.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.eval()
    return model


def numpy_of(tensors):
    return {n: t.detach().cpu().numpy().copy() for n, t in tensors.items()}


def gradients(model):
    return {'grad.' + n: p.grad for n, p in model.named_parameters()
            if p.grad is not None}


def first(answers, depth=18, dtype=torch.float64):
    """One micro-batch of a window of two: outputs, gradients of loss / 2."""
    model = make_model(answers, dtype, depth)
    number = DEEP[depth] if depth in DEEP else INPUT[answers][0]
    out = outputs_of(model, batch(number, answers))
    (out['loss'] / ACCUMULATE).backward()
    return numpy_of({**out, **gradients(model)})


def updates(model, inputs):
    """Trains on one input after the other; yields t before each micro-batch.
    `inputs` may grow meanwhile."""
    named = list(model.named_parameters())
    rule = AdamwSGD(named)
    answers = model.head.vqa[3].out_features
    for t in range(3 * ACCUMULATE):
        model.rand.step = t
        yield rule
        loss = outputs_of(model, batch(inputs[t], answers))['loss']
        (loss / ACCUMULATE).backward()
        if (t + 1) % ACCUMULATE == 0:
            clip_grads([p for _, p in named], CLIP)
            rule.step(lr_factor(t, 0, (12, 16)))
            model.zero_grad(set_to_none=True)


def steps(answers, dtype=torch.float64):
    """After three updates: parameters, moments, statistics, and the logits
    that evaluation then gives for one input more, and inference for its first
    image and sentence."""
    model = make_model(answers, dtype)
    for rule in updates(model, INPUT[answers]):
        pass
    out = dict(model.named_parameters())
    for n, state in rule.state.items():
        pair = state if isinstance(state, tuple) else (state,)
        out.update({'moment%d.%s' % (i + 1, n): m for i, m in enumerate(pair)})
    out.update({n: t for n, t in model.named_buffers()
                if t.is_floating_point()})
    out = numpy_of(out)
    with torch.no_grad():
        last = batch(INPUT[answers][-1], answers)
        out[EVAL] = logits_of(model.eval(), last).numpy()
    out[INFER] = out[EVAL][:1]
    return out


def margin(model, door, outputs=logits_of):
    """Least distance from 0 of any ReLU input on a path of the gradient, in
    standard deviations of its tensor."""
    least, relu = [], F.relu
    state = {n: t.clone() for n, t in model.named_buffers()}

    def watch(x, inplace=False):
        if x.requires_grad:
            least.append(float((x.abs().min() / x.std()).detach()))
        return relu(x)
    F.relu = watch
    outputs(model, door)
    F.relu = relu
    model.load_state_dict(state, strict=False)
    return min(least)


def pick(answers, tries=40):
    model, inputs = make_model(answers, torch.float32), []
    for _ in updates(model, inputs):
        all_of = [(margin(model, batch(i, answers)), i)
                  for i in range(tries) if i not in inputs]
        inputs.append(max(all_of)[1])
        print('# micro-batch %d: input %d, margin %.1e' % (
            len(inputs) - 1, inputs[-1], max(all_of)[0]), flush=True)
    return inputs + [tries]                       # evaluation has no gradient


def write_safetensors(path, tensors):
    """All tensors as F32."""
    head, at = {}, 0
    for n, a in tensors.items():
        head[n] = {'dtype': 'F32', 'shape': list(a.shape),
                   'data_offsets': [at, at + 4 * a.size]}
        at += 4 * a.size
    text = json.dumps(head).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text)
        for a in tensors.values():
            f.write(np.ascontiguousarray(a, np.float32).tobytes())


def wanted(path):
    """Names of a file's tensors, outputs aside."""
    with open(path, 'rb') as f:
        head = json.loads(f.read(*struct.unpack('<Q', f.read(8))))
    return ','.join(n for n in head if '.' in n and '@' not in n)


def main():
    torch.set_num_threads(2)
    if sys.argv[1] == 'wanted':
        print(wanted(sys.argv[2]))
        return
    what, answers, rest = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    if what == 'first':
        write_safetensors(rest[0], first(answers, *map(int, rest[1:])))
    elif what == 'steps':
        write_safetensors(rest[0], steps(answers))
    elif rest:
        print(DEEP[int(rest[0])])
    else:
        print(*(pick(answers) if what == 'pick' else INPUT[answers]))


if __name__ == '__main__':
    main()
