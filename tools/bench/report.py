#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""report.py FOLDER COMMIT KERNEL RUN...: what the runs printed, as a table, as
JSON and as plots. A RUN is a folder with a log; NAME.1 and NAME.2 are the same
figures twice, and one that differs is not published; NAME.timed are times."""
import collections
import json
import os
import sys

NOT_A_KEY = {"least", "median", "most", "rounds", "parent", "lost", "reads",
             "writes", "figure"}


def read(run):
    """{(figure, parent): [line, ...]}"""
    lines = collections.defaultdict(list)
    with open(f"{run}/log", encoding="utf-8") as file:
        for text in file:
            if not text.startswith("{"):
                continue
            line = json.loads(text)
            if "least" not in line:
                lines[(line.pop("figure"), "")].append(line)
                continue
            more = ", ".join(f"{key} {value}" for key, value in line.items()
                             if key not in NOT_A_KEY)
            name = line["figure"] + (f" ({more})" if more else "")
            lines[(name, line["parent"])].append(line)
    return lines


def counted(first, second):
    """The figures that are the same twice, and those that are not."""
    same, other = {}, []
    for key, lines in first.items():
        again = second.get(key)
        if not again or "least" not in lines[0]:
            continue
        a, b = lines[0]["least"], again[0]["least"]
        if a == b:
            same[key] = lines[0]
        else:
            other.append((*key, a, b))
    return same, other


def timed(lines):
    """{figure: {parent: [median, ...]}}, in the order of the turns."""
    result = collections.defaultdict(dict)
    for (name, parent), turns in lines.items():
        if parent:
            result[name][parent] = [turn["median"] for turn in turns]
    return result


def table(figures, out):
    parents = [p for p in ("hvdpa", "vp_vdpa", "ifcvf", "native")
               if any(parent == p for _, parent in figures)]
    names = list(dict.fromkeys(name for name, _ in figures))
    print("| instructions |", " | ".join(parents), "| of the kernel's |", file=out)
    print("|---|" + "---|" * (len(parents) + 1), file=out)
    for name in names:
        cells = []
        for parent in parents:
            line = figures.get((name, parent))
            text = f"{line['least']:,}" if line else ""
            if line and "reads" in line:
                text += f" ({line['reads']} r, {line['writes']} w)"
            cells.append(text)
        ours = figures.get((name, "hvdpa"))
        peers = [figures[(name, p)]["least"] for p in parents[1:]
                 if (name, p) in figures]
        ratio = (" / ".join(f"{ours['least'] / peer:.3f}" for peer in peers)
                 if ours else "")
        print(f"| {name} |", " | ".join(cells), f"| {ratio} |", file=out)


def ratios(times, out):
    print("\n| timed | to | ratios of the turns |\n|---|---|---|", file=out)
    for name, parents in times.items():
        for peer, values in parents.items():
            if peer == "hvdpa" or "hvdpa" not in parents:
                continue
            each = [ours / theirs for ours, theirs in zip(parents["hvdpa"], values)]
            print(f"| {name} | {peer} |", " ".join(f"{r:.3f}" for r in each), "|",
                  file=out)


def plot(figures, folder):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    groups = collections.defaultdict(list)
    for name, _ in figures:
        group = name.split(".")[0]
        if name not in groups[group]:
            groups[group].append(name)
    for group, names in groups.items():
        parents = [p for p in ("hvdpa", "vp_vdpa", "ifcvf", "native")
                   if any((name, p) in figures for name in names)]
        fig, axes = pyplot.subplots(figsize=(8, 0.5 * len(names) + 1.5))
        for row, parent in enumerate(parents):
            at = [i + 0.8 * row / len(parents) for i in range(len(names))]
            values = [figures[(name, parent)]["least"]
                      if (name, parent) in figures else 0 for name in names]
            axes.barh(at, values, 0.8 / len(parents), label=parent)
        axes.set_yticks([i + 0.3 for i in range(len(names))], names)
        axes.set_xscale("log")
        axes.invert_yaxis()
        axes.set_xlabel("instructions, least of the rounds")
        axes.legend()
        fig.tight_layout()
        fig.savefig(f"{folder}/bench-{group}.png", dpi=100)


def main(folder, commit, kernel, *runs):
    logs = {os.path.basename(run): read(run) for run in runs}
    figures, other = {}, []
    for name, lines in logs.items():
        if name.endswith(".1"):
            same, differ = counted(lines, logs[name[:-1] + "2"])
            figures |= same
            other += differ
    times = timed(logs.get("parents.timed", {}))
    with open(f"{folder}/bench.md", "w", encoding="utf-8") as out:
        print(f"Commit {commit}, Linux {kernel}.\n", file=out)
        table(figures, out)
        if other:
            print("\nNot the same twice, and no figure:\n", file=out)
            for name, parent, a, b in other:
                print(f"- {name}, {parent}: {a:,} and {b:,}", file=out)
        if times:
            ratios(times, out)
    with open(f"{folder}/bench.json", "w", encoding="utf-8") as out:
        json.dump({
            "commit": commit, "kernel": kernel,
            "counted": [line for _, line in sorted(figures.items())],
            "differ": other, "timed": times,
            "values": {name: {figure: lines for (figure, parent), lines
                              in log.items() if not parent}
                       for name, log in logs.items()},
        }, out, indent=1)
    plot(figures, folder)
    with open(f"{folder}/bench.md", encoding="utf-8") as file:
        print(file.read())


if __name__ == "__main__":
    main(*sys.argv[1:])
