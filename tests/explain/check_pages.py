"""check_pages.py - what tg_explain prints of the exercises and of programs that are hard to print, as TAP:

  check_pages.py DUMP_PAGES

Every numeric equation is true of what is printed, the values and gradients of the exercises are those of their books in every format, and each format
keeps its grammar: lines have their width, LaTeX is read by KaTeX, Mermaid has the few forms that are printed, JSON fits its schema.
"""
import glob
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import equations as eq  # noqa: E402

ROOT = os.environ.get("TAPEGRAD_SOURCE_ROOT", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
count = failed = 0


def report(name, problems, skipped=None):
    global count, failed
    count += 1
    failed += bool(problems)
    print("%s %d - %s%s" % ("not ok" if problems else "ok", count, name, " # SKIP " + skipped if skipped else ""))
    for problem in list(problems)[:20]:
        print("# " + str(problem).replace("\n", "\n# "))
    sys.stdout.flush()


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def pages(pattern):
    return sorted(glob.glob(os.path.join(folder, pattern)))


def name_of(path):
    return os.path.basename(path)


# ---- equations ----

def digits_of_page(path):
    variant = name_of(path).split(".")[1]
    return {"exact": 15, "digits2": 2}.get(variant, 4)


def check_equations():
    for ending in sorted(eq.READERS):
        found, problems = 0, []
        for path in pages("*." + ending):
            for equation in eq.equations_of(path):
                result = eq.check(equation, digits_of_page(path))
                found += result[0] if result else 0
                problems += ["%s: %s" % (name_of(path), sentence) for sentence in (result[1] if result else [])]
        report("%d equations in .%s are true" % (found, ending), problems or ([] if found > 100 else ["so few were found"]))


def with_other_digit(text, at):
    return text[:at] + str((int(text[at]) + 2) % 10) + text[at + 1:]      # what lies between two numbers may be either


def check_checker():
    """A wrong last digit of a result is found, wherever it stands."""
    for ending in sorted(eq.READERS):
        missed, tried = [], 0
        for path in pages("layers02.default." + ending) + pages("expression12.default." + ending):
            for equation in eq.equations_of(path):
                text = eq.plain(equation)
                last = re.search(r"= -?[\d.]*(\d)\s*$", text)
                if not eq.check(text, 4) or not last:
                    continue
                tried += 1
                wrong = with_other_digit(text, last.start(1))
                if not eq.check(wrong, 4)[1]:
                    missed.append(wrong)
        report("%d planted errors in .%s are found" % (tried, ending), missed or ([] if tried > 5 else ["so few were planted"]))


# ---- values: {name: (values, gradients)} of each format, elements row by row ----

def expected(path):
    quantities = {}
    for line in read(path).splitlines():
        name, rows, cols, *numbers = line.split()
        size = int(rows) * int(cols)
        numbers = [float(number) for number in numbers]
        quantities[name] = (int(rows), int(cols), numbers[:size], numbers[size:])
    return quantities


def numbers_in(text):
    """Of (0.05, 0.1), [1, 2; 3, 4] or 0.5."""
    return [eq.value_of(part) for part in re.split("[,;]", text.strip().strip("[]").strip("()"))] if text.strip() else []


def elements(name, rows, cols):
    if rows == cols == 1:
        return [name]
    if rows == 1 or cols == 1:
        return ["%s[%d]" % (name, i + 1) for i in range(rows * cols)]
    return ["%s[%d,%d]" % (name, i + 1, j + 1) for i in range(rows) for j in range(cols)]


def text_values(text):
    values, adjoints = {}, {}
    for heading, rows in eq.tables_of(text):
        for cells in map(lambda row: [eq.plain(cell) for cell in row], rows):
            if heading.lstrip().startswith("#"):
                values[cells[1]] = re.split("[=~]", cells[4] if cells[4] else cells[3])[-1]
            elif not cells[1].startswith("seed"):
                adjoints[re.split("->|→", cells[1])[1].strip()] = re.split("[=~]", cells[6])[-1]
    return values, adjoints


def latex_name(text):
    text = text.replace("\\Sigma", "Σ").replace("\\delta", "δ")
    text = re.sub(r"\\mathrm\{(\w+)\}", r"\1", text.replace("\\_", "_").strip())
    match = re.fullmatch(r"\{?(\w+?)(?:\^\{\((\d+)\)\})?(?:_\{([\d,]+)\})?\}?", text)
    return match.groups() if match else None


def latex_key(text, known):
    """x_{1} is the variable x1, or element 1 of x."""
    parts = latex_name(text)
    if not parts:
        return text
    letters, layer, index = parts
    if layer or not index:
        return letters + (layer or "") + ("[%s]" % index if index else "")
    return letters + index if letters + index in known else "%s[%s]" % (letters, index)


def latex_values(text, known):
    values, adjoints = {}, {}
    for line in eq.latex_lines(text):
        left, right = line.replace("\\\\ &\\quad", " ").split("&", 1)
        right = re.sub(r"\\begin\{pmatrix\}(.*)\\end\{pmatrix\}|\\left\(\\begin\{array\}\{c+\}(.*)\\end\{array\}\\right\)", lambda m: "(" + (m.group(1) or m.group(2)).replace("\\\\", ",").replace("&", ",") + ")", right)
        number = eq.plain(eq.plain_latex(re.split(r"=|\\approx", right)[-1]))
        match = re.fullmatch(r"\\frac\{\\partial .*?\}\{\\partial (.*)\}", left.strip())
        key = latex_key(match.group(1) if match else left.strip(), known)
        (adjoints if match or key.startswith("δ") else values)[key.replace("δ", "Σ")] = number
    return values, adjoints


def mermaid_values(text):
    values, adjoints = {}, {}
    for lines in eq.mermaid_boxes(text):
        name = eq.plain(re.split(" =| \\d+[×x]", lines[0])[0]).strip()
        for line in map(eq.plain, lines[1:]):
            if line.startswith("value "):
                values[name] = line[6:]
            elif line.startswith("δ"):
                adjoints[name] = line.split(" ", 1)[1]
            elif re.match(r"[Wb]\d+ ", line):
                values[line.split(" ")[0]] = line.split(" ", 1)[1]
            elif line.startswith("∂"):
                adjoints[line.split("/∂", 1)[1].split(" ", 1)[0]] = re.split("[=~]", line.split(" ", 1)[1])[-1]
    return values, adjoints


def json_values(text):
    values, adjoints = {}, {}
    for node in json.loads(text)["nodes"]:
        for into, matrix in ((values, node["value"]), (adjoints, node["adjoint"])):
            if matrix:
                into[node["label"]] = ", ".join(map(str, matrix["elements"]))
    return values, adjoints


def key_of_picture(text, known):
    """Σ¹₂ is element 2 of Σ1; x₁ is the variable x1, or element 1 of x; z₁[2] and z₁,₂ are element 2 of z1."""
    raised, lowered = "".join(eq.SUPERSCRIPTS), "".join(eq.SUBSCRIPTS)
    letters, layer, low, index = re.fullmatch(r"([^%s%s,[]*)([%s]*)([%s,]*)(.*)" % (raised, lowered, raised, lowered), text.strip()).groups()
    low = "".join(eq.SUBSCRIPTS.get(c, c) for c in low)
    if letters == "w" and layer:
        letters = "W"
    if layer:
        return letters + "".join(eq.SUPERSCRIPTS[c] for c in layer) + ("[%s]" % ",".join(low) if low else "") + index
    if "," in low:
        return "%s%s[%s]" % (letters, *low.split(",", 1))
    if index or letters + low in known or not low:
        return letters + low + index
    return "%s[%s]" % (letters, ",".join(low))


def dot_values(text, known):
    """The first line of a box, or of a slot in it, has the name and the value, the next the derivative."""
    values, adjoints, name = {}, {}, None
    for line in (line for lines in eq.dot_boxes(text) for line in lines):
        left, right = re.split("[=≈]", line)[0].strip(), re.sub(r"[✓✗(].*", "", re.split("[=≈]", line)[-1])
        if left.startswith("∂"):
            adjoints[key_of_picture(left.split("/∂", 1)[1], known)] = eq.plain(right)
        elif left.startswith("δ") and "∂" in line:
            adjoints[key_of_picture(left.replace("δ", "Σ"), known)] = eq.plain(right)
        elif left.startswith("δ"):
            adjoints[name] = eq.plain(right)
        elif "=" in line and "·" not in left:
            name = key_of_picture(left, known)
            values[name] = eq.plain(right)
    return values, adjoints


def rows_of(matrix):
    return "; ".join(", ".join(map(eq.plain, row)) for row in matrix["rows"])


def html_values(text, known):
    """What the steps set, and the matrices that they show; gradients of leaves stand in tables too."""
    page = eq.page_of(text)
    names = [key_of_picture(unit["text"], known) for unit in page["units"]]
    found = {"v": {}, "a": {}}
    for step in page["steps"]:
        is_number = page["view"] == "neurons" or step["kind"] == "intro" or "result" in step or isinstance(step.get("message"), str)
        for key, number in step["set"].items():
            if key[0] in found and is_number:
                found[key[0]][names[int(key[1:])]] = eq.plain(number)
        for unit, matrix in step.get("given", []):
            found["v"][names[unit]] = rows_of(matrix)
        if "rows" in step.get("matrix", {}):
            found["v"][names[step["unit"]]] = rows_of(step["matrix"])
        if isinstance(step.get("message"), dict) and "rows" in step["message"] and step["n"] == 1:
            found["a"][names[step["unit"]]] = rows_of(step["message"])
    for name, table in re.findall(r"<span>∂[^<]*/∂([^<]*) =</span><table class=\"matrix\"><tbody>(.*?)</tbody>", text, re.S):
        cells = re.findall(r"<td data-late[^>]*>([^<]*)</td>", table)
        if cells:
            found["a"][key_of_picture(name, known)] = ", ".join(map(eq.plain, cells))
    return found["v"], found["a"]


def labels_in_layers(path):
    """What the quantities of an exercise are called where layers were found: z1 is Σ1."""
    nodes = json.loads(read(path))["nodes"]
    return {node["name"]: "Σ" + node["label"][1:] if node["role"] == "sum" else node["label"] for node in nodes if node["name"]}


def found_elements(found, name, rows, cols):
    """As one matrix, or element by element; None: not all are there."""
    both = ["%s[%d,%d]" % (name, i + 1, j + 1) for i in range(rows) for j in range(cols)]      # weights of layers have two numbers always
    for keys in (elements(name, rows, cols), both, ["%s[1]" % name] if rows == cols == 1 else both):      # an only neuron has a number
        if not all(key in found for key in keys):
            continue
        numbers = [numbers_in(found[key]) for key in keys]
        if all(len(number) == 1 for number in numbers):
            return [number[0] for number in numbers]
    return numbers_in(found[name]) if name in found and "norm" not in found[name] else None


def compare(where, what, found, quantity, name, reference):
    rows, cols = quantity[:2]
    numbers = found_elements(found, name, rows, cols)
    if numbers is None:
        return None
    close = [math.isnan(b) or abs(a - b) <= 4e-14 * abs(b) + (1e-12 if b == 0 else 0) for a, b in zip(numbers, reference)]
    return [] if len(numbers) == len(reference) and all(close) else ["%s: %s of %s is %s, not %s" % (where, what, name, numbers, reference)]


def check_values():
    readers = {"txt": lambda text, known: text_values(text), "tex": latex_values, "mmd": lambda text, known: mermaid_values(text),
               "json": lambda text, known: json_values(text), "dot": dot_values, "html": html_values}
    for ending, reader in sorted(readers.items()):
        problems, compared, skipped = [], 0, 0
        for path in pages("*.expected"):
            exercise = name_of(path)[:-len(".expected")]
            labels = labels_in_layers(os.path.join(folder, exercise + ".exact.json"))
            quantities = {labels[name]: quantity for name, quantity in expected(path).items() if name in labels}
            if exercise.startswith("layers") and ending == "json":
                quantities = {name.replace("Σ", "S"): quantity for name, quantity in quantities.items()}
            skipped += len(expected(path)) - len(quantities)
            if exercise == "layers05" and ending in ("txt", "tex", "dot", "html"):
                continue      # of a batch, one example is shown
            values, adjoints = reader(read(os.path.join(folder, "%s.exact.%s" % (exercise, ending))), quantities)
            for name, quantity in quantities.items():
                for what, found, reference in (("value", values, quantity[2]), ("gradient", adjoints, quantity[3])):
                    if what == "gradient" and (list(quantities)[-1] == name or all(map(math.isnan, reference))):
                        continue
                    if ending == "mmd" and quantity[0] * quantity[1] > 6:
                        continue
                    result = compare("%s.%s" % (exercise, ending), what, found, quantity, name, reference)
                    compared += result is not None
                    problems += ["%s.%s: no %s of %s" % (exercise, ending, what, name)] if result is None else result
        problems += ["%d quantities have no node" % skipped] if skipped else []
        report("%d values and gradients of exercises in .%s" % (compared, ending), problems or ([] if compared > 400 else ["so few were compared"]))


# ---- grammars ----

def check_text():
    problems = []
    for path in pages("*.txt"):
        variant = name_of(path).split(".")[1]
        width = {"narrow": 80, "exact": 2000}.get(variant, 110)
        text = read(path)
        problems += ["%s: a line of %d characters: %s" % (name_of(path), len(line), line) for line in text.splitlines() if len(line) > width]
        problems += ["%s: a blank at the end of: %s" % (name_of(path), line) for line in text.splitlines() if line != line.rstrip()]
        problems += ["%s: a control character" % name_of(path)] if re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text) else []
        names_of_its_own = name_of(path).startswith("hostile")
        if variant in ("ascii", "narrow") and not text.isascii() and not names_of_its_own:
            problems.append("%s: not ASCII: %s" % (name_of(path), re.findall(r"[^\x00-\x7f]", text)[:5]))
    report("text keeps its width, and ASCII where it is asked for", problems)


