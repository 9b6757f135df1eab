"""torch_losses.py - the losses of make_torch.py, in all reductions, weights and options that PyTorch has; weights that it lacks are
multiplied with what its loss gives without reduction."""
import torch
import torch.nn.functional as F

from make_torch import Fixed, Unfit, between, matrix, seed, short, write_samples

MEAN, SUM, NONE, BATCH_MEAN = 1, 2, 3, 4
NAMES = {MEAN: 'mean', SUM: 'sum', NONE: 'none', BATCH_MEAN: 'batchmean'}
REDUCTIONS = (MEAN, SUM, NONE)


def as_matrix(l):
    return l if l.dim() == 2 else l.reshape(-1, 1) if l.dim() == 1 else l.reshape(1, 1)


def weighted(loss, weight, reduction):
    """The weights of losses.h: of elements, rows or columns; the mean is by their sum."""
    w = weight.broadcast_to(loss.shape)
    total = (w * loss).sum()
    return w * loss if reduction == NONE else (total / w.sum() if reduction == MEAN else total).reshape(1, 1)


def weights(rows, cols):
    return (Fixed(between(0, 2, rows, cols)), Fixed(between(0, 2, rows, 1)), Fixed(between(0, 2, 1, cols)))


# ---- losses of elements: name here, of the samples, f(x, t, reduction, numbers), choices of numbers, draws of x and t ----

def poisson(x, t, reduction, rate, full, eps):
    return F.poisson_nll_loss(x, t, not rate, bool(full), eps=eps, reduction=reduction)


ELEMENTS = [
    ('mse_loss', 'mse_loss', lambda x, t, r: F.mse_loss(x, t, reduction=r), [()], (-2, 2), (-2, 2)),
    ('l1_loss', 'l1_loss', lambda x, t, r: F.l1_loss(x, t, reduction=r), [()], (-2, 2), (-2, 2)),
    ('huber_loss', 'huber_loss', lambda x, t, r, d: F.huber_loss(x, t, r, d), [(1,), (0.4,), (3,)], (-2, 2), (-2, 2)),
    ('smooth_l1_loss', 'smooth_l1_loss', lambda x, t, r, b: F.smooth_l1_loss(x, t, reduction=r, beta=b), [(1,), (0.4,), (3,), (0,)],
     (-2, 2), (-2, 2)),
    ('kl_div', 'kl_div', lambda x, t, r, log: F.kl_div(x, t, reduction=r, log_target=bool(log)), [(0,), (1,)], (-3, 0), (0.1, 0.9)),
    ('poisson_nll_loss', 'poisson_nll_loss', poisson, [(0, 0, 1e-8), (0, 1, 1e-8), (1, 0, 1e-8), (1, 1, 1e-3)], (0.2, 2), (0.1, 5)),
    ('hinge_loss', 'margin_ranking_loss', lambda x, t, r: F.margin_ranking_loss(x, torch.zeros_like(x), t, 1, reduction=r), [()], (-2, 2), None),
    ('squared_hinge_loss', 'margin_ranking_loss', None, [()], (-2, 2), None),
]


def squared_hinge(x, t, r):
    squares = F.margin_ranking_loss(x, torch.zeros_like(x), t, 1, reduction='none') ** 2
    return squares if r == 'none' else squares.sum() if r == 'sum' else squares.mean()


def write_elements(writer):
    for name, info, loss, choices, of_x, of_t in ELEMENTS:
        loss = loss or squared_hinge
        def case(x, t, reduction, numbers, weight=None):
            def function(x, t, w=None):
                if w is None:
                    return as_matrix(loss(x, t, NAMES[reduction], *numbers))
                if name == 'huber_loss':      # whose mean is over the count, like that of binary cross-entropy
                    l = w.broadcast_to(x.shape) * loss(x, t, 'none', *numbers)
                    return l if reduction == NONE else as_matrix(l.sum() if reduction == SUM else l.mean())
                return weighted(loss(x, t, 'none', *numbers), w, reduction)
            t = Fixed(t) if of_t is None else t
            writer.case(name, function, [x, t] + ([weight] if weight else [None]), (reduction,) + numbers)
        def target(*shape):
            return between(*of_t, *shape) if of_t else torch.randint(0, 2, shape, dtype=torch.float64) * 2 - 1
        seed(name)
        for numbers in choices:
            for reduction in REDUCTIONS + ((BATCH_MEAN,) if name == 'kl_div' else ()):
                case(between(*of_x, 3, 4), target(3, 4), reduction, numbers)
        for k, weight in enumerate(weights(3, 4)):
            for reduction in REDUCTIONS:
                case(between(*of_x, 3, 4), target(3, 4), reduction, choices[k % len(choices)], weight)
        if of_t:
            write_element_samples(writer, name, info, loss, choices, of_x, of_t)


