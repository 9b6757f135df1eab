"""golden.py - what the scripts of this folder share: numbers and matrices as text. README.md says the format."""
import os
from fractions import Fraction

FOLDER = os.path.dirname(os.path.abspath(__file__))


def number(x):
    """A double as text that strtod reads back to the bit: short decimals as they are, everything else in hexadecimal."""
    x = float(x)
    if x != x or x in (float('inf'), float('-inf')):
        return repr(x)
    short = repr(x)
    if short.endswith('.0'):
        short = short[:-2]
    if len(short) <= 7:
        return short
    mantissa, exponent = x.hex().split('p')
    if '.' in mantissa:
        mantissa = mantissa.rstrip('0').rstrip('.')
    return mantissa + 'p' + exponent


def rounded(x):
    """An mpf as the nearest double, denormals included."""
    sign, mantissa, exponent, _ = x._mpf_
    try:
        value = float(Fraction(int(mantissa)) * Fraction(2) ** exponent)
    except OverflowError:
        value = float('inf')
    return -value if sign else value


def line(kind, rows, cols, values):
    return ' '.join([kind, str(rows), str(cols)] + [number(v) for v in values]) + '\n'
