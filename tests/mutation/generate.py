#!/usr/bin/env python3
"""Writes a copy of the sources in which every mutant of src/op, src/grad and src/plan is compiled in and chosen by number.

    generate.py SOURCE_ROOT TREE [--no-compiler]

TREE becomes a source tree that meson builds: symbolic links to everything, but for the files of the three rooms, in which an expression with mutants is

    (tg_is_mutant(17) ? mutated : tg_is_mutant(18) ? mutated : original)

and TREE/mutants.json lists them. tests/mutation/mutant.h says how a number is chosen.

The rules; each applies wherever its form stands in code, bodies of macros and arguments of macros included:

    sign        a + b becomes a - b and the other way round, -a becomes a, += becomes -= and the other way round; tg_add becomes tg_sub and back
    factor      a * b becomes a, and b; a / b becomes a; *= and /= are left out
    swap        a - b becomes b - a, a / b becomes b / a, c ? a : b becomes c ? b : a; two neighbouring tensors among the arguments of a function that
                returns a tensor change places, unless the op commutes
    transpose   a bool among the arguments of a function that returns a tensor is negated (and tg_transpose(x) becomes x by the rule `forget`)
    mean        tg_sum, tg_sum_rows and tg_sum_cols become tg_mean, tg_mean_rows and tg_mean_cols, and the other way round
    forget      a call that takes tensors and returns one becomes each of the tensors that it takes: the sum of two messages one of them, what is summed
                over broadcast dimensions what it was before, a transposed matrix itself; += and |= become =
    interval    a value called begin or end, or something_begin or something_end, is 1 more or 1 less, so that the interval is shorter

No place is left out. A mutant that does not compile (a difference of pointers has no sum, the tables of ops are constants) is none: gcc says which, by
halving the list of a file until each that is refused stands alone. They are listed as refused.
"""
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOMS = ('src/op', 'src/grad', 'src/plan')

KEYWORDS = set('return case else do goto sizeof typedef if for while switch default break continue'.split())
CONTROL = set('if for while switch'.split())
TYPE_WORDS = set('void char short int long float double signed unsigned bool const struct enum union static extern inline volatile real'.split())
PRECEDENCE = {'*': 10, '/': 10, '%': 10, '+': 9, '-': 9, '<<': 8, '>>': 8, '<': 7, '>': 7, '<=': 7, '>=': 7, '==': 6, '!=': 6, '&': 5, '^': 4, '|': 3,
              '&&': 2, '||': 1}
ASSIGNMENTS = set('= += -= *= /= %= &= |= ^= <<= >>='.split())
PREFIXES = set('! ~ ++ --'.split())
SIGNS = set('+ - * &'.split())      # one operand or two
BRACKETS = {'(': ')', '[': ']', '{': '}'}
MEANS = {'tg_sum': 'tg_mean', 'tg_sum_rows': 'tg_mean_rows', 'tg_sum_cols': 'tg_mean_cols'}
MEANS.update({mean: total for total, mean in MEANS.items()})
OPPOSITES = {'tg_add': 'tg_sub', 'tg_sub': 'tg_add'}

TOKEN = re.compile(r'''
    (?P<space>(?:\s|\\\n)+)
  | (?P<comment>/\*.*?\*/|//[^\n]*)
  | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
  | (?P<name>(?:[A-Za-z_]\w*|\#\#)(?:\s*\#\#\s*\w+)*)
  | (?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
  | (?P<mark><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|\#|.)
''', re.X | re.S)


class Token:
    def __init__(self, kind, text, start, end):
        self.kind, self.text, self.start, self.end = kind, text, start, end


def tokens_of(source, start, end):
    """The tokens of source[start:end], without space and comments."""
    tokens = []
    while start < end:
        match = TOKEN.match(source, start, end)
        if match.lastgroup not in ('space', 'comment'):
            tokens.append(Token(match.lastgroup, match.group(), match.start(), match.end()))
        start = match.end()
    return tokens


DIRECTIVE = re.compile(r'^[ \t]*#(?:[^\n\\]|\\.|\\\n)*', re.M)
DEFINE = re.compile(r'[ \t]*#[ \t]*define[ \t]+\w+(?:\([^)]*\))?')
COMMENT = re.compile(r'/\*.*?\*/', re.S)


