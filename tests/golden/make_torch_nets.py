#!/usr/bin/env python3
"""make_torch_nets.py - writes torch_nets.txt: small nets drawn by seed, with what PyTorch says of loss, gradient, Hessian times vector, the
gradients of single examples, and the parameters after 20 steps of two optimizers each. Needs Debian's python3-torch."""
import os
import random

import torch
import torch.nn.functional as F

from golden import FOLDER, line, number

NETS, STEPS = 200, 20

ACTIVATIONS = {
    'tanh': torch.tanh, 'relu': torch.relu, 'sigmoid': torch.sigmoid, 'softplus': lambda x: F.softplus(x, threshold=700), 'gelu': F.gelu,
    'gelu_tanh': lambda x: F.gelu(x, approximate='tanh'), 'silu': F.silu, 'elu': F.elu, 'mish': F.mish, 'selu': F.selu, 'celu': F.celu,
    'leaky_relu': F.leaky_relu, 'softsign': F.softsign, 'log_sigmoid': F.logsigmoid, 'sin': torch.sin, 'relu6': F.relu6,
}
LOSSES = {
    'cross_entropy': lambda y, t: F.cross_entropy(y, t.reshape(-1)), 'mse_loss': F.mse_loss, 'huber_loss': F.huber_loss,
    'binary_cross_entropy_with_logits': F.binary_cross_entropy_with_logits, 'smooth_l1_loss': F.smooth_l1_loss,
    'poisson_nll_loss': F.poisson_nll_loss, 'l1_loss': F.l1_loss,
}


# ---- optimizers: numbers drawn, and the optimizer that has them ----

def draw_sgd(kind, p):
    momentum = {'sgd': 0, 'momentum': 0.9, 'nesterov': 0.8, 'clip_norm': 0.5, 'clip_value': 0}[kind]
    decay = random.choice((0, 0, 0.01))
    clip = (0.5 if kind == 'clip_norm' else 0, 0.05 if kind == 'clip_value' else 0)
    numbers = (random.choice((0.1, 0.02)), momentum, float(kind == 'nesterov'), decay, *clip)
    return numbers, torch.optim.SGD(p, numbers[0], momentum, nesterov=kind == 'nesterov', weight_decay=decay)


def draw_adam(kind, p):
    rate, betas = random.choice((0.01, 0.05)), random.choice(((0.9, 0.999), (0.8, 0.99)))
    eps, decay = random.choice((1e-8, 1e-3)), random.choice((0.01, 0.1))
    new = torch.optim.Adam if kind == 'adam' else torch.optim.AdamW
    return (rate, *betas, eps, decay), new(p, rate, betas, eps, decay)


def draw_rmsprop(kind, p):
    alpha, eps, decay = random.choice((0.99, 0.9)), random.choice((1e-8, 1e-3)), random.choice((0, 0.01))
    momentum, centered = {'rmsprop': (0, False), 'rmsprop_momentum': (0.7, False), 'rmsprop_centered': (0, True), 'rmsprop_both': (0.5, True)}[kind]
    return (0.01, alpha, eps, momentum, float(centered), decay), torch.optim.RMSprop(p, 0.01, alpha, eps, decay, momentum, centered)


def draw_adagrad(kind, p):
    slower, initial, eps, decay = random.choice((0, 0.1)), random.choice((0, 0.5)), random.choice((1e-10, 1e-3)), random.choice((0, 0.01))
    return (0.05, slower, initial, eps, decay), torch.optim.Adagrad(p, 0.05, slower, decay, initial, eps)


def draw_rprop(kind, p):
    # Small enough not to step out of where gradients are more than rounding errors, whose sign nobody agrees on.
    rate, etas, sizes = random.choice((0.001, 0.003)), random.choice(((0.5, 1.2), (0.4, 1.3))), random.choice(((1e-6, 50), (0.0005, 0.02)))
    return (rate, *etas, *sizes), torch.optim.Rprop(p, rate, etas, sizes)


OPTIMIZERS = [
    ('sgd', draw_sgd), ('momentum', draw_sgd), ('nesterov', draw_sgd), ('clip_norm', draw_sgd), ('clip_value', draw_sgd), ('adam', draw_adam),
    ('adamw', draw_adam), ('rmsprop', draw_rmsprop), ('rmsprop_momentum', draw_rmsprop), ('rmsprop_centered', draw_rmsprop),
    ('rmsprop_both', draw_rmsprop), ('adagrad', draw_adagrad), ('rprop', draw_rprop),
]


