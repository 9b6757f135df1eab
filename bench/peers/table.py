#!/usr/bin/env python3
"""table.py FIGURES.json PEERS.jsonl [NETS]: what bench --json and pytorch.py have measured, as one Markdown table. NETS: lines of bench --nets."""
import json
import sys


def read(figures, peers):
    table = {}
    with open(figures, encoding='utf-8') as f:
        for figure in json.load(f):
            table.setdefault(figure['workload'], {})[figure['subject']] = figure
    with open(peers, encoding='utf-8') as f:
        for line in f:
            figure = json.loads(line)
            table.setdefault(figure['workload'], {})[figure['subject']] = figure
    return table


def net_texts(path):
    texts = {}
    with open(path, encoding='utf-8') as f:
        for line in f:
            name, rest = line.strip().split('=')
            sizes, batch, activation, optimizer = rest.split(':')
            if len(sizes) > 40:
                sizes = '%d layers of %s' % (sizes.count('-'), sizes.split('-')[0])
            texts[name] = '%s, batch %s, %s, %s' % (sizes, batch, activation, 'inference' if optimizer == 'none' else optimizer)
    return texts


def main():
    table, texts = read(sys.argv[1], sys.argv[2]), net_texts(sys.argv[3])
    print('| | net | by hand, us | plan | define-by-run | PyTorch | PyTorch / define-by-run |')
    print('| --- | --- | ---: | ---: | ---: | ---: | ---: |')
    for name, row in table.items():
        if 'floor' not in row:
            continue
        peer, run = row.get('pytorch'), row['define_by_run']
        print('| %s | %s | %.4g | %.3f | %.3f | %s | %s |' % (
            name, texts.get(name, ''), row['floor']['us'], row['plan']['ratio_to_floor'], run['ratio_to_floor'],
            '%.3f' % (peer['us'] / row['floor']['us']) if peer else '', '%.1f' % (peer['us'] / run['us']) if peer else ''))


if __name__ == '__main__':
    main()