def check_before():
    problems = []
    gradients = read(os.path.join(folder, "before.default.txt")).split("GRADIENTS")[1].split("\n\n")[0]
    problems += [line for line in gradients.split("\n")[1:] if not line.endswith("= ·")]
    problems += ["no line in " + gradients] if gradients.count("·") < 4 else []
    mermaid = read(os.path.join(folder, "before.default.mmd"))
    problems += [line for box in eq.mermaid_boxes(mermaid) for line in box if line.startswith("∂") and not line.endswith(" ·")]
    problems += ["a link back"] if "-.->" in mermaid else []
    problems += ["an adjoint"] if "partial" in read(os.path.join(folder, "before.default.tex")) else []
    page = json.loads(read(os.path.join(folder, "before.default.json")))
    problems += [node for node in page["nodes"] if node["adjoint"] is not None]
    report("before the backward pass there are no adjoints", problems)


def check_sizes():
    report("pages are smaller than 300 kB", [name_of(path) for path in pages("large.*") if os.path.getsize(path) >= 300000])


NODE = r'v\d+(\["[^"]*"\]|\(\["[^"]*"\]\)):::(input|constant|parameter|op|sum|activation|loss|alarm)'
COLOR = r"#[0-9A-F]{6}"
MERMAID = re.compile("|".join([
    r"---", r'title: "([^"\\]|\\["\\])*"', r"flowchart TB", r"  " + NODE, r"    " + NODE, r'  subgraph L\d+\["[^"]*"\]', r"  end",
    r'  left_out\["\d+ nodes are left out"\]:::constant', r'  v\d+ (-->|-\.->)(\|"[^"]+"\|)? v\d+',
    r"  classDef \w+ fill:%s,stroke:%s,color:%s(,stroke-width:\dpx|,stroke-dasharray:3 3)?" % (COLOR, COLOR, COLOR),
    r"  linkStyle \d+(,\d+)* stroke:%s,stroke-width:2px,color:%s" % (COLOR, COLOR)]))
