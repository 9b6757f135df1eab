"""torch_ops.py - the ops of make_torch.py: which of PyTorch's is the one of tapegrad, and with which operands it is asked."""
import torch
import torch.nn.functional as F

from make_torch import Fixed, Unfit, between, matrix, samples, seed, short, write_samples

INF = float('inf')

# ---- element by element: name here, name of the samples, function, where further points are drawn, and kinks ----

ONE = [
    ('neg', 'neg', torch.neg, -2, 2, []),
    ('square', 'square', torch.square, -2, 2, [0]),
    ('sqrt', 'sqrt', torch.sqrt, 0.1, 9, []),
    ('rsqrt', 'rsqrt', torch.rsqrt, 0.1, 9, []),
    ('reciprocal', 'reciprocal', torch.reciprocal, 0.1, 9, []),
    ('exp', 'exp', torch.exp, -5, 2, [0]),
    ('expm1', 'expm1', torch.expm1, -2, 2, [0]),
    ('log', 'log', torch.log, 0.1, 9, [1]),
    ('log1p', 'log1p', torch.log1p, -0.9, 5, [0]),
    ('sin', 'sin', torch.sin, -5, 5, [0]),
    ('cos', 'cos', torch.cos, -5, 5, [0]),
    ('erf', 'erf', torch.erf, -2, 2, [0]),
    ('erfc', 'erfc', torch.erfc, -2, 2, [0]),
    ('sign', 'sign', torch.sign, -2, 2, [0]),
    ('floor', 'floor', torch.floor, -9, 9, [-1, 0, 2]),
    ('round', 'round', torch.round, -9, 9, [-1.5, 0.5, 1.5, 2.5]),
    ('abs', 'abs', torch.abs, -2, 2, [0]),
    ('relu', 'nn.functional.relu', F.relu, -2, 2, [0]),
    ('relu6', 'nn.functional.relu6', F.relu6, -2, 8, [0, 6]),
    ('selu', 'nn.functional.selu', F.selu, -3, 2, [0]),
    ('hard_tanh', 'nn.functional.hardtanh', F.hardtanh, -2, 2, [-1, 0, 1]),
    ('hard_sigmoid', 'nn.functional.hardsigmoid', F.hardsigmoid, -4, 4, [-3, 0, 3]),
    ('hard_swish', 'nn.functional.hardswish', F.hardswish, -4, 4, [0]),
    ('sigmoid', 'sigmoid', torch.sigmoid, -5, 5, [0]),
    ('tanh', 'tanh', torch.tanh, -3, 3, [0]),
    ('softplus', 'nn.functional.softplus', lambda x: F.softplus(x, threshold=700), -5, 5, [0]),
    ('log_sigmoid', 'nn.functional.logsigmoid', F.logsigmoid, -5, 5, [0]),
    ('softsign', 'nn.functional.softsign', F.softsign, -5, 5, []),
    ('silu', 'nn.functional.silu', F.silu, -5, 5, [0]),
    ('mish', 'nn.functional.mish', F.mish, -5, 5, [0]),
    ('gelu', 'nn.functional.gelu', F.gelu, -4, 4, [0]),
    ('gelu_tanh', 'nn.functional.gelu', lambda x: F.gelu(x, approximate='tanh'), -4, 4, [0]),
    ('sum_rows', 'sum', lambda x: x.sum(0, True), -2, 2, []),
    ('sum_cols', 'sum', lambda x: x.sum(1, True), -2, 2, []),
    ('sum', 'sum', lambda x: x.sum().reshape(1, 1), -2, 2, []),
    ('mean_rows', 'mean', lambda x: x.mean(0, True), -2, 2, []),
    ('mean_cols', 'mean', lambda x: x.mean(1, True), -2, 2, []),
    ('mean', 'mean', lambda x: x.mean().reshape(1, 1), -2, 2, []),
    ('max_rows', 'amax', lambda x: x.amax(0, True), -2, 2, [1, 1, 0]),
    ('max_cols', 'amax', lambda x: x.amax(1, True), -2, 2, [1, 1, 0]),
    ('max', 'amax', lambda x: x.amax().reshape(1, 1), -2, 2, [1, 1, 0]),
    ('min_rows', 'amin', lambda x: x.amin(0, True), -2, 2, [1, 0, 0]),
    ('min_cols', 'amin', lambda x: x.amin(1, True), -2, 2, [1, 0, 0]),
    ('min', 'amin', lambda x: x.amin().reshape(1, 1), -2, 2, [1, 0, 0]),
    ('argmax', 'argmax', lambda x: x.argmax(1, True), -2, 2, []),
    ('argmin', 'argmin', lambda x: x.argmin(1, True), -2, 2, []),
    ('prod_rows', 'prod', lambda x: x.prod(0, True), -2, 2, [2, 0, 3]),
    ('prod_cols', 'prod', lambda x: x.prod(1, True), -2, 2, [2, 0, 3]),
    ('prod', 'prod', lambda x: x.prod().reshape(1, 1), -2, 2, [2, 0, 3]),
    ('norm_rows', 'norm', lambda x: torch.linalg.vector_norm(x, dim=0, keepdim=True), -2, 2, []),
    ('norm_cols', 'norm', lambda x: torch.linalg.vector_norm(x, dim=1, keepdim=True), -2, 2, []),
    ('norm', 'norm', lambda x: torch.linalg.vector_norm(x).reshape(1, 1), -2, 2, []),
    ('logsumexp', 'logsumexp', lambda x: x.logsumexp(1, True), -4, 4, []),
    ('softmax', 'softmax', lambda x: x.softmax(1), -4, 4, []),
    ('log_softmax', 'log_softmax', lambda x: x.log_softmax(1), -4, 4, []),
    ('transpose', 't', lambda x: x.t(), -2, 2, []),
    ('stop', 'contiguous', lambda x: x.detach(), -2, 2, []),
]


