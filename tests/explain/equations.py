"""equations.py - reads what tg_explain printed: the equations on a page, and whether each is true of the numbers that are printed.

A page is a file; equations_of(path) is a list of strings such as "0.15 * 0.05 + 0.2 * 0.1 + 0.35 = 0.3775", in the notation of plain text. Another
format joins by a function from the text of its files to such strings, in READERS by the ending of the name.
"""
import html
import json
import math
import re
import xml.etree.ElementTree as xml

# ---- to plain text ----

SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-"))
SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789"))
SIGNS = {"·": "*", "×": "*", "−": "-", "≥": ">=", "≤": "<=", "≠": "!=", "√": "sqrt", "σ": "sigmoid", "π": "pi", "⊙": " .* ",
         "≈": "~", "ᵀ": "'"}


def plain(text):
    """Unicode as ASCII: raised digits are powers, lowered ones part of the name."""
    text = re.sub("[%s]+" % "".join(SUPERSCRIPTS), lambda m: "^" + "(%s)" % "".join(SUPERSCRIPTS[c] for c in m.group()), text)
    text = "".join(SUBSCRIPTS.get(c, SIGNS.get(c, c)) for c in text)
    return re.sub(r"\b10\^\((-?\d+)\)", r"1e\1", re.sub(r"(\d)\*10\^\((-?\d+)\)", r"\1e\2", text))


# ---- values: a parser of formulas without names ----

FUNCTIONS = {
    "exp": math.exp, "ln": math.log, "log": math.log, "sqrt": math.sqrt, "tanh": math.tanh, "sin": math.sin, "cos": math.cos, "tan": math.tan,
    "sinh": math.sinh, "cosh": math.cosh, "erf": math.erf, "erfc": math.erfc, "abs": abs, "floor": math.floor,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)) if x > -700 else 0.0, "gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
    "silu": lambda x: x / (1 + math.exp(-x)), "log_sigmoid": lambda x: -math.log(1 + math.exp(-x)),
    "mish": lambda x: x * math.tanh(math.log(1 + math.exp(x))),
    "max": max, "min": min, "pow": pow, "sum": lambda x: x, "mean": lambda x: x,
}
WORDS = {"pi": math.pi, "infinity": math.inf, "inf": math.inf, "nan": math.nan, "NaN": math.nan}
TOKEN = re.compile(r"\s*(\d+\.?\d*(?:e-?\d+)?|[A-Za-z_]\w*|[<>=!]=|[-+*/^()|,?:<>])")


class NotNumeric(Exception):
    """The text has names in it, or is no formula."""


class Parser:
    """By precedence, weakest first: c ? a : b, comparisons, sums, signs, products, powers."""

    def __init__(self, text):
        self.tokens, at = [], 0
        text = text.strip()
        while at < len(text):
            match = TOKEN.match(text, at)
            if not match:
                raise NotNumeric(text)
            self.tokens.append(match.group(1))
            at = match.end()

    def next_is(self, *signs):
        return bool(self.tokens) and self.tokens[0] in signs

    def take(self, sign=None):
        if not self.tokens or (sign and self.tokens[0] != sign):
            raise NotNumeric()
        return self.tokens.pop(0)

    def whole(self):
        value = self.choice()
        if self.tokens:
            raise NotNumeric()
        return value

    def choice(self):
        value = self.question()
        if not self.next_is("?"):
            return value
        self.take()
        first = self.choice()
        self.take(":")
        second = self.choice()
        return first if value else second

    def question(self):
        value = self.sum()
        while self.next_is("<", ">", "<=", ">=", "==", "!="):
            sign, other = self.take(), self.sum()
            value = float({"<": value < other, ">": value > other, "<=": value <= other, ">=": value >= other, "==": value == other,
                           "!=": value != other}[sign])
        return value

    def sum(self):
        value = self.sign()
        while self.next_is("+", "-"):
            value = value + self.product() if self.take() == "+" else value - self.product()
        return value

    def sign(self):
        if self.next_is("-"):
            self.take()
            return -self.product()
        return self.product()

    def product(self):
        value = self.power()
        while self.next_is("*", "/"):
            if self.take() == "*":
                value = value * self.power()
            else:
                other = self.power()
                value = value / other if other else math.copysign(math.inf, value)
        return value

    def power(self):
        value = self.atom()
        if self.next_is("^"):
            self.take()
            value = value ** (self.sign() if self.next_is("-") else self.power())
        return value

    def atom(self):
        token = self.take()
        if token == "(":
            value = self.choice()
            self.take(")")
            return value
        if token == "|":
            value = self.choice()
            self.take("|")
            return abs(value)
        if token[0].isdigit():
            return float(token)
        if token in WORDS and not self.next_is("("):
            return WORDS[token]
        if token in FUNCTIONS and self.next_is("("):
            return self.call(token)
        raise NotNumeric(token)

    def call(self, name):
        self.take("(")
        arguments = [self.choice()]
        while self.next_is(","):
            self.take()
            arguments.append(self.choice())
        self.take(")")
        try:
            return float(FUNCTIONS[name](*arguments))
        except (OverflowError, ValueError):
            return math.nan