LABEL = re.compile(r"(<b>|</b>|<br/>|#\d+;|[^<>\"#&;`|{}\[\]\\])*")


def check_mermaid():
    problems = []
    for path in pages("*.mmd"):
        text = read(path)
        problems += ["%s: %s" % (name_of(path), line) for line in text.splitlines() if not MERMAID.fullmatch(line)]
        labels = re.findall(r'"([^"]*)"', re.sub(r'title: ".*', "", text))
        problems += ["%s: %s" % (name_of(path), label) for label in labels if not LABEL.fullmatch(label)]
        boxes = set(re.findall(r'^ +(v\d+)[\[(]', text, re.M))
        links = re.findall(r'^  (v\d+) (-->|-\.->)(?:\|"[^"]+"\|)? (v\d+)$', text, re.M)
        problems += ["%s: a link without box: %s" % (name_of(path), link) for link in links if not {link[0], link[2]} <= boxes]
        styled = sorted(int(number) for line in re.findall(r"linkStyle ([\d,]+)", text) for number in line.split(","))
        problems += ["%s: colours of links" % name_of(path)] if styled != list(range(len(links))) else []
    report("Mermaid has the forms that are printed", problems)


def check_messages():
    """One dotted link for each message, one solid one for each use: none is lost, as in a + a."""
    problems = []
    for path in pages("expression*.default.mmd"):
        page, text = json.loads(read(path[:-3] + "json")), read(path)
        uses, messages = sum(len(node["inputs"]) for node in page["nodes"]), len(page["messages"])
        if text.count("-->") != uses or text.count("-.->") != messages:
            problems.append("%s: %d and %d links, not %d and %d" % (name_of(path), text.count("-->"), text.count("-.->"), uses, messages))
    report("every use and every message is a link", problems)


