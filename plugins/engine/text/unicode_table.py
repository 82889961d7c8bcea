#!/usr/bin/env python3
"""Writes unicode_table.h: runs of code points by general category, as unicode.h classes them.

usage: unicode_table.py /usr/share/unicode/UnicodeData.txt > unicode_table.h
The file is of Debian's package unicode-data.  Unassigned code points are CLASS_OTHER.
"""
import sys

CLASSES = {"L": 1, "N": 2, "P": 3, "S": 4, "M": 5}  # the order of enum unicode_class; others 0


def categories(path):
    """Class of every code point; First/Last lines of the file stand for a whole range."""
    table = [0] * 0x110000
    first = None
    for line in open(path, encoding="ascii"):
        fields = line.split(";")
        code, name, category = int(fields[0], 16), fields[1], fields[2]
        start = first if name.endswith("Last>") else code
        first = code if name.endswith("First>") else None
        for point in range(start, code + 1):
            table[point] = CLASSES.get(category[0], 0)
    return table


def main():
    table = categories(sys.argv[1])
    runs = [(0, table[0])]
    for point, kind in enumerate(table):
        if kind != runs[-1][1]:
            runs.append((point, kind))
    print("/* Written by unicode_table.py; do not edit.  Each entry: first code point << 3 | class;")
    print(" * a run reaches to the next entry. */")
    print(f"static const uint32_t unicode_runs[{len(runs)}] = {{")
    for at in range(0, len(runs), 8):
        print("\t" + " ".join(f"0x{point << 3 | kind:06x}," for point, kind in runs[at:at + 8]))
    print("};")


main()