def streams_of(source):
    """Lists of tokens: the code between directives as one, and the body of each macro as one of its own."""
    comments = [match.span() for match in COMMENT.finditer(source)]
    code, bodies, at = [], [], 0
    for match in DIRECTIVE.finditer(source):
        if match.start() < at or any(begin < match.start() < end for begin, end in comments):
            continue
        end = max([match.end()] + [stop for begin, stop in comments if match.start() < begin < match.end()])
        code += tokens_of(source, at, match.start())
        define = DEFINE.match(source, match.start(), end)
        if define:
            bodies.append(tokens_of(source, define.end(), end))
        at = end
    return [code + tokens_of(source, at, len(source))] + bodies


class Stream:
    """Finds where the operands of an operator begin and end, by precedence; no syntax tree is made."""

    def __init__(self, tokens, types):
        self.tokens, self.types, self.partner = tokens, types, {}
        stack = []
        for i, token in enumerate(tokens):
            if token.kind != 'mark':
                continue
            if token.text in BRACKETS:
                stack.append(i)
            elif token.text in BRACKETS.values() and stack and BRACKETS[tokens[stack[-1]].text] == token.text:
                self.partner[i] = stack.pop()
                self.partner[self.partner[i]] = i

    def text(self, i):
        return self.tokens[i].text if 0 <= i < len(self.tokens) else ''

    def is_type(self, i):
        return self.text(i) in TYPE_WORDS or self.text(i) in self.types and self.text(i - 1) not in ('.', '->')

    def is_cast(self, close):
        """Whether the bracket that closes here holds a type, and is no call."""
        first = self.partner.get(close) if self.text(close) == ')' else None
        if first is None or not self.is_type(first + 1) or self.text(first - 1) == 'sizeof' or self.ends_operand(first - 1):
            return False
        return all(self.tokens[i].kind == 'name' or self.text(i) == '*' for i in range(first + 1, close))

    def ends_operand(self, i):
        if i < 0 or i >= len(self.tokens):
            return False
        token = self.tokens[i]
        if token.kind in ('number', 'text'):
            return True
        if token.kind == 'name':
            return token.text not in KEYWORDS and not self.is_type(i)
        if token.text == ')':
            first = self.partner.get(i)
            return first is not None and self.text(first - 1) not in CONTROL and not self.is_cast(i)
        return token.text == ']' or token.text in ('++', '--') and self.ends_operand(i - 1)

    def is_binary(self, i):
        return self.text(i) in PRECEDENCE and self.tokens[i].kind == 'mark' and self.ends_operand(i - 1)

    def is_prefix(self, i):
        if i < 0:
            return False
        text = self.text(i)
        return text == 'sizeof' or text in PREFIXES and not self.ends_operand(i - 1) or text in SIGNS and not self.ends_operand(i - 1) and not self.is_type(i - 1)

    def operand_start(self, i):
        """Of the operand whose last token is i: its first, prefixes and casts included."""
        while self.text(i) in ('++', '--'):
            i -= 1
        while True:
            if self.text(i) == '}':
                i = self.partner[self.partner[i] - 1]      # of (type){ ... }
                break
            if self.text(i) in (')', ']'):
                i = self.partner[i]
                if self.text(i) == '[' or self.ends_operand(i - 1) or self.text(i - 1) == 'sizeof':
                    i -= 1
                    continue
                break
            if self.text(i - 1) in ('.', '->'):
                i -= 2
                continue
            break
        while self.is_prefix(i - 1) or self.is_cast(i - 1):
            i = i - 1 if self.is_prefix(i - 1) else self.partner[i - 1]
        return i

    def operand_end(self, i):
        """Of the operand whose first token is i: its last."""
        while True:
            if self.is_prefix(i):
                i += 1
            elif self.text(i) == '(' and self.is_cast(self.partner[i]) and self.text(self.partner[i] + 1) != '{':
                i = self.partner[i] + 1
            else:
                break
        if self.text(i) == '(':
            i = self.partner[i]
            if self.text(i + 1) == '{':
                i = self.partner[i + 1]
        elif self.tokens[i].kind == 'mark':
            raise KeyError(i)
        while True:
            if self.text(i + 1) in ('(', '['):
                i = self.partner[i + 1]
            elif self.text(i + 1) in ('.', '->'):
                i += 2
            elif self.text(i + 1) in ('++', '--'):
                i += 1
            else:
                return i

    def left_of(self, i, precedence):
        start = self.operand_start(i - 1)
        while self.is_binary(start - 1) and PRECEDENCE[self.text(start - 1)] >= precedence:
            start = self.operand_start(start - 2)
        return start

    def right_of(self, i, precedence):
        end = self.operand_end(i + 1)
        while self.is_binary(end + 1) and PRECEDENCE[self.text(end + 1)] > precedence:
            end = self.operand_end(end + 2)
        return end

    def colon_of(self, i):
        """Of the ? at i."""
        depth, i = 0, i + 1
        while depth > 0 or self.text(i) != ':':
            if self.text(i) in BRACKETS:
                i = self.partner[i]
            elif self.text(i) in ('?', ':'):
                depth += 1 if self.text(i) == '?' else -1
            elif self.text(i) in (';', ''):
                raise KeyError(i)
            i += 1
        return i

    def value_end(self, i):
        """The last token of the value that follows i, a choice included."""
        end = self.right_of(i, 0)
        return self.value_end(self.colon_of(end + 1)) if self.text(end + 1) == '?' else end

    def arguments(self, i):
        """Of the call whose bracket opens at i: (first token, last token) of each."""
        found, first, at, close = [], i + 1, i + 1, self.partner[i]
        while at < close:
            if self.text(at) in BRACKETS:
                at = self.partner[at]
            elif self.text(at) == ',':
                found.append((first, at - 1))
                first = at + 1
            at += 1
        if close > i + 1:
            found.append((first, close - 1))
        return found


