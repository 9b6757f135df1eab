"""torch_matrices.py - the rest of torch_ops.py: products, parts and joins, normalisation."""
import torch
import torch.nn.functional as F

from make_torch import Fixed, Unfit, between, matrix, samples, seed, short, write_samples


def row(t):
    return None if t is None else t.detach().reshape(1, -1)


def column(t):
    return t.detach().reshape(-1, 1)


# ---- products ----

def write_products(writer):
    plain, transposed = torch.mm, lambda x, y: x.t() @ y
    write_samples(writer, 'matmul', 'mm', lambda x, a, k: (plain, [matrix(x), matrix(a[0])], (0, 0)))
    write_samples(writer, 'matmul', 'addmm', lambda x, a, k: (plain, [a[0], a[1]], (0, 0)), 1)
    seed('matmul')
    writer.case('matmul', transposed, [short(4, 2), between(-1, 1, 4, 3)], (1, 0))
    writer.case('matmul', lambda x, y: x @ y.t(), [between(-1, 1, 2, 4), short(3, 4)], (0, 1))
    writer.case('matmul', lambda x, y: x.t() @ y.t(), [between(-1, 1, 4, 2), short(3, 4)], (1, 1))

    def fit_linear(x, a, k):
        x, w = matrix(x), a[0].t()
        return (lambda x, w, b=None: F.linear(x, w.t(), None if b is None else b.reshape(-1))), [x, w] + [row(b) for b in a[1:]]
    write_samples(writer, 'linear', 'nn.functional.linear', fit_linear, 8)

    def fit_bilinear(x, a, k):
        out, first, second = a[1].shape
        weight = a[1].reshape(out, first * second).t()
        def function(x, z, w, b=None):
            return F.bilinear(x, z, w.t().reshape(out, first, second), None if b is None else b.reshape(-1))
        return function, [matrix(x), matrix(a[0]), weight] + [row(b) for b in a[2:]]
    write_samples(writer, 'bilinear', 'nn.functional.bilinear', fit_bilinear)
    seed('bilinear')
    bilinear = lambda x, z, w, b: F.bilinear(x, z, w.t().reshape(3, 2, 4), b.reshape(-1))
    writer.case('bilinear', bilinear, [between(-1, 1, 5, 2), between(-1, 1, 5, 4), between(-1, 1, 8, 3), short(1, 3)])
    write_samples(writer, 'outer', 'outer', lambda x, a, k: (lambda x, y: torch.outer(x.reshape(-1), y.reshape(-1)), [row(x), column(a[0])]))


# ---- parts and joins ----

def sizes_of(a):
    sizes = list(a[0]) if isinstance(a[0], (list, tuple, torch.Size)) else list(a)
    if len(sizes) > 2:
        raise Unfit
    return [1] * (2 - len(sizes)) + sizes


