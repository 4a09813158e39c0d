"""What max-autotune tries for each product of soho_res18, compiled beforehand.

PyTorch compiles some 20 kernels for a product, one after another: 5 to 18 seconds
on an H100 for each of 21 products.  Here every layer has a process of its own, and
all run at once; torch_times.py then finds the kernels in Triton's cache, which
processes share.

    torch_products.py ROWS INPUTS OUTPUTS BIAS | attention     one of the layers
"""
import concurrent.futures
import subprocess
import sys

# At batch 32: text and picture are 160 places of 768 numbers; of these the picture
# is 144 codes of 512, without bias; questions become 3129 answers.
LAYERS = ((5120, 768, 768, 1), (5120, 768, 3072, 1), (5120, 3072, 768, 1),
          (32, 768, 3072, 1), (32, 3072, 3129, 1), (4608, 512, 768, 0))
BATCH, PLACES, HEADS, SIDE = 32, 160, 12, 64
SECONDS = 90    # what all may take


def attention(q, k, v):
    q, k, v = (x.view(BATCH, PLACES, HEADS, SIDE).permute(0, 2, 1, 3)
               for x in (q, k, v))
    p = (q @ k.transpose(-1, -2)).float().mul(SIDE ** -0.5).softmax(-1)
    return (p.to(v.dtype) @ v).permute(0, 2, 1, 3).reshape(
        BATCH, PLACES, HEADS * SIDE)


def compile_one(sizes):
    """Forward and gradients: of a linear layer, or, without sizes, of attention."""
    import torch
    import torch._inductor.config as inductor
    inductor.compile_threads = 1

    def halves(*shape):
        return torch.randn(*shape, device='cuda',
                           dtype=torch.bfloat16).requires_grad_()

    if sizes:
        rows, inputs, outputs, bias = sizes
        tensors = halves(rows, inputs), halves(outputs, inputs)
        tensors += (halves(outputs),) if bias else ()
        work = lambda *tensors: torch.nn.functional.linear(*tensors)  # noqa: E731
    else:
        tensors = [halves(BATCH, PLACES, HEADS * SIDE) for _ in 'qkv']
        work = attention
    y = torch.compile(work, options={'max_autotune': True})(*tensors)
    y.backward(torch.randn_like(y))


def compiled(job):
    try:
        return not subprocess.run(
            [sys.executable, __file__, *map(str, job)], timeout=SECONDS,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    except subprocess.TimeoutExpired:
        return False


def compile_all():
    jobs = [*LAYERS, ('attention',)]
    with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
        print('PyTorch compiled the products of %d of %d layers' % (
            sum(pool.map(compiled, jobs)), len(jobs)), flush=True)


if __name__ == '__main__':
    compile_one([int(size) for size in sys.argv[1:] if size != 'attention'])