class Function:
    """What a function that returns a tensor takes: for each parameter 'tensor', 'bool' or ''."""

    def __init__(self, parameters):
        self.kinds = ['tensor' if re.fullmatch(r'(const\s+)?tg_tensor\s+\w+', p.strip()) else 'bool' if re.fullmatch(r'bool\s+\w+', p.strip()) else ''
                      for p in parameters.split(',')]


def functions_of(texts):
    found = {}
    for text in texts:
        for name, parameters in re.findall(r'\btg_tensor\s+(\w+)\(([^()]*(?:\([^()]*\)[^()]*)*)\)', COMMENT.sub(' ', text)):
            if name not in found and 'tg_tensor' in parameters:
                found[name] = Function(parameters)
    return found


def types_of(texts):
    found = set()
    for text in texts:
        text = COMMENT.sub(' ', text)
        found |= set(re.findall(r'\b(\w+_t)\b', text))
        found |= set(re.findall(r'\btypedef\b[^;{]*?\b(\w+)\s*;', text)) | set(re.findall(r'\}\s*(\w+)\s*;', text))
        found |= set(re.findall(r'\btypedef struct (\w+)', text))
    return found


def commuting_of(texts):
    return {'tg_' + name for text in texts for name in re.findall(r'\bMAP2\((\w+)\b[^\n]*\bTG_OP_COMMUTES\b', text)}