def check_latex():
    node, folders = shutil.which("node"), [path for path in ("/usr/share/nodejs/katex", "/usr/lib/node_modules/katex") if os.path.isdir(path)]
    if not node or not folders:
        report("LaTeX is read by KaTeX", [], "no katex")
        return
    blocks = [(name_of(path), block) for path in pages("*.tex") for block in re.findall(r"\\begin\{align\*\}.*?\\end\{align\*\}", read(path), re.S)]
    program = """
const katex = require(process.argv[1]), blocks = JSON.parse(require('fs').readFileSync(0, 'utf8'));
for (const [name, block] of blocks)
    try { katex.renderToString(block, { displayMode: true, throwOnError: true, strict: 'error' }); }
    catch (error) { console.log(name + ': ' + error.message); }"""
    result = subprocess.run([node, "-e", program, folders[0]], input=json.dumps(blocks), capture_output=True, text=True, check=False)
    problems = (result.stdout + result.stderr).splitlines() or ([] if len(blocks) > 100 else ["so few"])
    report("%d blocks of LaTeX are read by KaTeX" % len(blocks), problems)


def check_latex_text():
    """Outside of the blocks, and of names in titles, there is nothing but these lines."""
    problems = []
    for path in pages("*.tex"):
        outside = re.sub(r"\\begin\{align\*\}.*?\\end\{align\*\}", "", read(path), flags=re.S)
        problems += ["%s: %s" % (name_of(path), line) for line in outside.splitlines()
                     if not re.fullmatch(r"|% Needs amsmath\..*|\\noindent\\textbf\{An exercise\}|\\noindent [A-Z][\w ,;.]+[:.]", line)]
    report("LaTeX outside of its blocks is plain text", problems)


