"""Prints each call and each list of initializers in which two arguments record nodes: C leaves it to the compiler which of them does so first,
and a step would have other numbers, other pictures and other plans with another compiler.
Usage: order.py FILE..."""
import re
import sys

# Where recording begins; whatever returns a tensor and calls one of these, or what does so, records too.
RECORD = {"tg_record_leaf", "tg_record_node"}
NO_CALLS = {"if", "for", "while", "switch", "return", "sizeof", "defined"}
CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
FUNCTION = re.compile(r"^(static )?(?:\w+ )*?(\w+) \**(\w+)\(", re.M)


def blanked(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def without_comments(text):
    """The text with comments, texts and characters as blanks, so that places stay."""
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blanked, text, flags=re.S)


def parts(text, begin):
    """The places between the commas of the bracket that opens before begin, and the place behind it."""
    depth, start, found = 1, begin, []
    for i in range(begin, len(text)):
        if text[i] in "([{":
            depth += 1
        elif text[i] in ")]}":
            depth -= 1
        if depth == 0 or (depth == 1 and text[i] == ","):
            found.append((start, i))
            start = i + 1
        if depth == 0:
            return found, i + 1
    return [], len(text)


def body_end(text, begin):
    """The place of the brace that closes what was opened before begin."""
    depth = 1
    for i in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return i
    return len(text)


class Source:
    """A file, and its functions by name."""

    def __init__(self, path):
        self.path = path
        with open(path, encoding="utf-8") as file:
            self.text = without_comments(file.read())
        self.records = set(re.findall(r"\btg_tensor\s*\(\*(\w+)\)\s*\(", self.text))      # parameters that are functions
        self.calls = {}                 # of each function, the names that it calls
        self.own = set()                # what no other file calls by that name
        self.declared = set()           # without a body here
        for function in FUNCTION.finditer(self.text):
            static, returned, name = function.groups()
            _, behind = parts(self.text, function.end())
            opening = re.compile(r"\s*\{").match(self.text, behind)
            if static and not path.endswith(".h"):
                self.own.add(name)
            if opening:
                self.calls[name] = set(CALL.findall(self.text[opening.end():body_end(self.text, opening.end())]))
            elif returned == "tg_tensor":
                self.declared.add(name)


def find_recorders(sources):
    """Fills in what records, of each file its own; returns the names that all may call. Of a tensor's function without a body a macro makes one."""
    known = set().union(*(s.calls for s in sources))
    common = RECORD | set().union(*(s.declared for s in sources)) - known
    grown = True
    while grown:
        grown = False
        for source in sources:
            for name in source.calls.keys() - source.records - common:
                if any(records(source, call, common) for call in source.calls[name]):
                    (source.records if name in source.own else common).add(name)
                    grown = True
    return common


def records(source, name, common):
    return name in source.records or (name in common and name not in source.own)


def brackets(text):
    """All calls and lists of initializers: where they begin, and where their arguments do. Names in capitals are macros of whole statements."""
    for match in CALL.finditer(text):
        if match.group(1) not in NO_CALLS and not match.group(1).isupper():
            yield match.start(), match.end()
    for match in re.finditer(r"\{", text):
        if ";" not in text[match.end():body_end(text, match.end())]:
            yield match.start(), match.end()


def main():
    sources = [Source(path) for path in sys.argv[1:]]
    common = find_recorders(sources)
    for source in sources:
        for start, begin in brackets(source.text):
            arguments, end = parts(source.text, begin)
            recording = [a for a in arguments if any(records(source, name, common) for name in CALL.findall(source.text[a[0]:a[1]]))]
            if len(recording) > 1:
                line = source.text.count("\n", 0, start) + 1
                print(f"{source.path}:{line}: {' '.join(source.text[start:end].split())[:150]}")


if __name__ == "__main__":
    main()
