#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""lint-pitfalls.py TREE: each of the 33 pitfalls of Documentation/pitfalls.rst is there
once, and each test that it names is there and run."""
import pathlib, re, sys

top = pathlib.Path(sys.argv[1])
bad = []

def kunit(suite, case):
    for file in top.glob("kunit/*_test.c"):
        text = file.read_text()
        found = re.search(r'\.name = "%s",\s*\.test_cases = (\w+)' % suite, text)
        if found:
            cases = text.split(found[1] + "[] = {")[1].split("};")[0]
            return re.search(r"KUNIT_CASE\w*\(%s\b" % case, cases)
    return None

def system(name, function):
    files = [*top.glob(f"tools/testing/*/{name}.sh")]
    text = files[0].read_text() if len(files) == 1 else ""
    return (re.search(r"^%s\(\)" % function, text, re.M) and
            re.search(r"^\s*t %s\b" % function, text, re.M))

page = (top / "Documentation/pitfalls.rst").read_text()
parts = re.split(r"^(\d+)$", page, flags=re.M)
numbers = [int(number) for number in parts[1::2]]
if numbers != [*range(1, 34)]:
    bad.append(f"numbers are {numbers}, expected 1 to 33")
for number, text in zip(numbers, parts[2::2]):
    named = re.findall(r"``([a-z-]+):\s+(\w+)``", text)
    if not named and "Not tested." not in text:
        bad.append(f"{number}: neither a test nor 'Not tested.'")
    if len(named) != len(re.findall(r"``[a-z-]+:", text)):
        bad.append(f"{number}: a reference that is none")
    bad += [f"{number}: no test '{file}: {test}'" for file, test in named
            if not (kunit if file.startswith("hvdpa-") else system)(file, test)]
print(*bad, sep="\n", end="\n" if bad else "")
sys.exit(bool(bad))
