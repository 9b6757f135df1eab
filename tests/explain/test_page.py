#!/usr/bin/env python3
"""Drives the pages in a browser: test_page.py PROGRAM [--pictures FOLDER]. PROGRAM is tests/explain/pages.c. Exit status 77 without a browser."""
import math
import os
import re
import sys
import tempfile

import browser

PAGES = ["2-2-1", "2-2-1-dark", "2-2-1-layers", "2-2-2", "4-8-3", "4-8-3-batch", "784-128-10", "deep", "expression", "reuse", "mazur"]
PARTS = ["before", "symbols", "no-numbers"]      # without a walk, without numbers, with numbers that are none
KATEX = "/usr/share/javascript/katex/katex.min.js"      # of Debian
failures = []


def expect(true, what):
    if not true:
        failures.append(what)
        print("not as expected:", what)


def number_of(text):
    """The number that a page shows: 2.3·10⁻⁵ with a sign of its own for minus."""
    plain = text.replace("−", "-")
    mantissa, _, power = plain.partition("·10")
    if plain.startswith("10⁻") or plain.startswith("-10⁻"):
        mantissa, power = plain.replace("10", "1", 1)[:plain.index("1") + 1], plain[plain.index("10") + 2:]
    power = "".join("-" if c == "⁻" else str("⁰¹²³⁴⁵⁶⁷⁸⁹".index(c)) for c in power)
    return float(mantissa) * 10.0 ** int(power or 0)


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "look.js"), encoding="utf-8") as file:
    LOOK = file.read()


def walk(page, name):
    """All steps forward by the button and back by the key show the same, each of them something else."""
    count = page.run("steps.length")
    page.run("go.first()")
    forward = []
    for _ in range(count):
        forward.append(page.run("testState()"))
        page.run('document.querySelector("[data-go=next]").click()')
    expect(page.run("at") == count - 1, f"{name}: the last step is not the last one")
    expect(len({str(state) for state in forward}) == count, f"{name}: two steps show the same")
    for number in reversed(range(count)):
        state = page.run("testState()")
        expect(state == forward[number], f"{name}: step {number} shows something else on the way back")
        page.key("ArrowLeft")
    expect(page.run("at") == 0, f"{name}: not at the first step")
    for number, state in enumerate(forward):
        for key in ("title", "words", "math", "product", "sum", "check"):
            expect("undefined" not in state[key] and "[object" not in state[key] and "null" not in state[key], f"{name}: step {number} has no {key}")
    return forward


def keys(page, name):
    last = page.run("steps.length - 1")
    page.key("End")
    expect(page.run("at") == last, f"{name}: End")
    page.key("Home")
    expect(page.run("at") == 0, f"{name}: Home")
    page.key("b", "b")
    expect(page.run('steps[at].kind') == "seed", f"{name}: b")
    page.key("ArrowRight")
    page.key("ArrowLeft")
    expect(page.run('steps[at].kind') == "seed", f"{name}: arrows")
    page.run('location.hash = "#step-3"')
    page.run("new Promise(done => setTimeout(done, 50))")
    expect(page.run("at") == 3, f"{name}: a link to a step")


def gradients(page, name, path):
    """What the last step shows is what the engine says, to the digits shown."""
    page.run("go.last()")
    shown = page.run("testGradients()")
    with open(path, encoding="ascii") as file:
        expected = [line.split() for line in file]
    known = [(int(line[0]), int(line[1]), [float(v) for v in line[2:]]) for line in expected]
    expect(len(shown) == len(known), f"{name}: {len(shown)} gradients, not {len(known)}")
    close = lambda a, b: abs(a - b) <= 6e-4 * abs(b) + 1e-30
    for g in shown:      # leaves of the engine come in any order
        expect(g["late"] == 0, f"{name}: a gradient is still hidden")
        if g["cells"]:
            values = sorted(number_of(c) for c in g["cells"])
            match = any(len(values) == len(v) and all(map(close, values, sorted(v))) for _, _, v in known)
            expect(match, f"{name}: no gradient of the engine is {g['cells']}")
        else:
            norm = number_of(re.search("norm ([^;]*)", g["norm"]).group(1))
            expect(any(close(norm, sum(x * x for x in v) ** 0.5) for _, _, v in known), f"{name}: no gradient of the engine has norm {norm}")