def write_element_samples(writer, name, info, loss, choices, of_x, of_t):
    for numbers in choices[:2]:
        def fit(x, a, k):
            x, t = matrix(x), matrix(a[0])
            if x.shape != t.shape:
                raise Unfit
            reduction = {'none': NONE, 'sum': SUM}.get(k.get('reduction'), MEAN)
            return (lambda x, t, w: as_matrix(loss(x, t, NAMES[reduction], *numbers))), [x, t, None], (reduction,) + numbers
        write_samples(writer, name, 'nn.functional.' + info, fit, 3)


def write_gaussian(writer):
    seed('gaussian')
    for full in (0, 1):
        for reduction in REDUCTIONS:
            function = lambda x, t, v, w: as_matrix(F.gaussian_nll_loss(x, t, v, full=bool(full), eps=1e-6, reduction=NAMES[reduction]))
            operands = [between(-2, 2, 3, 4), between(-2, 2, 3, 4), between(0.3, 2, 3, 4), None]
            writer.case('gaussian_nll_loss', function, operands, (reduction, full, 1e-6))
            w = weights(3, 4)[reduction - 1]
            function = lambda x, t, v, w: weighted(F.gaussian_nll_loss(x, t, v, full=bool(full), eps=0.5, reduction='none'), w, reduction)
            writer.case('gaussian_nll_loss', function, [between(-2, 2, 3, 4), between(-2, 2, 3, 4), between(0.6, 2, 3, 4), w], (reduction, full, 0.5))


# ---- classes ----

def class_case(writer, name, call, x, y, classes, sample, reduction, numbers, by_labels=True):
    """call(x, y, class weights, reduction) is PyTorch's; weights of rows are multiplied with what it gives without reduction."""
    def function(x, y, w, s):
        target, w = (y.reshape(-1) if by_labels else y), None if w is None else w.reshape(-1)
        if s is None:
            return as_matrix(call(x, target, w, NAMES[reduction]))
        l = s * call(x, target, w, 'none').reshape(-1, 1)
        if reduction == NONE:
            return l
        return (l.sum() if reduction == SUM else l.sum() / s.sum()).reshape(1, 1)
    writer.case(name, function, [x, y, classes, sample], (reduction,) + numbers)


def write_classes(writer):
    seed('classes')
    labels = lambda: torch.randint(0, 5, (6, 1))
    for reduction in REDUCTIONS:
        for smoothing in (0, 0.1, 1):
            for with_classes in (0, 1):
                for ignore in (None, 2, -100):
                    w = Fixed(between(0.1, 2, 1, 5)) if with_classes else None
                    y = labels()
                    y[0] = 1      # one at least is not ignored
                    if ignore is not None:
                        y[3] = ignore
                    index = -100 if ignore is None else ignore
                    call = lambda x, t, w, r: F.cross_entropy(x, t, w, ignore_index=index, reduction=r, label_smoothing=smoothing)
                    numbers = (smoothing, float(ignore is not None), ignore or 0)
                    class_case(writer, 'cross_entropy', call, between(-3, 3, 6, 5), y, w, None, reduction, numbers)
                    if smoothing == 0:
                        call = lambda x, t, w, r: F.nll_loss(x, t, w, ignore_index=index, reduction=r)
                        class_case(writer, 'nll_loss', call, between(-3, 0, 6, 5), y, w, None, reduction, numbers[1:])
                w = Fixed(between(0.1, 2, 1, 5)) if with_classes else None
                call = lambda x, t, w, r: F.cross_entropy(x, t, w, reduction=r, label_smoothing=smoothing)
                t, x = between(0.1, 1, 6, 5), between(-3, 3, 6, 5)
                class_case(writer, 'cross_entropy_distribution', call, x, t / t.sum(1, True), w, None, reduction, (smoothing,), False)
        for smoothing in (0, 0.2):
            s = Fixed(between(0.1, 2, 6, 1))
            call = lambda x, t, w, r: F.cross_entropy(x, t, w, reduction=r, label_smoothing=smoothing)
            class_case(writer, 'cross_entropy', call, between(-3, 3, 6, 5), labels(), None, s, reduction, (smoothing, 0, 0))
        call = lambda x, t, w, r: F.nll_loss(x, t, w, reduction=r)
        class_case(writer, 'nll_loss', call, between(-3, 0, 6, 5), labels(), None, s, reduction, (0, 0))
    write_class_samples(writer)