def write_parts(writer):
    def fit_broadcast(x, a, k):
        sizes = sizes_of(a)
        return (lambda x: x.broadcast_to(sizes)), [matrix(x)], sizes
    write_samples(writer, 'broadcast_to', 'broadcast_to', fit_broadcast)
    def fit_sum_to(x, a, k):
        x, sizes = matrix(x), sizes_of(a)
        return (lambda x: x.sum_to_size(sizes)), [x], sizes
    write_samples(writer, 'sum_to', 'sum_to_size', fit_sum_to)
    def fit_reshape(x, a, k):
        sizes = sizes_of(a)
        return (lambda x: x.reshape(sizes)), [matrix(x)], sizes
    write_samples(writer, 'reshape', 'reshape', fit_reshape)
    seed('parts')
    x = between(-2, 2, 4, 6)
    writer.case('broadcast_to', lambda x: x.broadcast_to(3, 4), [between(-1, 1, 3, 1)], (3, 4))
    writer.case('broadcast_to', lambda x: x.broadcast_to(3, 4), [between(-1, 1, 1, 1)], (3, 4))
    writer.case('sum_to', lambda x: x.sum_to_size(4, 1), [x], (4, 1))
    writer.case('reshape', lambda x: x.reshape(3, -1), [x], (3, -1))
    writer.case('view', lambda x: x.reshape(-1)[5:17].reshape(3, 4), [x], (5, 3, 4))
    writer.case('slice_rows', lambda x: x.narrow(0, 1, 2), [x], (1, 3))
    writer.case('slice_cols', lambda x: x.narrow(1, 2, 3), [x], (2, 5))
    writer.case('slice_cols', lambda x: x.narrow(1, 2, 0), [x], (2, 2))
    writer.case('repeat_rows', lambda x: x.repeat(3, 1), [x[:2, :3]], (3,))
    writer.case('repeat_cols', lambda x: x.repeat(1, 2), [x[:2, :3]], (2,))
    write_samples(writer, 'pad_cols', 'constant_pad_nd', lambda x, a, k: pad(x, a[0]))
    writer.case('pad_cols', lambda x: F.pad(x, (2, 1)), [x[:2]], (2, 1))
    def fit_cat(parts, a, k):
        dim = k.get('dim', 0) % 2 if parts[0].dim() == 2 else 1
        return (lambda *p: torch.cat(p, dim)), [matrix(p) for p in parts], (), dim
    for sample in samples('cat'):
        try:
            function, parts, numbers, dim = fit_cat(sample.input, sample.args, sample.kwargs)
            writer.case(('concat_rows', 'concat_cols')[dim], function, parts)
        except Unfit:
            pass
    writer.case('concat', lambda *p: torch.cat([q.reshape(-1) for q in p]).reshape(1, -1), [x[:2, :2], x[:1, :3], x[:3, :1]])
    writer.case('diagonal', lambda x: x.diagonal().reshape(1, -1), [samples('diagonal')[0].input])
    writer.case('diag_embed', lambda x: x.reshape(-1).diag_embed(), [samples('diag_embed')[0].input[:1]])


def pad(x, sides):
    if len(sides) != 2:
        raise Unfit
    return (lambda x: F.pad(x, sides)), [matrix(x)], tuple(sides)


def write_chosen(writer):
    def fit_embedding(table, a, k):
        if k or a[0].dim() > 1:
            raise Unfit
        return (lambda t, i: F.embedding(i.reshape(-1), t)), [table, column(a[0])]
    write_samples(writer, 'gather_rows', 'nn.functional.embedding', fit_embedding)
    def fit_select(x, a, k):
        x = matrix(x).t() if x.dim() < 2 else x
        return (lambda t, i: torch.index_select(t, 0, i.reshape(-1))), [x, column(a[1])]
    write_samples(writer, 'gather_rows', 'index_select', fit_select)
    def fit_add(x, a, k):
        rows, source, index = x.shape[0] if x.dim() else 1, a[2], column(a[1])
        source = source.reshape(-1, 1) if source.dim() < 2 else source
        zeros = torch.zeros(rows, source.shape[1], dtype=torch.float64)
        return (lambda s, i: zeros.index_add(0, i.reshape(-1), s)), [source, index], (rows,)
    write_samples(writer, 'scatter_rows', 'index_add', fit_add)
    seed('chosen')
    index = torch.tensor([[2], [0], [2], [1], [2]])
    zeros = torch.zeros(4, 3, dtype=torch.float64)
    writer.case('scatter_rows', lambda s, i: zeros.index_add(0, i.reshape(-1), s), [between(-1, 1, 5, 3), index], (4,))
    writer.case('gather_rows', lambda t, i: F.embedding(i.reshape(-1), t), [between(-1, 1, 4, 3), index])
    write_samples(writer, 'one_hot', 'nn.functional.one_hot', fit_one_hot, 12, torch.int64)
    writer.case('one_hot', lambda i: F.one_hot(i.reshape(-1), 4).to(torch.float64), [index], (4,))


def fit_one_hot(x, a, k):
    classes = k.get('num_classes', a[0] if a else -1)
    if x.dim() > 1 or classes <= 0 or classes > 10:
        raise Unfit
    return (lambda i: F.one_hot(i.reshape(-1), classes).to(torch.float64)), [column(x)], (classes,)


# ---- halves, normalisation ----

