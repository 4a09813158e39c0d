"""Backbones beside torchvision: cases that any program can make from the
counter generator, and what PyTorch makes of them.

    backbone.py golden [NAME]...        writes backbone-NAME.golden here
    backbone.py case NAME OUT.safetensors   one case, whole tensors
    backbone.py head NAME               prints a golden file's first line
    backbone.py names                   prints the names of all cases
    backbone.py pick [NAME]...          prints what inputs are good for

A case is a torchvision ResNet, changed where torchvision has no such option;
options are the fields of models/lib/resnet.lua.  Of two pictures, one full and
one smaller, it has the feature map in training, the gradients of the map's
product with random numbers, the running statistics thereafter, and the map in
evaluation.  With norm_eval the statistics are those after a picture more;
without it the map in training is left out, where PyTorch's own single precision
is off by 1e-5.
tests/tools/pictures.c makes the same inputs.  Everything is computed in double
precision from float starting values.
"""
import os
import sys
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

import case
from golden import write_tensor
from soho_ref import Named, seed_weights

SEED, B, BLOCK = 46, 2, 16
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3),
          101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
PLACES = 16                         # elements of a tensor that is no map
WARM = (96, 128)                   # picture of which norm_eval has statistics

# name: input that serves it, height, width, options.  Of some inputs it is the
# one that PyTorch's own single precision bears best (`noise`): a ReLU input that
# is nearer to 0 than rounding sends a whole path of the gradient elsewhere.  The
# statistics of a batch add to the rounding from norm to norm: deeper networks
# follow them in one stage only, or have norm_eval.
CASES = {
    'resnet34': (5, 37, 45, dict(depth=34)),
    'norm_eval': (3, 41, 35, dict(
        depth=50, norm_eval=True, frozen_stages=1, style='caffe')),
    'resnext50': (4, 43, 33, dict(
        depth=50, groups=32, width_per_group=4, norm_eval=True,
        frozen_stages=0)),
    'dilated': (35, 19, 27, dict(
        depth=50, strides=(2, 2, 1, 2, 1, 1), dilations=(1, 1, 2, 4),
        late_dilation=True, norm_eval=True, frozen_stages=2)),
    'seresnet50_v1d': (0, 23, 29, dict(
        depth=50, strides=(2, 2, 1, 2, 2, 1), dilations=(1, 1, 1, 2),
        deep_stem=True, avg_down=True, se_ratio=16, norm_eval=True)),
    # for `make parity` only
    'resnet18_dilated': (0, 19, 27, dict(
        depth=18, strides=(2, 2, 1, 2, 1, 1), dilations=(1, 1, 2, 4),
        frozen_stages=3)),
    'resnet50': (0, 37, 45, dict(depth=50, frozen_stages=3)),
    'resnet101': (1, 37, 45, dict(depth=101, frozen_stages=3)),
    'resnet152': (0, 37, 45, dict(
        depth=152, frozen_stages=3, norm_eval=True)),
    'resnext101': (0, 37, 45, dict(
        depth=101, groups=32, width_per_group=8, frozen_stages=3)),
}
GOLDEN = ('resnet34', 'norm_eval', 'resnext50', 'dilated', 'seresnet50_v1d')


def options_of(given):
    return SimpleNamespace(**{**dict(
        depth=50, strides=(2, 2, 1, 2, 2, 2), dilations=(1, 1, 1, 1),
        late_dilation=False, style='pytorch', groups=1, width_per_group=64,
        se_ratio=0, deep_stem=False, avg_down=False, frozen_stages=-1,
        norm_eval=False), **given})


