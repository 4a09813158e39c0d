"""Weights as PyTorch writes and reads them.

    weights.py make DIR    random weights of the oracle in DIR/NAME.pth of every
                           form, and as DIR/NAME.want.safetensors what a reader
                           has to find; DIR/in.safetensors, the doors of infer;
                           prints each NAME
    weights.py check DIR   DIR/NAME.safetensors and DIR/NAME.back.pth, which came
                           out of it again: load strictly into the oracle, every
                           tensor the same bytes (`ours`: weights as soho-rt has
                           them, of pre-training); the logits in DIR/zip.a are
                           the oracle's
"""
import json
import os
import struct
import sys
from collections import OrderedDict

import numpy as np
import torch

sys.path.insert(0, 'tests/oracle')
import soho_ref  # noqa: E402
from soho_ref import MEAN, STD, SohoPre, SohoVQA  # noqa: E402

SIZES = dict(layers=1, dim=96, heads=4, inner=96, vocab=300)
H, W, T = 96, 128, 16
TIED = 'mask_l_fc.weight'
WORDS = 'language.bert.embeddings.word_embeddings.weight'
DTYPE = {torch.float32: 'F32', torch.float16: 'F16', torch.bfloat16: 'BF16',
         torch.float64: 'F64', torch.int64: 'I64'}
TYPE = {name: dtype for dtype, name in DTYPE.items()}
NUMPY = {'uint8': 'U8', 'int32': 'I32', 'float32': 'F32'}


class Thin(soho_ref.ResNet):
    """An eighth of ResNet's channels, for small files."""

    def __init__(self, depth, frozen_stages=1, with_cp=False):
        torch.nn.Module.__init__(self)
        self.frozen, self.channels = frozen_stages, 64
        self.conv1, self.bn1 = soho_ref.cbn(3, 8, 7, 2)
        for i, n in enumerate(self.BLOCKS[depth]):
            self.add_module('layer%d' % (i + 1), torch.nn.Sequential(*[
                soho_ref.Block((8 << i) // (1 if i == 0 or j else 2), 8 << i,
                               1 if i == 0 or j else 2, False, with_cp)
                for j in range(n)]))
        for m in self._frozen():
            m.requires_grad_(False)


soho_ref.ResNet = Thin


def vqa():
    torch.manual_seed(3)
    return SohoVQA(answers=13, **SIZES)


def pre():
    torch.manual_seed(4)
    return SohoPre(k=64, **SIZES)


def raw(t):
    """Bytes of a tensor; numpy has no bfloat16."""
    t = t.detach().contiguous()
    return (t.view(torch.int16) if t.dtype == torch.bfloat16 else t).numpy() \
        .tobytes()


def write(path, rows):
    """rows: name, type, shape, bytes"""
    head, data = {}, b''
    for name, dtype, shape, b in rows:
        head[name] = {'dtype': dtype, 'shape': list(shape),
                      'data_offsets': [len(data), len(data) + len(b)]}
        data += b
    head = json.dumps(head).encode()
    with open(path, 'wb') as f:
        f.write(struct.pack('<Q', len(head)) + head + data)


def doors(path):
    r = np.random.RandomState(5)
    ids = np.zeros((1, 1, T), np.int32)
    ids[0, 0, :9] = r.randint(1, 300, 9)
    rows = {'image': r.randint(0, 256, (1, H, W, 3)).astype(np.uint8),
            'image_size': np.array([[H, W]], np.int32), 'tokens': ids,
            'token_mask': (ids > 0).astype(np.int32)}
    write(path, [(n, NUMPY[str(a.dtype)], a.shape, a.tobytes())
                 for n, a in rows.items()])


def logits(model, path):
    """The oracle's, for the doors in the file."""
    got = wanted(path)
    x = np.frombuffer(got['image'][2], np.uint8).reshape(1, H, W, 3)
    x = ((x - MEAN) / STD).astype(np.float32).transpose(0, 3, 1, 2)
    ids, mask = (torch.from_numpy(np.frombuffer(got[n][2], np.int32)
                                  .reshape(1, T).astype(np.int64))
                 for n in ('tokens', 'token_mask'))
    metas = [{'img_shape': (H, W), 'pad_shape': (H, W)}]
    with torch.no_grad():
        return model.eval()(torch.from_numpy(x.copy()), metas, ids, mask)


def cast(sd, dtype):
    return OrderedDict((n, t.to(dtype) if t.is_floating_point() else t)
                       for n, t in sd.items())


def turned(sd):
    """All tensors of one type as views of one storage, matrices transposed."""
    flat = torch.cat([t.t().reshape(-1) if t.dim() == 2 else t.reshape(-1)
                      for t in sd.values() if t.is_floating_point()])
    out, at = OrderedDict(), 0
    for n, t in sd.items():
        if t.is_floating_point():
            v = flat[at:at + t.numel()]
            at += t.numel()
            t = v.view(t.shape[::-1]).t() if t.dim() == 2 else v.view(t.shape)
        out[n] = t
    return out