# ---- JSON ----

def fits(value, schema, definitions, path="$"):
    """The part of JSON Schema that the schema uses."""
    if "$ref" in schema:
        return fits(value, definitions[schema["$ref"].rsplit("/", 1)[1]], definitions, path)
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float), "null": type(None)}
    names = schema.get("type", [])
    names = [names] if isinstance(names, str) else names
    if names and not any(isinstance(value, kinds[name]) and (name == "boolean" or not isinstance(value, bool)) for name in names):
        return ["%s: %r is no %s" % (path, value, names)]
    problems = []
    if "const" in schema and value != schema["const"]:
        problems.append("%s: %r" % (path, value))
    if "enum" in schema and value not in schema["enum"]:
        problems.append("%s: %r" % (path, value))
    if "anyOf" in schema and all(fits(value, one, definitions, path) for one in schema["anyOf"]):
        problems.append("%s: %r fits none" % (path, value))
    if "minimum" in schema and isinstance(value, (int, float)) and value < schema["minimum"]:
        problems.append("%s: %r is too small" % (path, value))
    if isinstance(value, dict):
        known = schema.get("properties", {})
        problems += ["%s: no %s" % (path, key) for key in schema.get("required", []) if key not in value]
        for key, item in value.items():
            problems += fits(item, known[key], definitions, path + "." + key) if key in known else ["%s: %s is not known" % (path, key)]
    if isinstance(value, list):
        problems += ["%s: too many" % path] if len(value) > schema.get("maxItems", len(value)) else []
        for i, item in enumerate(value):
            problems += fits(item, schema.get("items", {}), definitions, "%s[%d]" % (path, i))
    return problems


