#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""coverage.py SOURCE RUN...: sum up what gcov says of several runs, and compare
what was not reached with what Documentation/unreached.rst says of it."""
import collections
import glob
import json
import os
import re
import sys


def counts(runs):
    """{file: {(function, line): how often}} over all runs."""
    sums = collections.defaultdict(collections.Counter)
    for run in runs:
        for name in glob.glob(f"{run}/gcov/**/*.json", recursive=True):
            with open(name, encoding="utf-8") as file:
                for text in file:
                    for part in json.loads(text)["files"]:
                        path = part["file"]
                        at = path.find("drivers/vdpa/hvdpa/")
                        # The lines of the tracepoints are the kernel's macros.
                        if at < 0 or path.endswith("trace.h"):
                            continue
                        lines = sums[path[at + len("drivers/vdpa/hvdpa/"):]]
                        for line in part["lines"]:
                            where = line.get("function_name", ""), line["line_number"]
                            lines[where] += line["count"]
    return sums


def known(page):
    """{(file, function, text)} of the literal blocks of the page."""
    found = set()
    for line in page.split("\n"):
        match = re.match(r"^   (\S+\.[ch]): (\w+): (.*)$", line)
        if match:
            found.add(match.groups())
    return found


def main(source, *runs):
    sums = counts(runs)
    if not sums:
        sys.exit("nothing was counted")
    with open(f"{source}/Documentation/unreached.rst", encoding="utf-8") as file:
        told = known(file.read())
    total = reached = 0
    missed, table = set(), []
    for path, lines in sorted(sums.items()):
        hit = sum(1 for count in lines.values() if count)
        total += len(lines)
        reached += hit
        table.append(f"{100 * hit / len(lines):5.1f} %  {hit:4} of {len(lines):4}  {path}")
        name = os.path.join(source, "drivers/vdpa/hvdpa", path)
        with open(name, encoding="utf-8") as file:
            text = file.read().split("\n")
        missed |= {(path, function, number, text[number - 1].strip())
                   for (function, number), count in lines.items() if not count}
    table.append(f"{100 * reached / total:5.1f} %  {reached:4} of {total:4}  in all")
    lost = [(path, function, number, text) for path, function, number, text
            in sorted(missed) if (path, function, text) not in told]
    print("\n".join(table))
    gone = told - {(path, function, text) for path, function, _, text in missed}
    for item in sorted(gone):
        print(f"reached, and said not to be: {': '.join(item)}")
    # Last: of a long output the end is what is kept.
    for path, function, number, text in lost:
        print(f"not reached: {path}: {function}: {text} (line {number})")
    sys.exit(bool(lost))


if __name__ == "__main__":
    main(*sys.argv[1:])