def value_of(text):
    return Parser(text).whole()


# ---- truth ----

def digits_of(text):
    """Significant digits of a printed number."""
    return len(re.sub(r"e.*|[-. ()]", "", text).lstrip("0")) or 1


def half_unit(text, number, digits):
    """Half of what the last digit is worth; a number with fewer than the page's digits is exact."""
    if number == 0 or not math.isfinite(number):
        return 1e-12
    return 0.5 * 10.0 ** (math.floor(math.log10(abs(number)) + 1e-12) + 1 - max(digits_of(text), digits))


def check(equation, digits):
    """None: nothing to check. Else a pair: the number of numeric equations in the chain, and a sentence for each that is wrong."""
    sides = re.split(r"(?<![<>=!])([=~])(?!=)", plain(equation))
    texts, signs = sides[0::2], sides[1::2]
    count, wrong = 0, []
    for left, sign, right in zip(texts, signs, texts[1:]):
        try:
            a, b = value_of(left), value_of(right)
        except NotNumeric:
            continue
        count += 1
        half, rounding = half_unit(right.strip(), b, digits), 4e-16 * abs(b) if math.isfinite(b) else 0
        equal = (a == b) or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= half * (1 + 1e-5) + rounding
        if sign == "=" and not equal:
            wrong.append("%s: %.17g is not %s" % (equation, a, right.strip()))
        surely = (a == b) or abs(a - b) <= half * (1 - 1e-3) - rounding
        if sign == "~" and surely and b != 0:
            wrong.append("%s: is true, and could say =" % equation)
        if sign == "~" and not equal and not abs(a - b) <= 0.2 * max(abs(a), abs(b)) + 10.0 ** (2 - digits):
            wrong.append("%s: %.17g is not near %s" % (equation, a, right.strip()))
    return (count, wrong) if count else None


# ---- text: cells by the rule below the headings ----

def tables_of(text):
    """Lists of rows; a row is a list of cells, put together from its lines."""
    tables, lines = [], text.split("\n")
    for at, line in enumerate(lines):
        if not re.fullmatch(r"-+(?: +-+)+", line):
            continue
        spans, rows = [m.span() for m in re.finditer("-+", line)], []
        heading, above = lines[at - 1], at - 1
        for line in lines[at + 1:]:
            if not line.strip():
                break
            cells = [line[begin:end].strip() for begin, end in spans]
            if begins_row(cells, rows, heading):
                rows.append(cells)
            else:
                rows[-1] = [" ".join(filter(None, pair)) for pair in zip(rows[-1], cells)]
        tables.append((lines[above], rows))
    return tables


def begins_row(cells, rows, heading):
    """A line that goes on with cells has no node, and no complete edge or message of its own."""
    if not rows:
        return True
    if heading.lstrip().startswith("#"):
        return cells[0].startswith("v")
    if "upstream" in heading and "message" in heading:
        return bool(cells[0]) or cells[1].startswith("seed") or bool(cells[3]) or bool(cells[5])
    return "→" in cells[0] or "->" in cells[0] or "→" in cells[1] or "->" in cells[1]