def write_ones(writer):
    for name, info, function, lo, hi, kinks in ONE:
        def fit(x, args, kwargs):
            x = matrix(x)[:4, :6]
            if x.numel() == 0 and name in ('max', 'max_rows', 'max_cols', 'min', 'min_rows', 'min_cols', 'argmax', 'argmin'):
                raise Unfit
            return function, [x]
        write_samples(writer, name, info, fit, 4)
        seed(name)
        writer.case(name, function, [between(lo, hi, 3, 5)])
        if kinks:
            writer.case(name, function, [torch.tensor([kinks], dtype=torch.float64)], (), name != 'selu')


# ---- with numbers ----

# Some numbers are short because PyTorch has 1 / alpha of celu in float.
NUMBERED = [
    ('scale', 'mul', lambda x, c: x * c, [(0.75,), (-3,)]),
    ('shift', 'add', lambda x, c: x + c, [(0.75,), (-3,)]),
    ('leaky_relu', 'nn.functional.leaky_relu', F.leaky_relu, [(0.01,), (-0.5,), (2,)]),
    ('elu', 'nn.functional.elu', F.elu, [(1,), (0.25,)]),
    ('celu', 'nn.functional.celu', F.celu, [(1,), (0.25,), (2,)]),
    ('clamp', 'clamp', torch.clamp, [(-1, 1), (-0.5, 0.75), (2, -2)]),
    ('threshold', 'nn.functional.threshold', F.threshold, [(0, 0), (0.5, -1), (-1, 2)]),
    ('pow_scalar', 'square', torch.pow, [(2,), (3,), (1,), (0,), (-1,), (4,)]),
    ('pow_scalar', 'sqrt', torch.pow, [(0.5,), (2.5,), (-0.5,), (-2,)]),
    ('var', 'var', lambda x, c: torch.var(x, dim=None, correction=c).reshape(1, 1), [(0,), (1,), (2,)]),
    ('var_rows', 'var', lambda x, c: torch.var(x, dim=0, correction=c, keepdim=True), [(0,), (1,), (2,)]),
    ('var_cols', 'var', lambda x, c: torch.var(x, dim=1, correction=c, keepdim=True), [(0,), (1,), (2,)]),
]