def quiz(page, name):
    page.run("go.first()")
    first = page.run('steps.findIndex(s => s.kind === "backward" && typeof s.message === "string" && ![s.upstream, s.local, ""].includes(s.message))')
    if first < 0:
        return
    page.run('element("quiz").click()')
    page.run(f"show({first})")
    answer = page.run(f"steps[{first}].message")
    shown = page.run('["math", "product", "sum", "spoken", "tags"].map(id => element(id).textContent).join(" ")')
    expect(answer not in shown, f"{name}: the answer is shown")
    expect(page.run("document.activeElement.id") == "answer", f"{name}: no place for an answer")
    page.type("7000")
    page.key("Enter", "\r")
    expect("✗" in page.run('element("verdict").textContent'), f"{name}: 7000 is right")
    page.run('element("answer").value = ""')
    page.type(answer.replace(".", ","))
    page.key("Enter", "\r")
    expect("✓" in page.run('element("verdict").textContent'), f"{name}: {answer} is wrong")
    page.key("Enter", "\r")
    expect(page.run("at") == first + 1, f"{name}: the next question")
    expect(page.run("location.hash").endswith("-quiz"), f"{name}: the link to a question")
    page.run('element("quiz").checked = false; show(0)')


def value_of_tex(tex):
    """A formula of numbers, as Python sees it; None where it has a function that is not known here."""
    text = re.sub(r"\\(left|right|,|;|mathrel|mathrm)", "", tex).replace("\\cdot", "*").replace("\\times", "*")
    for _ in range(9):
        text = re.sub(r"\\t?frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))", text)
        text = re.sub(r"e\^\{([^{}]*)\}", r"exp(\1)", text)
        text = re.sub(r"\^\{?(-?[\d.]+)\}?", r"**(\1)", text)
    text = re.sub(r"\\(tanh|exp|ln|sin|cos|max|min)\b\s*\(?", lambda m: m.group(1) + "(" if m.group(0).endswith("(") else "unknown", text)
    known = {"tanh": math.tanh, "exp": math.exp, "ln": math.log, "sin": math.sin, "cos": math.cos, "max": max, "min": min}
    try:
        return float(eval(text, {"__builtins__": {}, **known}))
    except (SyntaxError, NameError, TypeError):
        return None


def is_true(computed, shown):
    """Whether computed is what is shown, to its last digit."""
    value = number_of(shown)
    mantissa = shown.replace("−", "-").partition("·")[0]
    unit = abs(value / float(mantissa)) * 10.0 ** -len(mantissa.partition(".")[2]) if value else 0
    return abs(computed - value) <= 0.5 * unit * (1 + 1e-9) + 1e-15 * abs(value)


def equations(page, name):
    """Where a step says =, its printed numbers are equal; where they are, it does not say otherwise."""
    told = 0
    for number, s in enumerate(page.run("steps")):
        claims = []
        if "tex_numbers" in s:
            claims.append((value_of_tex(" + ".join(s["tex_numbers"])), *s["result"]))
        if isinstance(s.get("upstream"), str):
            claims.append((number_of(s["upstream"]) * number_of(s["local"]), s["relation"], s["message"]))
            if "sum" in s:
                claims.append((number_of(s["sum"][0]) + number_of(s["sum"][1]), s["sum"][2], s["sum"][3]))
            if "local_numbers_tex" in s:
                claims.append((value_of_tex(s["local_numbers_tex"]), s["local_relation"], s["local"]))
        for computed, relation, shown in claims:
            if computed is None:
                continue
            told += 1
            expect((relation == "=") == is_true(computed, shown), f"{name}: step {number} says {computed} {relation} {shown}")
    return told


