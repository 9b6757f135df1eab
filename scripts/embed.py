#!/usr/bin/env python3
"""Files as C arrays, each with a zero behind it: embed.py OUTPUT NAME=FILE..."""
import sys


def array(name, path):
    with open(path, "rb") as file:
        data = file.read() + b"\0"
    rows = [data[at:at + 24] for at in range(0, len(data), 24)]
    text = ",\n".join("    " + ", ".join(str(byte if byte < 128 else byte - 256) for byte in row) for row in rows)
    return f"extern const char {name}[{len(data)}];\nconst char {name}[{len(data)}] = {{\n{text}\n}};\n"


with open(sys.argv[1], "w", encoding="ascii") as out:
    out.write("/* Written by scripts/embed.py: do not edit. */\n\n")
    out.write("\n".join(array(*argument.split("=", 1)) for argument in sys.argv[2:]))
