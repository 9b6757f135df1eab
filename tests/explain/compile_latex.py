#!/usr/bin/env python3
"""compile_latex.py DUMP_PAGES: all LaTeX pages that dump_pages prints, in one document with amsmath alone, through pdflatex. TAP; skipped where there
is no pdflatex."""
import os
import re
import shutil
import subprocess
import sys
import tempfile


def document(folder):
    names = sorted(name for name in os.listdir(folder) if name.endswith(".tex"))
    parts = []
    for name in names:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            parts.append("\\section*{%s}\n%s\n" % (name.replace("_", "\\_"), file.read()))
    return len(names), "\\documentclass{article}\n\\usepackage{amsmath}\n\\begin{document}\n%s\\end{document}\n" % "\\clearpage\n".join(parts)


def main():
    print("1..1")
    if not shutil.which("pdflatex"):
        print("ok 1 - LaTeX compiles # SKIP there is no pdflatex")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], folder], check=True)
        count, text = document(folder)
        with open(os.path.join(folder, "all.latex"), "w", encoding="utf-8") as file:
            file.write(text)
        result = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.latex"], cwd=folder, capture_output=True, check=False)
        said = result.stdout.decode("latin-1")
    if result.returncode == 0 and count > 100:
        print("ok 1 - %d pages of LaTeX compile" % count)
        return 0
    print("not ok 1 - %d pages of LaTeX compile" % count)
    for line in re.findall(r"^!.*(?:\n.*){0,4}", said, re.M):
        print("# " + line.replace("\n", "\n# "))
    return 1


if __name__ == "__main__":
    sys.exit(main())
