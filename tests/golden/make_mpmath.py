#!/usr/bin/env python3
"""make_mpmath.py - writes mpmath.txt: activations and other functions of one number with three derivatives, at 200 points each, tails included.

Needs Debian's python3-mpmath. Derivatives come from arithmetic on Taylor polynomials, computed with 600 and with 900 digits; both must agree in 50,
and the nearest double is written."""
import os
import random

from mpmath import mp, mpf

from golden import FOLDER, line, number, rounded

POINTS, DIGITS = 200, 50


# ---- f, f', f'' / 2, f''' / 6 at a point ----

class Taylor:
    def __init__(self, *at):
        self.at = list(at) + [mpf(0)] * (4 - len(at))

    def __add__(self, other):
        other = taylor(other)
        return Taylor(*[a + b for a, b in zip(self.at, other.at)])

    def __mul__(self, other):
        other = taylor(other)
        return Taylor(*[sum(self.at[i] * other.at[k - i] for i in range(k + 1)) for k in range(4)])

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -taylor(other)

    def __rsub__(self, other):
        return taylor(other) - self

    __radd__, __rmul__ = __add__, __mul__

    def __truediv__(self, other):
        other, quotient = taylor(other), []
        for k in range(4):
            quotient.append((self.at[k] - sum(quotient[i] * other.at[k - i] for i in range(k))) / other.at[0])
        return Taylor(*quotient)

    def __rtruediv__(self, other):
        return taylor(other) / self


def taylor(x):
    return x if isinstance(x, Taylor) else Taylor(mpf(x))


def integral(value, slope, x):
    """The function with this value at x and f' = slope, of x as it moves."""
    x = taylor(x)
    moved = Taylor(*[(k + 1) * x.at[k + 1] if k < 3 else mpf(0) for k in range(4)])
    s = slope * moved
    return Taylor(value, s.at[0], s.at[1] / 2, s.at[2] / 3)


def exp(x):
    """From y' = y x', coefficient by coefficient."""
    y = [mp.exp(x.at[0])]
    for k in range(1, 4):
        y.append(sum(i * x.at[i] * y[k - i] for i in range(1, k + 1)) / k)
    return Taylor(*y)


def log(x):
    return integral(mp.log(x.at[0]), 1 / x, x)


def power(x, c):
    return exp(log(x) * c)


def sqrt(x):
    return power(x, mpf(1) / 2)


def tanh(x):
    e = exp(-2 * x if x.at[0] > 0 else 2 * x)
    t = (1 - e) / (1 + e)
    return t if x.at[0] > 0 else -t


def sin(x):
    return rotate(x)[0]


def rotate(x):
    """sin and cos, from s' = c x' and c' = -s x'."""
    s, c = [mp.sin(x.at[0])], [mp.cos(x.at[0])]
    for k in range(1, 4):
        s.append(sum(i * x.at[i] * c[k - i] for i in range(1, k + 1)) / k)
        c.append(-sum(i * x.at[i] * s[k - i] for i in range(1, k + 1)) / k)
    return Taylor(*s), Taylor(*c)


def erf(x):
    return integral(mp.erf(x.at[0]), 2 / mp.sqrt(mp.pi) * exp(-x * x), x)


def erfc(x):
    return integral(mp.erfc(x.at[0]), -2 / mp.sqrt(mp.pi) * exp(-x * x), x)


def sigmoid(x):
    return 1 / (1 + exp(-x))


def softplus(x):
    return log(1 + exp(x))


def pieces(x, at, below, above):
    """Which line or curve x is on; no point is drawn where they meet."""
    return taylor(above(x) if x.at[0] > at else below(x))


def selu(x):
    scale, alpha = mpf('1.0507009873554804934193349852946'), mpf('1.6732632423543772848170429916717')
    return pieces(x, 0, lambda x: scale * alpha * (exp(x) - 1), lambda x: scale * x)


def elu(alpha):
    return lambda x: pieces(x, 0, lambda x: alpha * (exp(x) - 1), lambda x: x)


def celu(alpha):
    return lambda x: pieces(x, 0, lambda x: alpha * (exp(x / alpha) - 1), lambda x: x)


def softsign(x):
    return pieces(x, 0, lambda x: x / (1 - x), lambda x: x / (1 + x))


def clipped(x, lo, hi, inside, above):
    return pieces(x, lo, lambda x: 0 * x, lambda x: pieces(x, hi, inside, above))


def gelu(x):
    return x * erfc(-x / mp.sqrt(2)) / 2


def gelu_tanh(x):
    return x / (1 + exp(-2 * mp.sqrt(2 / mp.pi) * (x + mpf('0.044715') * x * x * x)))


# ---- name, number of the op, function, points ----

