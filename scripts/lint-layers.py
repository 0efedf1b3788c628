# SPDX-License-Identifier: GPL-2.0-only
"""lint-layers.py LAYERS SOURCE OBJECTS: do includes and calls go down only?

LAYERS is scripts/layers or a file like it, SOURCE the driver's folder, OBJECTS where
its files were compiled to. Prints each include and each call that goes up, each circle
of calls, and each file and each struct of callbacks that LAYERS does not have."""
import pathlib
import re
import subprocess
import sys

INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)
STRUCT = re.compile(r"^struct (\w+) \{\n(.*?)^\}", re.M | re.S)
CALLBACK = re.compile(r"^\t[^\n;]*\(\*\w+\)\(", re.M)
# A struct is one of callbacks where most of its members are.
MANY = 2


def read_layers(name):
    files, structs = {}, set()
    for line in pathlib.Path(name).read_text(encoding="utf-8").splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        if words[0].startswith("+"):
            structs.update(words[1:])
        else:
            files.update((word, int(words[0])) for word in words[2:])
    return files, structs


def symbols(objects, layers):
    defines, uses = {}, {}
    for name in layers:
        file = objects / (name[:-2] + ".o")
        if not name.endswith(".c"):
            continue
        text = subprocess.run(["nm", file], check=True, capture_output=True,
                              text=True).stdout
        for line in text.splitlines():
            kind, symbol = line.split()[-2:]
            if kind == "U":
                uses.setdefault(name, set()).add(symbol)
            elif kind in "TDRBGSV":
                defines[symbol] = name
    return defines, uses


def circle(graph, start, path=()):
    """A way from start back to it, or None."""
    seen, ways = set(), [(start, (start,))]
    while ways:
        here, path = ways.pop()
        for there in graph.get(here, ()):
            if there == start:
                return path + (start,)
            if there not in seen:
                seen.add(there)
                ways.append((there, path + (there,)))
    return None


def main(layers_file, source, objects):
    layers, structs = read_layers(layers_file)
    source, faults, found = pathlib.Path(source), [], set()
    for file in sorted(source.glob("*.[ch]")):
        text = file.read_text(encoding="utf-8")
        if file.name not in layers:
            faults.append(f"{file.name}: is in no layer")
            continue
        for header in INCLUDE.findall(text):
            if layers.get(header, 0) > layers[file.name]:
                faults.append(f"{file.name}: includes {header} of a layer above")
        for struct, body in STRUCT.findall(text):
            if len(CALLBACK.findall(body)) >= MANY or struct.endswith("_events"):
                found.add(struct)
    faults += [f"{name}: there is no such file" for name in layers
               if not (source / name).exists()]
    faults += [f"struct {name}: callbacks that are in no layer" for name in found - structs]
    faults += [f"struct {name}: there is no such struct of callbacks"
               for name in structs - found]

    defines, uses = symbols(pathlib.Path(objects), [
        name for name in layers if (source / name).exists()])
    graph = {}
    for name, wanted in uses.items():
        for symbol in sorted(wanted & defines.keys()):
            if defines[symbol] == name:
                continue
            graph.setdefault(name, set()).add(defines[symbol])
            if layers[defines[symbol]] > layers[name]:
                faults.append(f"{name}: calls {symbol} of {defines[symbol]}, a layer above")
    circles = [way for way in (circle(graph, name) for name in sorted(graph)) if way]
    if circles:
        faults.append("a circle of calls: " + " -> ".join(min(circles, key=len)))
    for fault in faults:
        print(fault)
    return bool(faults)


sys.exit(main(*sys.argv[1:]))