class Mutants:
    """Those of one file."""

    def __init__(self, path, source, types, functions, commuting):
        self.path, self.source, self.functions, self.commuting = path, source, functions, commuting
        self.found = []      # (start, end, rule, text)
        for tokens in streams_of(source):
            self.stream = Stream(tokens, types)
            for i in range(len(tokens)):
                for rule in (self.operator, self.assignment, self.negative, self.choice, self.call, self.interval):
                    try:
                        rule(i)
                    except (KeyError, IndexError):
                        pass      # no expression, but a declaration, or brackets that a macro leaves open

    def slice(self, first, last):
        return self.source[self.stream.tokens[first].start:self.stream.tokens[last].end]

    def add(self, first, last, rule, text):
        start, end = self.stream.tokens[first].start, self.stream.tokens[last].end
        known = any((s, e, t) == (start, end, text) for s, e, _, t in self.found)
        crosses = any(s < start < e < end or start < s < end < e for s, e, _, _ in self.found)
        if not known and not crosses:
            self.found.append((start, end, rule, text))

    def operator(self, i):
        stream, text = self.stream, self.stream.text(i)
        if text not in ('+', '-', '*', '/') or not stream.is_binary(i):
            return
        first, last = stream.left_of(i, PRECEDENCE[text]), stream.right_of(i, PRECEDENCE[text])
        a, b = self.slice(first, i - 1), self.slice(i + 1, last)
        if text in '+-':
            right = stream.right_of(i, PRECEDENCE[text])
            self.add(first, right, 'sign', f'{a} {"-" if text == "+" else "+"} {b}')
        if text in '*/':
            self.add(first, last, 'factor', a)
        if text == '*':
            self.add(first, last, 'factor', b)
        if text in '-/':
            self.add(first, last, 'swap', f'{b} {text} ({a})')

    def assignment(self, i):
        stream, text = self.stream, self.stream.text(i)
        if text not in ('+=', '-=', '*=', '/=', '|='):
            return
        first, last = stream.operand_start(i - 1), stream.value_end(i)
        a, b = self.slice(first, i - 1), self.slice(i + 1, last)
        if text in ('+=', '-='):
            self.add(first, last, 'sign', f'{a} {"-=" if text == "+=" else "+="} {b}')
        if text in ('+=', '|='):
            self.add(first, last, 'forget', f'{a} = {b}')
        if text in ('*=', '/='):
            self.add(first, last, 'factor', a)

    def negative(self, i):
        stream = self.stream
        if stream.text(i) == '-' and stream.is_prefix(i):
            last = stream.operand_end(i)
            self.add(i, last, 'sign', self.slice(i + 1, last))

    def choice(self, i):
        stream = self.stream
        if stream.text(i) != '?':
            return
        first, colon, last = stream.left_of(i, 0), stream.colon_of(i), stream.value_end(stream.colon_of(i))
        self.add(first, last, 'swap', f'{self.slice(first, i - 1)} ? ({self.slice(colon + 1, last)}) : ({self.slice(i + 1, colon - 1)})')

    def call(self, i):
        stream, name = self.stream, self.stream.text(i)
        if name not in self.functions or stream.text(i + 1) != '(' or stream.is_type(i - 1):
            return
        arguments, kinds, last = stream.arguments(i + 1), self.functions[name].kinds, stream.partner[i + 1]
        if len(arguments) != len(kinds):
            return
        texts = [self.slice(*argument) for argument in arguments]

        def with_arguments(replaced, function=name):
            return f'{function}({", ".join(replaced.get(k, text) for k, text in enumerate(texts))})'

        if name in OPPOSITES:
            self.add(i, last, 'sign', with_arguments({}, OPPOSITES[name]))
        if name in MEANS:
            self.add(i, last, 'mean', with_arguments({}, MEANS[name]))
        tensors = [k for k, kind in enumerate(kinds) if kind == 'tensor']
        for k, next_k in zip(tensors, tensors[1:]):
            if name not in self.commuting and texts[k] != texts[next_k]:
                self.add(i, last, 'swap', with_arguments({k: texts[next_k], next_k: texts[k]}))
        for k, kind in enumerate(kinds):
            if kind == 'bool':
                self.add(i, last, 'transpose', with_arguments({k: f'!({texts[k]})'}))
        for k in tensors:
            self.add(i, last, 'forget', texts[k])

    def interval(self, i):
        stream = self.stream
        name = stream.text(i)
        if not re.fullmatch(r'(\w+_)?(begin|end)', name) or stream.text(i + 1) in ASSIGNMENTS or stream.text(i + 1) in ('(', '[', '.', '->', '++', '--'):
            return
        first = i
        while stream.text(first - 1) in ('.', '->'):
            first -= 2
            while stream.text(first) in (')', ']'):
                first = stream.partner[first]
                if stream.ends_operand(first - 1):
                    first -= 1
        before = stream.text(first - 1)
        if stream.is_type(first - 1) or before in ('++', '--', '.') or before in ('&', '*') and not stream.is_binary(first - 1):
            return
        self.add(first, i, 'interval', f'{self.slice(first, i)} {"-" if name.endswith("end") else "+"} 1')


def render(source, mutants, start, end):
    """source[start:end] with these mutants, [(start, end, number, text)] sorted by start and then from long to short."""
    out, at, k = [], start, 0
    while k < len(mutants):
        first, last = mutants[k][0], mutants[k][1]
        inside = k
        while inside < len(mutants) and mutants[inside][:2] == (first, last):
            inside += 1
        behind = inside
        while behind < len(mutants) and mutants[behind][0] < last:
            behind += 1
        choices = ''.join(f'tg_is_mutant({number}) ? ({text}) : ' for _, _, number, text in mutants[k:inside])
        out += [source[at:first], f'({choices}({render(source, mutants[inside:behind], first, last)}))']
        at, k = last, behind
    return ''.join(out) + source[at:end]


def mutated(source, mutants):
    ordered = sorted(mutants, key=lambda m: (m['start'], -m['end'], m['number']))
    return render(source, [(m['start'], m['end'], m['number'], m['mutated']) for m in ordered], 0, len(source))