def check_json():
    schema, problems, pages_of_json = json.loads(read(os.path.join(ROOT, "docs", "explain.schema.json"))), [], pages("*.json")
    try:
        import jsonschema
        validator = jsonschema.Draft7Validator(schema)
        jsonschema.Draft7Validator.check_schema(schema)
    except ImportError:
        validator = None
    for path in pages_of_json:
        page = json.loads(read(path), parse_constant=lambda word: problems.append("%s: %s" % (name_of(path), word)))
        problems += ["%s: %s" % (name_of(path), problem) for problem in fits(page, schema, schema["definitions"])]
        if validator and ".default." in name_of(path):      # it takes its time
            problems += ["%s: %s" % (name_of(path), error.message) for error in validator.iter_errors(page)]
    broken = json.loads(read(os.path.join(folder, "nan.default.json")))
    broken["nodes"][0]["rows"] = "three"
    problems += [] if fits(broken, schema, schema["definitions"]) else ["what does not fit is not found"]
    report("%d pages of JSON fit the schema" % len(pages_of_json), problems)


def check_json_sums():
    """before + message = after, and the last after is the adjoint."""
    problems = []
    for path in pages("expression*.exact.json"):
        page = json.loads(read(path))
        adjoints = {node["id"]: node["adjoint"] for node in page["nodes"]}
        for message in page["messages"]:
            after = message["after"]["elements"]
            before = message["before"]["elements"] if message["before"] else [0] * len(after)
            if [a + b for a, b in zip(before, message["message"]["elements"])] != after:
                problems.append("%s: message %d of %d to %d" % (name_of(path), message["k"], message["n"], message["to"]))
            if message["k"] == message["n"] and after != adjoints[message["to"]]["elements"]:
                problems.append("%s: adjoint of %d" % (name_of(path), message["to"]))
    report("messages in JSON add up to adjoints", problems)


# ---- all of it ----

def dump(into, **variables):
    result = subprocess.run([sys.argv[1], into], env=dict(os.environ, **variables), capture_output=True, text=True, check=False)
    return [] if result.returncode == 0 else [result.stderr or "exit status %d" % result.returncode]


def comma_locale(where):
    """Variables of a locale whose numbers have a comma; none where localedef, which comes with the C library of GNU, is missing."""
    with open(os.path.join(where, "charmap"), "w", encoding="ascii") as file:
        file.write("<code_set_name> ASCII\n<escape_char> /\n<mb_cur_min> 1\n<mb_cur_max> 1\nCHARMAP\n")
        file.writelines("<U%04X> /x%02x x\n" % (code, code) for code in range(128))
        file.write("END CHARMAP\n")
    with open(os.path.join(where, "numeric"), "w", encoding="ascii") as file:
        file.write('LC_NUMERIC\ndecimal_point "<U002C>"\nthousands_sep "<U002E>"\ngrouping 3;3\nEND LC_NUMERIC\n')
    if not shutil.which("localedef"):
        return {}
    subprocess.run(["localedef", "-c", "-f", os.path.join(where, "charmap"), "-i", os.path.join(where, "numeric"), os.path.join(where, "comma")],
                   capture_output=True, check=False)
    return {"LOCPATH": where, "LC_NUMERIC": "comma", "LC_ALL": ""} if os.path.isdir(os.path.join(where, "comma")) else {}


def check_twice():
    with tempfile.TemporaryDirectory() as second, tempfile.TemporaryDirectory() as locales:
        variables = comma_locale(locales)
        problems = dump(second, **variables)
        for name in sorted({name for where in (folder, second) for name in os.listdir(where) if not name.endswith(".expected")}):
            first_bytes, second_bytes = [open(os.path.join(where, name), "rb").read() for where in (folder, second)]
            problems += [name] if first_bytes != second_bytes else []
    report("a second run prints the same bytes%s" % (", with a decimal comma" if variables else ""), problems)


with tempfile.TemporaryDirectory() as folder:
    report("pages are printed", dump(folder, LC_ALL="C"))
    if not failed:
        for check in (check_equations, check_checker, check_values, check_text, check_before, check_sizes, check_mermaid, check_messages, check_latex,
                      check_latex_text, check_json, check_json_sums, check_twice):
            check()
print("1..%d" % count)
sys.exit(failed > 0)
