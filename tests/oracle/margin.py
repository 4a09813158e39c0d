"""Whether rounding can change the way that a gradient takes.

A ReLU input nearer to 0, or a pair in a pooled window nearer to each other than
rounding sends a whole path of the gradient elsewhere, and two right programs
disagree.  Inputs of the tests are chosen by what the oracle alone does with
them, in single and in double precision side by side.
"""
import torch
import torch.nn.functional as F


class Watch:
    """Within it: the numbers that decide by their sign where the gradient of an
    input goes, [n,channels,...] each: what a ReLU sees, and by how much the
    largest of a pooled window leads.  Equality decides by the index: `chosen`,
    of the largest of a window, and of the cells' codes.  `entries` is the
    dictionary that has learned from them, as directions."""

    def __init__(self, model):
        self.model = model
        self.seen, self.chosen, self.entries = [], [], torch.zeros(1)

    def relu(self, x, inplace=False):
        self.seen.append(x)
        return self.real[0](x)

    def pool(self, x, *size):
        if size == (2, 2):
            b, c, h, w = x.shape
            cells = x[:, :, :h // 2 * 2, :w // 2 * 2].reshape(
                b, c, h // 2, 2, w // 2, 2).transpose(3, 4).flatten(4)
            best = cells.topk(2)
            lead = best.values[..., 0] - best.values[..., 1]
            lead[best.values[..., 0] == 0] = 1e9    # all 0: no gradient
            self.seen.append(lead)
            self.chosen.append(best.indices[..., 0] * (lead < 1e9))
        return self.real[1](x, *size)

    def codes(self, vq, given, found):
        self.chosen.append(found[1])
        self.entries = F.normalize(vq.embed)

    def __enter__(self):
        self.keep = {n: t.clone() for n, t in self.model.named_buffers()}
        self.real = F.relu, F.max_pool2d
        F.relu, F.max_pool2d = self.relu, self.pool
        self.hooks = [self.model.backbone.layer2.register_forward_pre_hook(
            lambda *a: self.seen.clear())]      # what comes before is frozen
        if hasattr(self.model.neck, 'vq'):
            self.hooks.append(
                self.model.neck.vq.register_forward_hook(self.codes))
        return self

    def __exit__(self, *error):
        """The model is as it was."""
        F.relu, F.max_pool2d = self.real
        for hook in self.hooks:
            hook.remove()
        for n, t in self.model.named_buffers():
            t.copy_(self.keep[n])


def margin(double, single, look, door):
    """How far the numbers that decide are from 0, in units of the rounding of
    their channel (root mean square); 0 where rounding decides otherwise, or is
    all that there is of an entry of the dictionary: the mean of all cells of a
    batch, after their norm, has no direction, and no input may make one.

    look(model, door) runs one of the models as far as is looked at."""
    sides = []
    for model in double, single:
        with torch.no_grad(), Watch(model) as side:
            look(model, door)
        sides.append(side)
    a, b = sides
    if any((x != y).any() for x, y in zip(a.chosen, b.chosen)):
        return 0.
    if (a.entries - b.entries).abs().max() > 1e-3:
        return 0.
    least = 1e9
    for x, y in zip(a.seen, b.seen):
        y = y.double()
        if ((x > 0) != (y > 0)).any():
            return 0.
        off = (x - y).pow(2).transpose(0, 1).flatten(1).mean(1).sqrt()
        off = off.view(-1, *[1] * (x.dim() - 2)) + 1e-12
        least = min(least, float((x.abs() / off).min()))
    return least