def text_equations(text):
    found = []
    for heading, rows in tables_of(text):
        for cells in rows:
            if heading.lstrip().startswith("#") and len(cells) == 5:
                found.append("%s %s %s %s" % (cells[1], "= " + cells[2] if cells[3] else "", cells[3], cells[4]))
            elif len(cells) == 8:
                found.append("%s %s %s" % tuple(cells[3:6]))
                found.append(cells[6])
    return found


# ---- LaTeX ----

def braced(text, at):
    """The end of the group that begins at text[at] == "{"."""
    depth = 0
    for i in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return i
    raise ValueError("unbalanced braces: " + text)


def replace_command(text, command, arguments, make):
    """command{a}{b} -> make(a, b), innermost last."""
    while (at := text.find(command + "{")) >= 0:
        parts, end = [], at + len(command)
        for _ in range(arguments):
            close = braced(text, end)
            parts.append(text[end + 1:close])
            end = close + 1
        text = text[:at] + make(*parts) + text[end:]
    return text


def replace_cases(text):
    return re.sub(r"\\begin\{cases\} (.*?) & \\text\{if \} ?(.*?) \\\\ (.*?) & \\text\{otherwise\} \\end\{cases\}", r"(\2 ? \1 : \3)", text)


def plain_latex(text):
    text = replace_cases(text.replace("\\text{if } ", "\\text{if }"))
    text = re.sub(r"\[([^][]*) = ([^][]*)\]", r"[\1 == \2]", text).replace("[", "(").replace("]", ")")      # comparisons as numbers
    text = replace_command(text, "\\underbrace", 1, lambda a: "(" + a + ")")
    text = re.sub(r"_\{\\text\{[a-z]+\}\}", "", text)
    text = replace_command(text, "\\operatorname", 1, lambda a: a)
    text = replace_command(text, "\\mathrm", 1, lambda a: a)
    text = re.sub(r"([\d.]+) \\cdot 10\^\{(-?\d+)\}", r"\1e\2", text)
    text = re.sub(r"\b10\^\{(-?\d+)\}", r"1e\1", text)
    text = replace_command(text, "\\sqrt", 1, lambda a: "sqrt(" + a + ")")
    text = replace_command(text, "\\frac", 2, lambda a, b: "((" + a + ")/(" + b + "))")
    text = text.replace("\\left|", "|").replace("\\right|", "|")
    for command, sign in (("\\left(", "("), ("\\right)", ")"), ("\\cdot", "*"), ("\\approx", "≈"), ("\\infty", "infinity"), ("\\pi", "pi"),
                          ("\\sigma", "sigmoid"), ("\\ge", ">="), ("\\le", "<="), ("\\ne", "!="), ("\\quad", " ")):
        text = text.replace(command, sign)
    text = re.sub(r"\\(exp|ln|log|sin|cos|tanh|tan|sinh|cosh|max|min)\b", r"\1", text)
    return re.sub(r"\^\{([^{}]*)\}", r"^(\1)", text)


def latex_lines(text):
    """Lines of all align* blocks, each with its continuations."""
    for block in re.findall(r"\\begin\{align\*\}\n(.*?)\n\\end\{align\*\}", text, re.S):
        yield from (line.replace("\n", " ") for line in re.split(r" \\\\\n(?!&\\quad)", block))


def latex_equations(text):
    return [plain_latex(line.replace("\\\\ &\\quad", " ").replace("&", " ")) for line in latex_lines(text) if "pmatrix" not in line and "{array}" not in line]


# ---- Mermaid: lines of boxes, labels of links ----

def decoded(text):
    return re.sub(r"#(\d+);", lambda m: chr(int(m.group(1))), text)


