"""Compiles what PyTorch's max-autotune tries for each product of soho_res18, every
product in a process of its own and all at once.

    torch_products.py

Triton's cache is shared, so that torch_times.py then finds them: there 20 choices
are compiled one after another, 5 to 18 seconds a product.  Prints nothing.
"""
import subprocess
import sys

# Rows, inputs, outputs of the linear layers at batch 32: text and picture are 160
# places of 768 numbers, the picture 144 codes of 512.
LAYERS = ((5120, 768, 768), (5120, 768, 3072), (5120, 3072, 768),
          (32, 768, 3072), (32, 3072, 3129))
FREE = (4608, 512, 768)   # without bias
BATCH, PLACES, HEADS, SIDE = 32, 160, 12, 64


def attention(q, k, v):
    import torch
    q, k, v = (x.view(BATCH, PLACES, HEADS, SIDE).permute(0, 2, 1, 3)
               for x in (q, k, v))
    p = torch.softmax((q @ k.transpose(-1, -2)).float() * SIDE ** -0.5, -1)
    return (p.to(torch.bfloat16) @ v).permute(0, 2, 1, 3).reshape(
        BATCH, PLACES, HEADS * SIDE)


def compile_one(kind, rows, inputs, outputs):
    import torch
    import torch._inductor.config as inductor
    from torch.nn.functional import linear
    inductor.compile_threads = 1

    def halves(*shape):
        return torch.randn(*shape, device='cuda', dtype=torch.bfloat16)

    def call(function, *tensors):
        return torch.compile(function, options={'max_autotune': True})(*tensors)

    x, w = halves(rows, inputs), halves(outputs, inputs)
    if kind == 'forward':
        call(lambda x, w, b: linear(x, w, b), x, w, halves(outputs))
    elif kind == 'free':
        call(lambda x, w: linear(x, w), x, w)
    elif kind == 'data':
        call(lambda dy, w: torch.mm(dy, w), halves(rows, outputs), w)
    elif kind == 'weights':
        call(lambda dy, x: torch.mm(dy.t(), x), halves(rows, outputs), x)
    else:
        places = [halves(BATCH, PLACES, HEADS * SIDE).requires_grad_()
                  for _ in 'qkv']
        call(attention, *places).sum().backward()


def main():
    jobs = [(kind, *layer) for kind in ('forward', 'data', 'weights')
            for layer in LAYERS]
    jobs += [('free', *FREE), ('attention', BATCH, HEADS * SIDE, HEADS * SIDE)]
    running = [subprocess.Popen(
        [sys.executable, __file__, *map(str, job)], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL) for job in jobs]
    for process in running:
        process.wait()


if __name__ == '__main__':
    if sys.argv[1:]:
        compile_one(sys.argv[1], *map(int, sys.argv[2:]))
    else:
        main()