def write_norms(writer):
    def fit_glu(x, a, k):
        x = matrix(x)
        if (a[0] if a else -1) % x.dim() != 1 or x.shape[1] % 2:
            raise Unfit
        return (lambda x: F.glu(x, 1)), [x]
    write_samples(writer, 'glu', 'nn.functional.glu', fit_glu, 4)
    seed('norms')

    def fit_layer(x, a, k):
        if len(a[0]) != 1 or k.get('eps', 1e-5) < 0:
            raise Unfit
        eps, flat = k.get('eps', 1e-5), lambda t: None if t is None else t.reshape(-1)
        rest = [row(t) for t in a[1:]] + [None] * (3 - len(a))
        return (lambda x, w, b: F.layer_norm(x, (x.shape[1],), flat(w), flat(b), eps)), [matrix(x)] + rest, (eps,)
    write_samples(writer, 'layer_norm', 'nn.functional.layer_norm', fit_layer)
    layer = lambda eps: lambda x, w, b: F.layer_norm(x, (x.shape[1],), w if w is None else w.reshape(-1), b if b is None else b.reshape(-1), eps)
    for weight, bias, eps in ((short(1, 5), short(1, 5), 1e-5), (short(1, 5), None, 0.1), (None, short(1, 5), 0), (None, None, 1e-3)):
        writer.case('layer_norm', layer(eps), [between(-2, 2, 4, 5), weight, bias], (eps,))
    write_batch_norms(writer)


def batch(training, momentum, eps):
    flat = lambda t: None if t is None else t.reshape(-1).clone()
    def function(x, mean, var, w, b):
        return F.batch_norm(x, flat(mean), flat(var), flat(w), flat(b), bool(training), momentum, eps)
    return function


def running(momentum, eps):
    """What batch_norm leaves in the running mean and variance, one below the other."""
    def function(x, mean, var):
        kept = [t.reshape(-1).clone() for t in (mean, var)]
        F.batch_norm(x, kept[0], kept[1], None, None, True, momentum, eps)
        return torch.stack(kept)
    return function


def write_batch_norms(writer):
    def fit(x, a, k):
        if x.dim() != 2 or x.numel() == 0:
            raise Unfit
        training, momentum, eps = k.get('training', False), k.get('momentum', 0.1), k.get('eps', 1e-5)
        mean, var, w, b = [row(t) for t in a]
        keep = [None, None] if training or mean is None else [Fixed(mean), Fixed(var)]
        return batch(training, momentum, eps), [x] + keep + [w, b], (float(training), momentum, eps)
    write_samples(writer, 'batch_norm', 'nn.functional.batch_norm', fit)
    seed('batch_norm')
    for training, weight, bias in ((1, 1, 1), (1, 0, 0), (1, 1, 0), (0, 1, 1), (0, 0, 0), (0, 0, 1)):
        x, w, b = between(-2, 2, 6, 4), short(1, 4) if weight else None, short(1, 4) if bias else None
        kept = [None, None] if training else [Fixed(between(-1, 1, 1, 4)), Fixed(between(0.5, 2, 1, 4))]
        writer.case('batch_norm', batch(training, 0.1, 1e-5), [x] + kept + [w, b], (training, 0.1, 1e-5))
        if training:
            fixed = [Fixed(x), Fixed(between(-1, 1, 1, 4)), Fixed(between(0.5, 2, 1, 4))]
            writer.case('batch_norm_running', running(0.1 + 0.2 * weight, 1e-5), fixed, (0.1 + 0.2 * weight, 1e-5))


def write_composed(writer):
    """What PyTorch 1.13 has no op for, written in its ops: the derivatives are its own."""
    seed('composed')
    writer.case('swiglu', lambda x: F.silu(x[:, :3]) * x[:, 3:], [between(-4, 4, 4, 6)])
    writer.case('gaussian', lambda x: torch.exp(-x * x), [between(-3, 3, 4, 5)])
    rms = lambda eps: lambda x, w=None: x * torch.rsqrt((x * x).mean(1, True) + eps) * (1 if w is None else w)
    writer.case('rms_norm', rms(1e-5), [between(-2, 2, 4, 5), None], (1e-5,))
    writer.case('rms_norm', rms(0.1), [between(-2, 2, 3, 4), between(-2, 2, 1, 4)], (0.1,))
    for most in (0.5, 1.5):
        writer.case('clip_factor', lambda x: torch.clamp(most / (torch.sqrt(x) + 1e-6), max=1), [between(0.05, 4, 4, 5)], (most,))


def write(writer):
    write_products(writer)
    write_parts(writer)
    write_chosen(writer)
    write_norms(writer)
    write_composed(writer)