def mermaid_boxes(text):
    """Of each box its lines, without markup."""
    for label in re.findall(r'^ +v\d+\(?\["(.*)"\]\)?:::', text, re.M):
        yield [decoded(re.sub("</?b>", "", line)) for line in label.split("<br/>")]


def mermaid_equations(text):
    found = [decoded(label) for label in re.findall(r'>\|"(.*)"\|', text)]
    for lines in mermaid_boxes(text):
        found += [re.sub(r"^\S+ ", "", line) for line in lines[1:] if re.match("∂|d", line)]
    return found


# ---- DOT: rows of boxes, labels of edges and what is said of them ----

def shown(markup):
    """The text of an HTML label."""
    return html.unescape(re.sub("<[^>]*>", "", markup.replace("<BR/>", " "))).replace("\u00a0", " ").strip()


def dot_boxes(text):
    """Of each box its lines: rows of its table, or lines of its slots."""
    for label in re.findall(r"^ +v\d\w* \[id=.*?label=<(.*?)>\];$", text, re.S | re.M):
        cells = re.split("</TD>|</TR>", label) if "PORT=" in label else re.split("</TR>", label)
        yield [line for cell in cells for line in map(shown, cell.split("<BR/>") if "SIDES=" in cell else [cell]) if line]


def dot_equations(text):
    """Behind a colon of the caption is what a path multiplies; remarks stand in brackets or behind a mark."""
    found = [shown(row).split(":")[-1] for row in re.split("</TR>", re.search(r"label=<(<TABLE.*?)>\];", text, re.S).group(1))]
    found += [line for lines in dot_boxes(text) for line in lines]
    found += [html.unescape(tip) for tip in re.findall(r'edgetooltip="([^"]*)"', text)]
    found += [shown(label) for label in re.findall(r" -> .*label=<(.*)>\];$", text, re.M)]
    claims = [line for line in found if re.search("[=≈~]", line)]
    return [re.sub(r"[✓✗].*| ok$| differs .*|\(seed\)|\(constant.*|\(data.*", "", line) for line in claims]


# ---- HTML: the steps are JSON, of which the script makes what is shown ----

def page_of(text):
    return json.loads(re.search(r"^const page = (.*?\n\]\});?$", text.replace("]};\n", "\n]};\n"), re.S | re.M).group(1))


def mathml(element):
    """MathML in the notation of plain text."""
    parts = [mathml(child) for child in element]
    if element.tag == "mfrac":
        return "((%s)/(%s))" % tuple(parts)
    if element.tag == "msup":
        return "%s^(%s)" % tuple(parts)
    if element.tag == "msqrt":
        return "sqrt(%s)" % "".join(parts)
    if element.tag == "mtable":
        return "?"
    return (element.text or "").translate({0x2061: "", 0x2062: " "}) + "".join(parts)


def of_mathml(pieces):
    return mathml(xml.fromstring("<math>%s</math>" % html.unescape("".join(pieces).replace("&lt;", "&amp;lt;").replace("&amp;", "&amp;amp;"))))


def html_equations(text):
    found = []
    for step in page_of(text)["steps"]:
        if "numbers" in step:
            found += [of_mathml(step["numbers"]) + " %s %s" % tuple(step["result"]),
                      plain_latex(" ".join(step["tex_numbers"])) + " %s %s" % tuple(step["result"])]
        if isinstance(step.get("upstream"), str):
            found.append("%s * (%s) %s %s" % (step["upstream"], step["local"], step["relation"], step["message"]))
        if "local_numbers" in step:
            found += [of_mathml(step["local_numbers"]) + " %s %s" % (step["local_relation"], step["local"]),
                      plain_latex(step["local_numbers_tex"]) + " %s %s" % (step["local_relation"], step["local"])]
        if "sum" in step:
            found.append("%s + (%s) %s %s" % tuple(step["sum"]))
    return found


READERS = {"txt": text_equations, "tex": latex_equations, "mmd": mermaid_equations, "dot": dot_equations, "html": html_equations}


def equations_of(path):
    with open(path, encoding="utf-8") as file:
        return READERS[path.rsplit(".", 1)[1]](file.read())
