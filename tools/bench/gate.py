#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""gate.py BASELINE KERNEL RUN...: each figure of the driver's is within the
baseline's tolerance (1 %) of what it was, up and down; what each frame or block comes by
costs at most two instructions more; accesses to registers are as many as they were. KTAP. gate.py --write BASELINE KERNEL RUN... makes the baseline."""
import json
import sys

import figures

# What is not the baseline's tolerance. The kernel frees and allocates pages when a
# device is opened and closed, whose neighbours decide how long that takes: the same
# in a boot, another in the next.
TOLERANCES = {
    "owner.open": 0.2, "owner.close": 0.2, "nic.owner.open": 0.2,
    "nic.owner.close": 0.2, "nic.bus.dev_add": 0.1, "nic.locked.dev_add": 0.1,
    # Of five boots' medians the furthest two are 2.2 % apart.
    "owner.suspend": 0.03, "owner.resume": 0.03, "owner.reset": 0.03,
}

# What each frame or block comes by: a call more is noticed. It may cost less.
HOT = ("owner.kick", "nic.owner.kick", "owner.doorbell", "nic.owner.doorbell",
       "owner.interrupt", "nic.owner.interrupt", "direct.kick", "direct.interrupt",
       "relayed.kick", "relayed.interrupt", "direct.block.kick",
       "direct.block.interrupt", "relayed.block.kick", "relayed.block.interrupt")
HOT_ROOM = 2

# The driver waits for the hardware in between: some rounds have a look more or a
# timer's tick in them, and the middle one is nearly the same.
WAITS = ("nic.owner.suspend", "owner.suspend", "owner.resume", "owner.reset")

# What time passes in, or what the PCI core does most of.
LOOSE = ("bus.probe", "bus.remove", "nic.bus.probe", "nic.bus.remove")


def measured(runs):
    found = {}
    for run in runs:
        for (name, parent), lines in figures.read(run).counted.items():
            if parent != "hvdpa" or name.split(" ")[0] in LOOSE:
                continue
            line = lines[0]
            if name.split(" ")[0] in WAITS:
                found[name] = {"instructions": line["median"]}
                continue
            found[name] = {"instructions": line["least"]}
            if "reads" in line:
                found[name] |= {"reads": line["reads"], "writes": line["writes"]}
    return found


def complaint(name, was, now, tolerance):
    if was is None:
        return "is not in the baseline"
    if now is None:
        return "was not measured"
    more = now["instructions"] - was["instructions"]
    if name.split(" ")[0] in HOT and more > HOT_ROOM:
        return (f"{now['instructions']} instructions, the baseline has "
                f"{was['instructions']}, {HOT_ROOM} more are allowed")
    tolerance = TOLERANCES.get(name.split(" ")[0], tolerance)
    room = max(2, was["instructions"] * tolerance)
    if name.split(" ")[0] not in HOT and abs(more) > room:
        return (f"{now['instructions']} instructions, the baseline has "
                f"{was['instructions']}, {100 * tolerance:g} % are allowed")
    for kind in ("reads", "writes"):
        if now.get(kind) != was.get(kind):
            return f"{now.get(kind)} {kind} of registers, the baseline has {was.get(kind)}"
    return None


def main(path, kernel, *runs):
    with open(path, encoding="utf-8") as file:
        baseline = json.load(file)
    if baseline["kernel"] != kernel:
        print(f"ok 1 costs # SKIP the baseline is of {baseline['kernel']}, this is {kernel}")
        print("1..1")
        return
    now = measured(runs)
    names = list(dict.fromkeys([*baseline["figures"], *now]))
    for number, name in enumerate(names, 1):
        why = complaint(name, baseline["figures"].get(name), now.get(name),
                        baseline["tolerance"])
        print(f"{'not ok' if why else 'ok'} {number} {name}")
        if why:
            print(f"# {why}; a change that is meant to cost this changes "
                  "tools/bench/baseline.json (scripts/bench baseline) and says why")
    print(f"1..{len(names)}")


def write(path, kernel, *runs):
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"kernel": kernel, "tolerance": 0.01, "figures": measured(runs)},
                  file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    if sys.argv[1] == "--write":
        write(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
