#!/usr/bin/env python3
"""make_torch.py - writes torch.txt: values, vjps and second derivatives of ops and losses as PyTorch computes them.

Needs Debian's python3-torch. Operands are those of PyTorch's own operator samples where they fit matrices, and a few drawn here."""
import os
import sys
import types
import unittest
import warnings

stand_in = types.ModuleType('expecttest')      # which PyTorch's test module imports, and Debian does not have
stand_in.ACCEPT = False
stand_in.TestCase = unittest.TestCase
sys.modules['expecttest'] = stand_in

import random
import numpy
import torch
from torch.testing._internal.common_methods_invocations import op_db

from golden import FOLDER, line, number

LARGEST = 50      # elements of an operand
INFOS = {(info.name, info.variant_test_name): info for info in op_db}


class Unfit(Exception):
    pass


def seed(name):
    """The same draws for the same name, wherever it stands in the list."""
    value = sum((k + 1) * ord(c) for k, c in enumerate(name))
    random.seed(value)
    numpy.random.seed(value)
    torch.manual_seed(value)


def matrix(t):
    """A tensor of rank 0, 1 or 2 as a matrix, which broadcasts alike."""
    if not torch.is_tensor(t):
        t = torch.tensor(float(t), dtype=torch.float64)
    t = t.detach()
    if t.dim() > 2:
        raise Unfit
    if t.dtype == torch.bool:
        t = t.to(torch.float64)
    return t.reshape(1, -1) if t.dim() < 2 else t.contiguous()


def samples(name, dtype=torch.float64):
    """Operands and options of PyTorch's samples for one of its ops, "name" or "name:variant"."""
    name, _, variant = name.partition(':')
    seed(name)
    return list(INFOS[(name, variant)].sample_inputs('cpu', dtype))


def short(*shape):
    """Numbers of few digits, for cotangents and vectors."""
    return torch.randint(-16, 17, shape, dtype=torch.float64) / 8


def between(lo, hi, *shape):
    return lo + (hi - lo) * torch.rand(*shape, dtype=torch.float64)


class Fixed:
    """An operand by which nothing is differentiated."""
    def __init__(self, tensor):
        self.tensor = tensor


class Writer:
    def __init__(self, path):
        self.file, self.seen, self.count = open(path, 'w', encoding='ascii', newline='\n'), set(), {}

    def matrix(self, kind, t):
        rows, cols = t.shape
        stored = t.detach() + torch.zeros(t.shape, dtype=t.dtype)      # PyTorch has zeros without memory
        self.file.write(line(kind, rows, cols, stored.reshape(-1).tolist()))

    def derivatives(self, y, leaves, second):
        """What the walk back gives for a cotangent u, and what both walks give for vectors v."""
        u, v = short(*y.shape).requires_grad_(), [short(*x.shape) for x in leaves]
        zeros = lambda found, of: [torch.zeros_like(x) if g is None else g for g, x in zip(found, of)]
        vjp = zeros(torch.autograd.grad(y, leaves, u, create_graph=True, allow_unused=True), leaves)
        self.matrices(('u', [u]), ('vjp', vjp))
        if not second:
            return
        total = sum((a * b).sum() for a, b in zip(vjp, v))
        wanted = leaves + [u]
        try:
            found = zeros(torch.autograd.grad(total, wanted, allow_unused=True) if total.requires_grad else [None] * len(wanted), wanted)
        except RuntimeError as error:      # some ops of PyTorch have one derivative only, layer_norm without weight too
            if 'is not implemented' not in str(error) and 'undefined Tensor' not in str(error):
                raise
            return
        self.matrices(('v', v), ('second', found[:-1]), ('jvp', found[-1:]))

    def matrices(self, *lists):
        for kind, tensors in lists:
            for t in tensors:
                self.matrix(kind, t)

    def case(self, name, function, operands, numbers=(), second=True):
        """Without second, only the first derivative: PyTorch's elu has at its kink the first from one side and the second from the other."""
        leaves, arguments, text = [], [], []
        for operand in operands:
            if operand is None:
                text.append('none\n')
            elif isinstance(operand, Fixed):
                text.append(line('fixed', *operand.tensor.shape, operand.tensor.reshape(-1).tolist()))
                operand = operand.tensor
            elif operand.dtype == torch.int64:
                text.append(line('index', *operand.shape, operand.reshape(-1).tolist()))
            else:
                operand = operand.detach().clone().requires_grad_()
                leaves.append(operand)
                text.append(line('in', *operand.shape, operand.reshape(-1).tolist()))
            arguments.append(operand)
        if any(a is not None and a.numel() > LARGEST for a in arguments):
            raise Unfit
        y = function(*arguments)
        if y.dim() != 2:
            raise ValueError(name + ' has no matrix as its value')
        if y.dtype == torch.bool:
            y = y.to(torch.float64)
        text = ''.join(text)
        if (name, text, tuple(numbers)) in self.seen:
            raise Unfit
        self.seen.add((name, text, tuple(numbers)))
        self.count[name] = self.count.get(name, 0) + 1
        self.file.write('case ' + name + '\n')
        if numbers:
            self.file.write(' '.join(['numbers', str(len(numbers))] + [number(n) for n in numbers]) + '\n')
        self.file.write(text)
        self.matrix('out', y)
        if y.requires_grad:
            self.derivatives(y, leaves, second)


def write_samples(writer, name, info, fit, most=12, dtype=torch.float64):
    """Each sample of info that fit, which may raise Unfit, turns into (function, operands, numbers)."""
    written = 0
    for sample in samples(info, dtype):
        if written == most:
            break
        try:
            writer.case(name, *fit(sample.input, sample.args, sample.kwargs))
            written += 1
        except Unfit:
            pass
    return written


def main():
    import torch_losses
    import torch_ops
    torch.set_num_threads(1)
    warnings.simplefilter('ignore')
    writer = Writer(os.path.join(FOLDER, 'torch.txt'))
    torch_ops.write(writer)
    torch_losses.write(writer)
    print(len(writer.count), 'names,', sum(writer.count.values()), 'cases')


if __name__ == '__main__':
    sys.modules['make_torch'] = sys.modules['__main__']
    main()
