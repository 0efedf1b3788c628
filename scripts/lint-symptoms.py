#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""lint-symptoms.py TREE PAGE: each line of the log on the page of symptoms is asked for by
the test that is named by it, and one that begins with hvdpa is one that the driver prints.
Others are the kernel's or QEMU's."""
import pathlib, re, sys

top, page = map(pathlib.Path, sys.argv[1:])
bad = []
number = 0

def expression(text):
    text = re.escape(text).replace(r"\ ", " ")
    text = text.replace("%pe", r"-E[A-Z]+").replace("%pM", r"[0-9a-f:]{17}")
    text = re.sub(r"%(\\#)?l?l?z?x", "(0x)?[0-9a-f]+", text)
    text = re.sub(r"%z?l?l?[ud]", "-?[0-9]+", text)
    return re.compile(re.sub("%s", ".*", text))

formats = []
for file in top.glob("drivers/vdpa/hvdpa/*.c"):
    joined = re.sub(r'"\s*\n\s*"', "", file.read_text())
    for call in re.finditer(r"\bdev_\w+\([^;]*?\"(.*?)\\n\"", joined, re.S):
        formats.append(expression(call[1]))

body = None
for part in re.split(r"\n\n(?=[^\n]+\n-{4,}\n)", page.read_text())[1:]:
    title = part.split("\n")[0]
    lines = re.findall(r"^    (\S.*)$", part, re.M)
    tests = re.findall(r"^Test: ``([a-z-]+): (\w+)``$", part, re.M)
    number += 1
    if not lines or len(tests) != 1:
        bad.append(f"{title}: {len(lines)} lines of log, {len(tests)} tests; 1 or more and 1 are needed")
        continue
    name, function = tests[0]
    files = [*top.glob(f"tools/testing/*/{name}.sh")]
    script = files[0].read_text() if len(files) == 1 else ""
    body = re.search(r"^%s\(\) \{(.*?)\}$" % function, script, re.S | re.M)
    if not body or not re.search(r"^\s*t %s\b" % function, script, re.M):
        bad.append(f"{title}: no test '{name}: {function}'")
        continue
    asked = [re.sub(r"\$\w+", ".*", words[1] or words[2]) for words in re.finditer(
        r"(?:lines_are|expect_log|(?:qemu_said|guest_logged) \w+|refused [0-9a-f:.]+) +(?:'([^']+)'|\"([^\"]+)\")", body[1])]
    for line in lines:
        own = re.fullmatch(r"hvdpa [0-9a-f:.]+: (.*)", line)
        line = own[1] if own else line
        if own and not any(form.fullmatch(line) for form in formats):
            bad.append(f"{title}: the driver does not print '{line}'")
        if not any(re.search(words, line) for words in asked):
            bad.append(f"{title}: '{name}: {function}' does not ask for '{line}'")
if number < 10:
    bad.append(f"{number} symptoms are found, expected more")
print(*bad, sep="\n", end="\n" if bad else "")
sys.exit(bool(bad))