# ---- nets ----

def short(lo, hi, *shape):
    """Numbers of few digits, so that the file stays small."""
    return torch.tensor([random.randint(lo, hi) for _ in range(shape[0] * shape[1])], dtype=torch.float64).reshape(shape) / 32


def draw_target(loss, rows, out):
    if loss == 'cross_entropy':
        return torch.tensor([[random.randrange(out)] for _ in range(rows)])
    if loss == 'binary_cross_entropy_with_logits':
        return short(0, 32, rows, out)
    return short(1, 96, rows, out) if loss == 'poisson_nll_loss' else short(-48, 48, rows, out)


class Net:
    def __init__(self, index):
        random.seed(1000 + index)
        hidden = [random.randint(1, 5) for _ in range(random.choice((1, 1, 2, 3)))]
        self.loss, self.activation = random.choice(sorted(LOSSES)), random.choice(sorted(ACTIVATIONS))
        out = random.randint(2, 4) if self.loss == 'cross_entropy' else random.randint(1, 3)
        self.sizes = [random.randint(1, 4)] + hidden + [out]
        rows = random.randint(1, 5)
        self.x = short(-64, 64, rows, self.sizes[0])
        self.target = draw_target(self.loss, rows, out)
        self.start = []
        for a, b in zip(self.sizes, self.sizes[1:]):
            self.start += [short(-32, 32, a, b), short(-16, 16, 1, b)]
        self.v = [short(-32, 32, *p.shape) for p in self.start]

    def parameters(self):
        return [p.clone().requires_grad_() for p in self.start]

    def value(self, p, x, target):
        for k in range(0, len(p), 2):
            x = x @ p[k] + p[k + 1]
            if k + 2 < len(p):
                x = ACTIVATIONS[self.activation](x)
        return LOSSES[self.loss](x, target)


def gradient(value, p, **options):
    return [torch.zeros_like(q) if g is None else g for g, q in zip(torch.autograd.grad(value, p, allow_unused=True, **options), p)]


def write_matrices(file, kind, matrices):
    for m in matrices:
        stored = m.detach() + torch.zeros(m.shape, dtype=m.dtype)      # PyTorch has zeros without memory
        file.write(line(kind, *m.shape, stored.reshape(-1).tolist()))


def write_derivatives(file, net):
    p = net.parameters()
    value = net.value(p, net.x, net.target)
    g = gradient(value, p, create_graph=True)
    along = sum((a * b).sum() for a, b in zip(g, net.v))
    write_matrices(file, 'value', [value.reshape(1, 1)])
    write_matrices(file, 'gradient', g)
    write_matrices(file, 'hessian_vector', gradient(along, p) if along.requires_grad else [torch.zeros_like(q) for q in p])
    for row in range(net.x.shape[0]):
        write_matrices(file, 'example', gradient(net.value(p, net.x[row:row + 1], net.target[row:row + 1]), p))


def write_training(file, net, kind, draw):
    p = net.parameters()
    numbers, optimizer = draw(kind, p)
    for _ in range(STEPS):
        optimizer.zero_grad()
        net.value(p, net.x, net.target).backward()
        if kind == 'clip_norm':
            torch.nn.utils.clip_grad_norm_(p, numbers[4])
        if kind == 'clip_value':
            torch.nn.utils.clip_grad_value_(p, numbers[5])
        optimizer.step()
    file.write('optimizer ' + kind + '\n')
    file.write(' '.join(['numbers', str(len(numbers))] + [number(n) for n in numbers]) + '\n')
    write_matrices(file, 'after', p)


def main():
    torch.set_num_threads(1)
    with open(os.path.join(FOLDER, 'torch_nets.txt'), 'w', encoding='ascii', newline='\n') as file:
        for index in range(NETS):
            net = Net(index)
            file.write('net ' + str(index) + '\n' + ' '.join(['sizes', str(len(net.sizes))] + [str(s) for s in net.sizes]) + '\n')
            file.write('activation ' + net.activation + '\nloss ' + net.loss + '\n')
            write_matrices(file, 'x', [net.x])
            write_matrices(file, 'target', [net.target])
            write_matrices(file, 'start', net.start)
            write_matrices(file, 'v', net.v)
            write_derivatives(file, net)
            for k in range(2):
                write_training(file, net, *OPTIMIZERS[(2 * index + k) % len(OPTIMIZERS)])


if __name__ == '__main__':
    main()