def latex(page, name):
    """What is copied is LaTeX, as far as KaTeX knows."""
    steps = [tex for tex in page.run("steps.map(texOf)") if tex]
    expect(len(steps) > 3 and not any("undefined" in tex for tex in steps), f"{name}: no LaTeX")
    if os.path.exists(KATEX):
        with open(KATEX, encoding="utf-8") as file:
            page.run(file.read() + ";0")
        wrong = page.run("testTex()")
        expect(not wrong, f"{name}: {wrong[:3]}")


def look(page, name):
    texts = page.run("testTexts()")
    for t in texts:
        expect(t["size"] >= 10 or t["math"] and t["size"] >= 8, f"{name}: {t['text']!r} is {t['size']:.1f} px high")
        expect(t["contrast"] >= 4.5, f"{name}: {t['text']!r} has contrast {t['contrast']:.2f}")
    parts = {}
    for t in texts:
        if not t["math"]:
            parts.setdefault(t["where"], []).append(t)
    for part in parts.values():
        for i, a in enumerate(part):
            for b in part[:i]:
                across = min(a["x"] + a["w"], b["x"] + b["w"]) - max(a["x"], b["x"])
                down = min(a["y"] + a["h"], b["y"] + b["h"]) - max(a["y"], b["y"])
                expect(across < 2 or down < 4, f"{name}: {a['text']!r} and {b['text']!r} overlap")


def looks(page, name, folder, pictures):
    address = "file://" + os.path.join(folder, name + ".html")
    for width, height in ((1280, 900), (390, 844)):
        for dark in (False, True):
            page.open(address, width, height, dark)
            page.run(LOOK)
            count = page.run("steps.length")
            for step in sorted({0, count // 3, 2 * count // 3, count - 2, count - 1}):
                page.run(f"show({step})")
                where = f"{name}, {width} px, {'dark' if dark else 'light'}, step {step}"
                expect(page.run("document.documentElement.scrollWidth") <= width, f"{where}: wider than the screen")
                look(page, where)
                if pictures:
                    page.picture(os.path.join(pictures, f"{name}-{width}-{'dark' if dark else 'light'}-{step}.png"))
            expect(not page.complaints(), f"{name}: {page.complaints()}")


def themes(page, name):
    seen = set()
    for _ in range(3):
        seen.add(page.run('["--ground", "--forward"].map(c => getComputedStyle(document.documentElement).getPropertyValue(c)).join()'))
        page.run('element("theme").click()')
        look(page, f"{name}, theme {page.run('document.documentElement.dataset.theme')}")
    expect(len(seen) == 3, f"{name}: {len(seen)} themes, not 3")


def main():
    pictures = sys.argv[3] if len(sys.argv) == 4 and sys.argv[2] == "--pictures" else None
    if browser.find() is None:
        print("no browser is installed")
        return 77
    with tempfile.TemporaryDirectory() as folder, browser.Browser() as page:
        if os.spawnl(os.P_WAIT, sys.argv[1], sys.argv[1], folder) != 0:
            print("the pages cannot be written")
            return 1
        for name in PAGES:
            page.open("file://" + os.path.join(folder, name + ".html"))
            page.run(LOOK)
            walk(page, name)
            keys(page, name)
            told = equations(page, name)
            expect(told > 5 or page.run("page.view") == "layers", f"{name}: {told} equations")
            latex(page, name)
            gradients(page, name, os.path.join(folder, name + ".txt"))
            quiz(page, name)
            themes(page, name)
            page.run('element("copy").click()')
            expect(not page.complaints(), f"{name}: {page.complaints()}")
        for name in PARTS:
            page.open("file://" + os.path.join(folder, name + ".html"))
            page.run(LOOK)
            walk(page, name)
            latex(page, name)
        for name in PAGES + PARTS:
            looks(page, name, folder, pictures)
    print(f"{len(failures)} failures")
    return 1 if failures else 0


sys.exit(main())
