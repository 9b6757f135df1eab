#!/usr/bin/env python3
"""pytorch.py - the nets of bench/nets.c in PyTorch, eager, on one thread: medians of rounds of about 20 ms, as JSON lines on stdout.

The nets come as arguments, NAME=SIZES:BATCH:ACTIVATION:OPTIMIZER, where SIZES are joined by '-'; bench --nets prints them so. Parameters, data and
batch stay the same from step to step; a step is the usual one: zero_grad, forward, loss, backward, optimizer step. --cpu-time before the nets:
processor time instead of wall time.
"""
import json
import sys
import time

import torch

ROUNDS, ROUND_SECONDS = 31, 0.02
OPTIMIZERS = {
    'sgd': lambda p: torch.optim.SGD(p, lr=1e-5),
    'momentum': lambda p: torch.optim.SGD(p, lr=1e-6, momentum=0.9),
    'adam': lambda p: torch.optim.Adam(p, lr=1e-6),
}


def model_of(sizes, activation):
    layers = []
    for l in range(len(sizes) - 1):
        layers.append(torch.nn.Linear(sizes[l], sizes[l + 1]))
        if l + 2 < len(sizes):
            layers.append(torch.nn.Tanh() if activation == 'tanh' else torch.nn.ReLU())
    return torch.nn.Sequential(*layers)


def step_of(sizes, batch, activation, optimizer):
    """A function that makes one step."""
    model, x = model_of(sizes, activation), torch.rand(batch, sizes[0])
    if optimizer == 'none':
        model.eval()

        def infer():
            with torch.inference_mode():
                return model(x)
        return infer
    make = OPTIMIZERS[optimizer](model.parameters())
    if activation == 'tanh':
        target, loss_of = torch.rand(batch, sizes[-1]), torch.nn.functional.mse_loss
    else:
        target, loss_of = torch.randint(sizes[-1], (batch,)), torch.nn.functional.cross_entropy

    def train():
        make.zero_grad(set_to_none=True)
        loss_of(model(x), target).backward()
        make.step()
    return train


def microseconds(step, clock):
    def seconds(count):
        before = clock()
        for _ in range(count):
            step()
        return clock() - before
    seconds(3)
    count = max(1, int(ROUND_SECONDS / max(1e-9, seconds(3) / 3)))
    readings, begin = [], time.perf_counter()
    while len(readings) < ROUNDS and (len(readings) < 3 or time.perf_counter() - begin < 20):
        readings.append(seconds(count) / count)
    return 1e6 * sorted(readings)[len(readings) // 2]


def main():
    torch.set_num_threads(1)
    torch.manual_seed(1)
    arguments = sys.argv[1:]
    clock = time.process_time if '--cpu-time' in arguments else time.perf_counter
    for argument in arguments:
        if argument == '--cpu-time':
            continue
        name, rest = argument.split('=')
        sizes, batch, activation, optimizer = rest.split(':')
        us = microseconds(step_of([int(n) for n in sizes.split('-')], int(batch), activation, optimizer), clock)
        print(json.dumps({'workload': name, 'threads': 1, 'subject': 'pytorch', 'us': round(us, 3)}), flush=True)


if __name__ == '__main__':
    main()