def cbn(cin, cout, k, stride):
    return nn.Conv2d(cin, cout, k, stride, k // 2, bias=False), \
        nn.BatchNorm2d(cout)


class Excite(nn.Module):
    """Squeeze and excitation under the official names."""

    def __init__(self, channels, ratio):
        super().__init__()
        inner = channels // ratio
        self.conv1 = Named(conv=nn.Conv2d(channels, inner, 1))
        self.conv2 = Named(conv=nn.Conv2d(inner, channels, 1))

    def forward(self, x):
        y = F.relu(self.conv1.conv(x.mean((2, 3), keepdim=True)))
        return x * torch.sigmoid(self.conv2.conv(y))


def deep_stem(width, stride):
    """Three 3x3 convolutions: stem.0.conv, stem.0.bn, ..."""
    sizes = (3, width // 2, width // 2, width)
    layers = [cbn(sizes[i], sizes[i + 1], 3, 1 if i else stride)
              for i in range(3)]
    return nn.Sequential(*[nn.Sequential() for _ in layers]), layers


class Backbone(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.o, late = o, o.late_dilation
        net = ResNet(Bottleneck if o.depth >= 50 else BasicBlock,
                     BLOCKS[o.depth], groups=o.groups,
                     width_per_group=o.width_per_group,
                     replace_stride_with_dilation=[
                         late and d > 1 for d in o.dilations[1:]])
        if o.deep_stem:
            self.stem, layers = deep_stem(64, o.strides[0])
            for part, (conv, bn) in zip(self.stem, layers):
                part.add_module('conv', conv)
                part.add_module('bn', bn)
                part.add_module('relu', nn.ReLU())
        else:
            self.conv1, self.bn1 = net.conv1, net.bn1
        for i in range(4):
            stage = getattr(net, 'layer%d' % (i + 1))
            self.add_module('layer%d' % (i + 1), stage)
            if not late:
                self.change(stage, o.strides[2 + i], o.dilations[i])
            for block in stage:
                self.extend(block)

    def change(self, stage, stride, dilation):
        """What torchvision has no option for: a stage's stride; holes in its
        first block, too; the stride on the first 1x1."""
        first, deep = stage[0], self.o.depth >= 50
        if first.downsample is not None:
            first.downsample[0].stride = (stride, stride)
        (first.conv2 if deep else first.conv1).stride = (stride, stride)
        if deep and self.o.style == 'caffe':
            first.conv1.stride, first.conv2.stride = (stride, stride), (1, 1)
        for block in stage:
            conv = block.conv2 if deep else block.conv1
            conv.dilation = conv.padding = (dilation, dilation)

    def extend(self, block):
        if self.o.se_ratio:
            last = block.bn3 if self.o.depth >= 50 else block.bn2
            se = Excite(last.num_features, self.o.se_ratio)
            block.se_layer = se
            last.register_forward_hook(lambda module, x, y: se(y))
        if self.o.avg_down and block.downsample is not None:
            conv, bn = block.downsample
            if conv.stride != (1, 1):
                pool = nn.AvgPool2d(2, 2, ceil_mode=True,
                                    count_include_pad=False)
                conv.stride = (1, 1)
                block.downsample = nn.Sequential(pool, conv, bn)

    def frozen(self):
        stages = [self.stem] if self.o.deep_stem else [self.conv1, self.bn1]
        stages = [stages] + [[getattr(self, 'layer%d' % i)]
                             for i in range(1, 5)]
        return [m for s in stages[:self.o.frozen_stages + 1] for m in s]

    def train(self, mode=True):
        super().train(mode)
        norms = [m for m in self.modules() if isinstance(m, nn.BatchNorm2d)]
        for m in self.frozen() + (norms if self.o.norm_eval else []):
            m.eval()
        for m in self.frozen():
            m.requires_grad_(False)
        return self

    def forward(self, x):
        x = self.stem(x) if self.o.deep_stem else F.relu(self.bn1(
            self.conv1(x)))
        x = F.max_pool2d(x, 3, self.o.strides[1], 1)
        for i in range(1, 5):
            x = getattr(self, 'layer%d' % i)(x)
        return x


def pixels(t, height, width):
    """NCHW, normalised: the first picture full, the second smaller."""
    rows, columns = -(-height // BLOCK), -(-width // BLOCK)
    grid = case.words('parity.blocks', t, B * rows * columns * 3) >> 24
    grid = grid.reshape(B, rows, columns, 3)
    grid = grid.repeat(BLOCK, 1).repeat(BLOCK, 2)[:, :height, :width]
    noise = case.words('parity.noise', t, B * height * width * 3) >> 24
    noise = noise.reshape(B, height, width, 3)
    sizes = (height, width), (height * 5 // 6, width * 2 // 3)
    return case.pixels({'image': ((3 * grid + noise) >> 2).astype(np.uint8),
                        'image_size': np.array(sizes)})


def slope(t, shape):
    """Numbers of -1..1, the gradient of the map; NCHW."""
    n, c, h, w = shape
    x = (case.words('parity.slope', t, n * c * h * w) >> 8) * 2.0 ** -23 - 1
    return torch.from_numpy(x.reshape(n, h, w, c).transpose(0, 3, 1, 2).copy())


def make_model(options, dtype):
    model = Named(backbone=Backbone(options))
    with torch.no_grad():
        seed_weights(model, SEED).to(dtype).train()
    return model


def warm_up(model, dtype):
    """One step of training that norm_eval's statistics come from."""
    backbone = model.backbone
    if backbone.o.norm_eval:
        backbone.o.norm_eval = False
        backbone.train()(pixels(0, *WARM).to(dtype))
        backbone.o.norm_eval = True
        backbone.train()


def run(name, dtype=torch.float64):
    number, height, width, given = CASES[name]
    model = make_model(options_of(given), dtype)
    warm_up(model, dtype)
    x = pixels(number, height, width).to(dtype)
    size = '%dx%d.map' % (height, width)
    y = model.backbone(x)
    (y * slope(number, y.shape).to(y)).sum().backward()
    out = case.gradients(model)
    out.update({n: t for n, t in model.named_buffers()
                if t.is_floating_point()})
    with torch.no_grad():
        maps = {'train@' + size: y, 'eval@' + size: model.eval().backbone(x)}
    if not model.backbone.o.norm_eval:
        del maps['train@' + size]
    maps = {n: t.permute(0, 2, 3, 1) for n, t in maps.items()}
    return case.numpy_of({**maps, **out})


def text(value):
    if isinstance(value, tuple):
        return ','.join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def head(name, tensors=None):
    """seed N inputs I, then what the model's config has to be."""
    number, height, width, given = CASES[name]
    options = {'image': '%dx%d' % (height, width), **given}
    with torch.no_grad():
        model = make_model(options_of(given), torch.float32)
        y = model.backbone(pixels(number, height, width))
    options['answers'] = y[0].numel()
    return 'seed %d inputs %d set %s' % (SEED, number, ' '.join(
        '%s=%s' % (k, text(v)) for k, v in options.items()))


def golden(name):
    path = os.path.join(os.path.dirname(__file__),
                        'backbone-%s.golden' % name)
    with open(path, 'w') as f:
        f.write(head(name) + '\n')
        for tensor, a in run(name).items():
            n = 256 if tensor.endswith('.map') else PLACES
            write_tensor(f, tensor, a, n)
    print('%s: %d bytes' % (path, os.path.getsize(path)))


def noise(name):
    """Worst error of PyTorch in single precision, in units of what compare.c
    allows."""
    single, double = run(name, torch.float32), run(name)
    return max(np.abs(single[n] - a).max() / (
        (1e-5 if '@' in n else 1e-4) * np.abs(a).max() + 1e-6)
        for n, a in double.items())


def pick(name, tries=10):
    """Prints what each of some inputs is good for."""
    _, height, width, given = CASES[name]
    for i in range(tries):
        CASES[name] = i, height, width, given
        print('%s: input %d, noise %.2f' % (name, i, noise(name)), flush=True)


def main():
    torch.set_num_threads(2)
    what, names = sys.argv[1], sys.argv[2:]
    if what == 'case':
        case.write_safetensors(names[1], run(names[0]))
    elif what == 'head':
        print(head(names[0]))
    elif what == 'names':
        print(*CASES)
    else:
        for name in names or (GOLDEN if what == 'golden' else CASES):
            {'golden': golden, 'pick': pick}[what](name)


if __name__ == '__main__':
    main()