def write_numbered(writer):
    for name, info, function, choices in NUMBERED:
        for numbers in choices:
            def call(x):
                return function(x, *numbers)
            def fit(x, args, kwargs):
                x = matrix(x)[:4, :6]
                if {'var': x.numel(), 'var_rows': x.shape[0], 'var_cols': x.shape[1]}.get(name, INF) < numbers[0]:
                    raise Unfit      # fewer elements than the correction: our derivative is NaN there, PyTorch's is not
                return call, [x], numbers
            write_samples(writer, name, info, fit, 2)
            seed(name)
            positive = info == 'sqrt'
            writer.case(name, call, [between(0.1 if positive else -3, 3, 4, 4)], numbers)
            if name in ('leaky_relu', 'elu', 'celu', 'clamp', 'threshold'):
                writer.case(name, call, [torch.tensor([[0.0, 1.0, 2.0, *numbers]], dtype=torch.float64)], numbers, not name.endswith('elu'))


# ---- of two and three ----

TWO = [
    ('add', 'add', torch.add), ('sub', 'sub', torch.sub), ('mul', 'mul', torch.mul), ('div', 'div:no_rounding_mode', torch.div),
    ('pow', 'pow', torch.pow), ('maximum', 'maximum', torch.maximum), ('minimum', 'minimum', torch.minimum),
    ('greater', 'gt', torch.gt), ('greater_equal', 'ge', torch.ge), ('less', 'lt', torch.lt), ('less_equal', 'le', torch.le),
    ('equal', 'eq', torch.eq), ('not_equal', 'ne', torch.ne),
    ('same', 'isclose', lambda x, y: torch.isclose(*torch.broadcast_tensors(x, y), rtol=0, atol=0, equal_nan=True)),
]


def write_twos(writer):
    for name, info, function in TWO:
        write_samples(writer, name, info, lambda x, args, kwargs: (function, [matrix(x), matrix(args[0])]), 8)
        seed(name)
        x, y = between(0.2, 2, 3, 4), between(0.2, 2, 1, 4)
        writer.case(name, function, [x, y])
        writer.case(name, function, [y, x])
        writer.case(name, function, [between(0.2, 2, 3, 1), x])
        writer.case(name, function, [between(0.2, 2, 1, 1), between(0.2, 2, 3, 1)])
        ties = torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64)
        writer.case(name, function, [ties, torch.tensor([[1.0, 3.0, 2.0]], dtype=torch.float64)])


def write_prelu(writer):
    def fit(x, args, kwargs):
        x, weight = matrix(x), matrix(args[0] if args else kwargs['weight'])
        if x.dim() != 2 or weight.numel() not in (1, x.shape[1]):
            raise Unfit
        return (lambda x, w: F.prelu(x, w.reshape(-1))), [x, weight]
    write_samples(writer, 'prelu', 'nn.functional.prelu', fit)


def write_threes(writer):
    write_samples(writer, 'lerp', 'lerp', lambda x, a, k: (torch.lerp, [matrix(x), matrix(a[0]), matrix(a[1])]))
    seed('lerp')
    writer.case('lerp', torch.lerp, [short(3, 2), short(3, 1), between(0, 1, 1, 2)])
    choose = lambda c, x, y: torch.where(c != 0, x, y)
    def fit_where(x, a, k):
        c, x, y = matrix(a[0]), matrix(x), matrix(a[1])
        return choose, [Fixed(c[:5]), x[:5], y[:5]]
    write_samples(writer, 'select', 'where', fit_where)
    def fit_axpy(x, a, k):
        if k or matrix(a[0]).shape != matrix(x).shape:
            raise Unfit
        return (lambda s, p, q: torch.addcmul(q, s, p)), [short(1, 1), matrix(x), matrix(a[0])]
    write_samples(writer, 'axpy', 'addcmul', fit_axpy)


def write(writer):
    import torch_matrices
    write_ones(writer)
    write_numbered(writer)
    write_twos(writer)
    write_prelu(writer)
    write_threes(writer)
    torch_matrices.write(writer)
