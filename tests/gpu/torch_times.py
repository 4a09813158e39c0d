"""PyTorch's times for what tests/gpu/run times: the oracle's form of soho_res18,
in half precision and channels-last: eagerly; compiled with CUDA graphs; with
max-autotune, too (tuned); or with products alone chosen by time (chosen), not the
blocks of fused kernels, for whose search max-autotune takes minutes.

    torch_times.py [ROUNDS [WAY[:CASE]...]]
        WAY: eager, graphs, tuned, chosen; or all
        CASE: infer1, infer32, train32; or all

Prints milliseconds, the median of the rounds and the least, for a micro-batch of
32 of training (forward, backward) at 608x1024 and for inference with 1 and 32.
"""
import os
import statistics
import sys
import time

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../oracle'))
import soho_ref  # noqa: E402
import torch_products  # noqa: E402

SIZE, TOKENS, ANSWERS = (608, 1024), 16, 3129
VALID, WIDTH = (600, 1000), 768


def batch(n):
    image = torch.randn(n, 3, *SIZE, device='cuda').to(
        memory_format=torch.channels_last)
    ids = torch.randint(1000, 2000, (n, TOKENS), device='cuda')
    mask = torch.ones_like(ids)
    return image, ids, mask, torch.rand(n, ANSWERS, device='cuda')


def forward(model, data):
    image, ids, mask, _ = data
    metas = [{'img_shape': VALID, 'pad_shape': SIZE}] * len(image)
    vis, seen = model.neck(model.backbone(image), metas)
    return model.head.vqa(model.language(ids, mask, vis, seen)[:, 0])


def train(model, data, call):
    with torch.autocast('cuda', torch.bfloat16):
        loss = F.binary_cross_entropy_with_logits(call(model, data).float(),
                                                  data[3])
    loss.backward()
    model.zero_grad(set_to_none=False)


def infer(model, data, call):
    with torch.no_grad(), torch.autocast('cuda', torch.bfloat16):
        call(model, data)


def milliseconds(work, rounds):
    for _ in range(5):
        work()
    found = []
    for _ in range(rounds):
        torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        found.append(1e3 * (time.perf_counter() - start))
    return statistics.median(found), min(found)


def model_of():
    """On the GPU, with PyTorch's own dropout."""
    model = soho_ref.seed_weights(soho_ref.SohoVQA(bert_cp=False))
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, soho_ref.Drop):
                setattr(module, name, torch.nn.Dropout(child.p))
    model.cuda().to(memory_format=torch.channels_last)
    # Added to, as ours are: a graph would keep new ones in its own memory.
    for weight in model.parameters():
        if weight.requires_grad:
            weight.grad = torch.zeros_like(weight)
    return model


MASKS, SINES = {}, {}


def fix_constants(counts, grid):
    """What depends on sizes alone is made once: masks, sine positions."""
    for n in counts:
        mask = soho_ref.visual_mask(
            n, [{'img_shape': VALID, 'pad_shape': SIZE}] * n, grid)
        sine = soho_ref.sine_position(mask.bool(), WIDTH)
        MASKS[n], SINES[n] = mask.cuda(), sine.cuda()
    soho_ref.visual_mask = lambda rows, metas, grid: MASKS[rows]
    soho_ref.sine_position = lambda mask, dim: SINES[mask.shape[0]]


def ways_of():
    """The ways of running the model that this PyTorch has."""
    ways = {'eager': forward}
    if hasattr(torch, 'compile'):
        import torch._inductor.config as inductor
        # Triton's own convolutions take minutes to tune; cuDNN's are tuned too.
        inductor.max_autotune_conv_backends = 'ATEN'
        inductor.compile_threads = os.cpu_count()
        ways['graphs'] = torch.compile(forward, mode='reduce-overhead')
        ways['tuned'] = torch.compile(forward, mode='max-autotune')
        ways['chosen'] = torch.compile(forward, options={
            'max_autotune': True, 'triton.cudagraphs': True})
    return ways


def main():
    torch.backends.cudnn.benchmark = True
    rounds = int(sys.argv[1]) if sys.argv[1:] else 20
    ways = ways_of()
    wanted = [name.partition(':') for name in sys.argv[2:] or ways]
    if {'tuned', 'chosen'} & {way for way, _, _ in wanted}:
        torch_products.compile_all()
    model = model_of()
    fix_constants((1, 32), (SIZE[0] // 32 // 2, SIZE[1] // 32 // 2))
    for way, _, case in wanted:
        call = ways[way]
        for name, work, n in (('infer', infer, 1), ('infer', infer, 32),
                              ('train', train, 32)):
            if case not in ('', name + str(n)):
                continue
            data = batch(n)
            model.train(work is train)
            if way != 'eager':
                torch._dynamo.reset()
            start = time.perf_counter()
            try:
                found = milliseconds(lambda: work(model, data, call), rounds)
                print('PyTorch %-6s %s batch %-3d %8.2f ms (least %.2f), after '
                      '%.0f s' % (way, name, n, *found,
                                  time.perf_counter() - start), flush=True)
            except Exception as error:
                print('PyTorch %-6s %s batch %d: %s' % (
                    way, name, n, ' '.join(str(error).split())[-500:]),
                    flush=True)


if __name__ == '__main__':
    main()