def checkpoint(model):
    """As mmcv writes one of a model in a data-parallel wrapper; its tensors are
    parameters."""
    best = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    sum(p.sum() for p in model.parameters()).backward()
    best.step()
    return {'meta': {'epoch': 3, 'iter': 70, 'time': 'now', 'lr': [0.1, None],
                     'config': 'model = dict()\n', 'done': False},
            'state_dict': OrderedDict(('module.' + n, t) for n, t in
                                      model.state_dict(keep_vars=True).items()),
            'optimizer': best.state_dict()}


def resnet():
    """torchvision's, and what is wanted of it."""
    from torchvision.models.resnet import BasicBlock, ResNet
    sd = ResNet(BasicBlock, [1, 1, 1, 1]).state_dict()
    return sd, {'backbone.' + n: t for n, t in sd.items()
                if not n.startswith('fc.')}


def bert():
    """The oracle's, as the first ports of BERT named it, and as it is."""
    want = {n: t for n, t in vqa().state_dict().items()
            if n.startswith('language.bert.')}
    sd = {n[len('language.'):].replace('LayerNorm.weight', 'LayerNorm.gamma')
          .replace('LayerNorm.bias', 'LayerNorm.beta'): t
          for n, t in want.items()}
    more = {'bert.pooler.dense.bias', 'cls.predictions.bias',
            'bert.embeddings.position_ids', 'cls.seq_relationship.weight'}
    return {**sd, **{n: torch.zeros(3) for n in more}}, want


def make(folder):
    model = vqa()
    sd = model.state_dict()
    want = {'zip': sd, 'stream': sd, 'half': cast(sd, torch.float16),
            'bfloat': cast(sd, torch.bfloat16),
            'views': turned(cast(sd, torch.float64)),
            'pre': pre().state_dict()}
    files = dict(want)
    model = vqa()
    files['checkpoint'] = checkpoint(model)
    want['checkpoint'] = model.state_dict()
    files['bert'], want['bert'] = bert()
    try:
        files['resnet'], want['resnet'] = resnet()
    except ImportError:
        pass
    for name, file in files.items():
        torch.save(file, os.path.join(folder, name + '.pth'),
                   _use_new_zipfile_serialization=name not in
                   ('stream', 'bfloat', 'checkpoint', 'resnet'))
        write(os.path.join(folder, name + '.want.safetensors'),
              [(n, DTYPE[t.dtype], t.shape, raw(t))
               for n, t in want[name].items()])
        print(name)
    ours = want['pre']
    for file, rows in (('ours.want', ours), ('ours', {
            n: t for n, t in ours.items() if n != TIED and
            not n.endswith('num_batches_tracked')})):
        write(os.path.join(folder, file + '.safetensors'),
              [(n, DTYPE[t.dtype], t.shape, raw(t)) for n, t in rows.items()])
    doors(os.path.join(folder, 'in.safetensors'))


def wanted(path):
    with open(path, 'rb') as f:
        n, = struct.unpack('<Q', f.read(8))
        head = json.loads(f.read(n))
        head.pop('__metadata__', None)
        data = f.read()
    return {k: (v['dtype'], tuple(v['shape']), data[slice(*v['data_offsets'])])
            for k, v in head.items()}


def check(folder):
    want = logits(vqa(), os.path.join(folder, 'in.safetensors')).numpy()
    got = wanted(os.path.join(folder, 'zip.a'))['logits']
    off = np.abs(np.frombuffer(got[2], np.float32) - want.reshape(-1)).max()
    bound = 1e-5 * np.abs(want).max() + 1e-6
    print('%s torch/logits: %.1e from the oracle, %.1e are allowed'
          % ('ok' if off <= bound else 'not ok', off, bound))
    for file in sorted(os.listdir(folder)):
        name, _, form = file.partition('.')
        if form != 'back.pth' and (form != 'safetensors' or name in
                                   ('ours', 'in', 'bert', 'resnet')):
            continue
        try:
            n = same(folder, name, form)
            print('ok torch/%s: %d tensors load strictly, the same bytes'
                  % (file, n))
        except (AssertionError, RuntimeError) as e:
            print('not ok torch/%s: %s' % (file, str(e).replace('\n', ' ')))


def same(folder, name, form):
    """How many tensors NAME.FORM holds, each as it was made."""
    path = os.path.join(folder, name)
    want = wanted(path + '.want.safetensors')
    if form == 'back.pth':
        back = torch.load(path + '.back.pth')
        assert type(back) is OrderedDict
        got = {n: (DTYPE[t.dtype], tuple(t.shape), raw(t))
               for n, t in back.items()}
    else:
        got = wanted(path + '.safetensors')
        back = {n: torch.frombuffer(bytearray(b), dtype=TYPE[d]).reshape(shape)
                for n, (d, shape, b) in got.items()}
    assert set(got) == set(want), sorted(set(got) ^ set(want))[:5]
    odd = [n for n in want if got[n] != want[n]]
    assert not odd, odd[:5]
    assert name != 'ours' or \
        back[TIED].data_ptr() == back[WORDS].data_ptr(), 'not tied'
    model = pre() if name in ('pre', 'ours') else vqa()
    model.load_state_dict(back, strict=True)
    return len(got)


if __name__ == '__main__':
    {'make': make, 'check': check}[sys.argv[1]](sys.argv[2])