def refused_of(root, path, source, mutants, scratch, users):
    """Those that the compiler does not take, in any of the files that use it: a header alone does not use its own macros."""
    counter = [0]

    def compiles(some):
        counter[0] += 1
        copy = os.path.join(scratch, path)
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        with open(copy, 'w') as file:
            file.write(mutated(source, some))
        units = [copy] if path.endswith('.c') or not users else [os.path.join(root, user) for user in users]
        command = ['gcc', '-std=c11', '-D_GNU_SOURCE', '-w', '-fsyntax-only', '-I', os.path.join(root, 'include'), '-I', os.path.join(scratch, 'src'),
                   '-I', os.path.join(root, 'src'), '-include', os.path.join(root, 'tests/mutation/mutant.h'), '-x', 'c'] + units
        result = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        lines = {int(line) for line in re.findall(r'%s:(\d+):' % re.escape(copy), result.stderr)}
        return result.returncode == 0, lines

    def find(some, suspected=True):
        if not some:
            return []
        fine, lines = compiles(some)
        if fine:
            return []
        if len(some) == 1:
            return some
        if suspected:      # what stands on lines with errors, first
            near = [m for m in some if m['last_line'] in lines or m['line'] in lines]
            if 0 < len(near) < len(some):
                bad = find(near, False)
                numbers = {m['number'] for m in bad}
                return bad + find([m for m in some if m['number'] not in numbers], bool(bad))
        half = len(some) // 2
        return find(some[:half], False) + find(some[half:], False)

    return {m['number'] for m in find(mutants)}


def link_tree(root, tree, files):
    """Everything of root as symbolic links, but for these files, whose folders are real. Files stay, so that what has not changed is not built again."""
    folders = {'', 'src'} | {os.path.dirname(path) for path in files}
    for folder in sorted(folders):
        os.makedirs(os.path.join(tree, folder), exist_ok=True)
        for entry in os.listdir(os.path.join(tree, folder)):
            path = os.path.join(tree, folder, entry)
            if os.path.islink(path) or os.path.isfile(path) and os.path.join(folder, entry) not in files:
                os.remove(path)
        for entry in os.listdir(os.path.join(root, folder)):
            path = os.path.join(folder, entry)
            if entry.startswith('.') or path == 'build' or path in folders or path in files:
                continue
            os.symlink(os.path.abspath(os.path.join(root, path)), os.path.join(tree, path))


def write_if_new(path, text):
    if os.path.exists(path) and open(path).read() == text:
        return
    with open(path, 'w') as file:
        file.write(text)


def main():
    root, tree = sys.argv[1], sys.argv[2]
    ask_compiler = '--no-compiler' not in sys.argv[3:]
    files = sorted(os.path.join(room, name) for room in ROOMS for name in os.listdir(os.path.join(root, room)) if name.endswith(('.c', '.h')))
    sources = {path: open(os.path.join(root, path)).read() for path in files}
    headers = [open(os.path.join(folder, name)).read() for top in ('include', 'src') for folder, _, names in os.walk(os.path.join(root, top))
               for name in names if name.endswith('.h')]
    types, functions, commuting = types_of(headers), functions_of(headers), commuting_of(sources.values())

    mutants, number = {}, 0
    for path in files:
        source = sources[path]
        own_types, own_functions = types | types_of([source]), {**functions, **functions_of([source])}
        found = sorted(Mutants(path, source, own_types, own_functions, commuting).found, key=lambda m: (m[0], m[1], m[2], m[3]))
        mutants[path] = []
        for start, end, rule, text in found:
            number += 1
            mutants[path].append({'number': number, 'file': path, 'line': source.count('\n', 0, start) + 1, 'last_line': source.count('\n', 0, end) + 1,
                                  'start': start, 'end': end, 'rule': rule, 'original': source[start:end], 'mutated': text})

    link_tree(root, tree, files)
    refused = set()
    if ask_compiler:
        scratch = os.path.join(tree, 'try')

        def try_all(path):
            users = [user for user in files if user.endswith('.c') and f'#include "{path[len("src/"):]}"' in sources[user]]
            return refused_of(root, path, sources[path], mutants[path], scratch + '/' + path.replace('/', '_'), users)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for numbers in pool.map(try_all, files):
                refused |= numbers
        shutil.rmtree(scratch, ignore_errors=True)
    for path in files:
        write_if_new(os.path.join(tree, path), mutated(sources[path], [m for m in mutants[path] if m['number'] not in refused]))
    every = [m for path in files for m in mutants[path]]
    for m in every:
        m['refused'] = m['number'] in refused
        del m['last_line']
    with open(os.path.join(tree, 'mutants.json'), 'w') as file:
        json.dump(every, file, indent=1)
    print(f'{len(every) - len(refused)} mutants at places of {", ".join(ROOMS)}; {len(refused)} more do not compile')


if __name__ == '__main__':
    main()