def write_class_samples(writer):
    """PyTorch's own samples, of which those of [batch, classes] fit."""
    def fit(x, a, k):
        y = a[0]
        by_labels = y.dtype == torch.int64
        if x.dim() != 2 or y.dim() != (1 if by_labels else 2) or (by_labels and 'ignore_index' in k):
            raise Unfit
        smoothing, reduction = k.get('label_smoothing', 0), {'none': NONE, 'sum': SUM}.get(k.get('reduction'), MEAN)
        w = k.get('weight')
        function = lambda x, y, w, s: as_matrix(F.cross_entropy(x, y.reshape(-1) if by_labels else y, None if w is None else w.reshape(-1),
                                                                reduction=NAMES[reduction], label_smoothing=smoothing))
        operands = [x, y.reshape(-1, 1) if by_labels else y, None if w is None else Fixed(w.detach().reshape(1, -1)), None]
        return function, operands, (reduction, smoothing) + ((0, 0) if by_labels else ())
    write_samples(writer, 'cross_entropy', 'nn.functional.cross_entropy', lambda x, a, k: fit(x, a, k) if a[0].dtype == torch.int64 else unfit(), 12)
    write_samples(writer, 'cross_entropy_distribution', 'nn.functional.cross_entropy',
                  lambda x, a, k: fit(x, a, k) if a[0].dtype != torch.int64 else unfit(), 12)


def unfit():
    raise Unfit


def write_binary(writer):
    seed('binary')
    for reduction in REDUCTIONS:
        for weight in (None,) + weights(4, 3):
            for pos in (None, Fixed(between(0.2, 3, 1, 3))):
                def function(x, t, w, p):
                    p = None if p is None else p.reshape(-1)
                    return as_matrix(F.binary_cross_entropy_with_logits(x, t, w, pos_weight=p, reduction=NAMES[reduction]))
                x, t = between(-4, 4, 4, 3), Fixed(between(0, 1, 4, 3))
                writer.case('binary_cross_entropy_with_logits', function, [x, t, weight, pos], (reduction,))


# ---- embeddings ----

def write_embeddings(writer):
    seed('embeddings')
    write_samples(writer, 'cosine_similarity', 'nn.functional.cosine_similarity', fit_cosine)
    for reduction in REDUCTIONS:
        for margin in (0, 0.3, -0.5):
            target = torch.tensor([[1.0], [-1], [1], [-1], [-1]], dtype=torch.float64)
            function = lambda x, y, t: as_matrix(F.cosine_embedding_loss(x, y, t.reshape(-1), margin, reduction=NAMES[reduction]))
            writer.case('cosine_embedding_loss', function, [between(-2, 2, 5, 3), between(-2, 2, 5, 3), Fixed(target)], (reduction, margin))
        for margin, eps, swap in ((1, 1e-6, 0), (1, 1e-6, 1), (0.3, 1e-3, 0), (2, 0.1, 1)):
            function = lambda a, p, n: as_matrix(F.triplet_margin_loss(a, p, n, margin, 2, eps, bool(swap), reduction=NAMES[reduction]))
            writer.case('triplet_margin_loss', function, [between(-1, 1, 5, 3) for _ in range(3)], (reduction, margin, eps, swap))


def fit_cosine(x, a, k):
    x, y = matrix(x), matrix(a[0])
    if x.shape != y.shape or k.get('dim', 1) not in (1, -1):
        raise Unfit
    eps = k.get('eps', 1e-8)
    return (lambda x, y: F.cosine_similarity(x, y, 1, eps).reshape(-1, 1)), [x, y], (eps,)


def write(writer):
    write_elements(writer)
    write_gaussian(writer)
    write_classes(writer)
    write_binary(writer)
    write_embeddings(writer)