WIDE, UNIT, POSITIVE = 'wide', 'unit', 'positive'
FUNCTIONS = [
    ('exp', None, exp, 700), ('expm1', None, lambda x: exp(x) - 1, 700), ('log', None, log, POSITIVE), ('log1p', None, lambda x: log(1 + x), UNIT),
    ('sin', None, sin, 30), ('cos', None, lambda x: rotate(x)[1], 30), ('erf', None, erf, 30), ('erfc', None, erfc, 26),
    ('square', None, lambda x: x * x, WIDE), ('sqrt', None, sqrt, POSITIVE), ('rsqrt', None, lambda x: 1 / sqrt(x), POSITIVE),
    ('reciprocal', None, lambda x: 1 / x, POSITIVE), ('pow_scalar', 2.5, lambda x: power(x, mpf('2.5')), POSITIVE),
    ('pow_scalar', -0.5, lambda x: power(x, mpf('-0.5')), POSITIVE), ('pow_scalar', 3, lambda x: x * x * x, WIDE),
    ('relu', None, lambda x: pieces(x, 0, lambda x: 0 * x, lambda x: x), WIDE),
    ('relu6', None, lambda x: clipped(x, 0, 6, lambda x: x, lambda x: 6), WIDE),
    ('leaky_relu', 0.01, lambda x: pieces(x, 0, lambda x: mpf(0.01) * x, lambda x: x), WIDE),
    ('hard_tanh', None, lambda x: pieces(x, -1, lambda x: -1, lambda x: pieces(x, 1, lambda x: x, lambda x: 1)), WIDE),
    ('hard_sigmoid', None, lambda x: clipped(x, -3, 3, lambda x: x / 6 + mpf('0.5'), lambda x: 1), WIDE),
    ('hard_swish', None, lambda x: clipped(x, -3, 3, lambda x: x * (x + 3) / 6, lambda x: x), WIDE),
    ('elu', 1, elu(1), WIDE), ('elu', 0.25, elu(mpf('0.25')), WIDE), ('selu', None, selu, WIDE), ('celu', 0.5, celu(mpf('0.5')), WIDE),
    ('sigmoid', None, sigmoid, WIDE), ('tanh', None, tanh, WIDE), ('softplus', None, softplus, WIDE),
    ('log_sigmoid', None, lambda x: -softplus(-x), WIDE), ('softsign', None, softsign, WIDE), ('gaussian', None, lambda x: exp(-x * x), 30),
    ('silu', None, lambda x: x * sigmoid(x), WIDE), ('mish', None, lambda x: x * tanh(softplus(x)), WIDE), ('gelu', None, gelu, 40),
    ('gelu_tanh', None, gelu_tanh, 30),
]


def points(kind):
    """Half of them where the function bends, the others on a logarithmic scale out to the tails; none is a kink."""
    random.seed(7)
    half = POINTS // 2
    if kind == POSITIVE:
        return [random.uniform(0.1, 8) for _ in range(half)] + [10 ** random.uniform(-20, 20) for _ in range(half)]
    if kind == UNIT:
        return [random.uniform(-0.9, 8) for _ in range(half)] + [random.choice((-0.5, 1)) * 10 ** random.uniform(-20, 0) for _ in range(half)]
    far = 700 if kind == WIDE else kind
    near = min(far, 8)
    tails = [random.choice((-1, 1)) * far * 10 ** random.uniform(-3, 0) for _ in range(half - 20)]
    tiny = [random.choice((-1, 1)) * 10 ** random.uniform(-20, -3) for _ in range(20)]
    return [random.uniform(-near, near) for _ in range(half)] + tails + tiny


def at(function, x, digits):
    mp.dps = digits
    y = function(Taylor(mpf(x), mpf(1))).at
    return [y[0], y[1], 2 * y[2], 6 * y[3]]


def values(function, x):
    """Four doubles; fewer digits than 50 would be seen here."""
    less, more = at(function, x, 600), at(function, x, 900)
    for a, b in zip(less, more):
        assert a == b or abs(a - b) <= abs(b) * mpf(10) ** -DIGITS, (x, a, b)
    return [rounded(y) for y in more]


def main():
    with open(os.path.join(FOLDER, 'mpmath.txt'), 'w', encoding='ascii', newline='\n') as file:
        for name, c, function, kind in FUNCTIONS:
            xs = sorted(points(kind))
            file.write('function ' + name + '\n')
            if c is not None:
                file.write('numbers 1 ' + number(c) + '\n')
            rows = [[x] + values(function, x) for x in xs]
            file.write(line('x', 1, len(xs), xs))
            for k in range(4):
                file.write(line('order', 1, len(xs), [row[k + 1] for row in rows]))


if __name__ == '__main__':
    main()
