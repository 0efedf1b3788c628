#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""report.py FOLDER COMMIT KERNEL MACHINE RUN...: what the runs printed, as a
table, as JSON and as plots. A RUN is a folder with a log; NAME.1, NAME.2, ... are
the same figures again, and one that no two of them agree on is not published;
NAME.timed are times."""
import collections
import json
import os
import re
import statistics
import sys

import figures


def published(runs):
    """Figures that two runs agree on, and what the others are in each of them."""
    same, other = {}, {}
    for key in dict.fromkeys(key for run in runs for key in run):
        lines = [run[key][0] for run in runs if key in run]
        value, times = collections.Counter(
            line["least"] for line in lines).most_common(1)[0]
        if times > 1:
            same[key] = next(line for line in lines if line["least"] == value)
        else:
            other[key] = [line["least"] for line in lines]
    return same, other


def table(order, same, other, out):
    names = list(dict.fromkeys(name for name, _ in order))
    parents = [p for p in figures.PARENTS if any(p == parent for _, parent in order)]
    print("| instructions |", " | ".join(parents), "| hvdpa to them |", file=out)
    print("|---|" + "---|" * (len(parents) + 1), file=out)

    def least(name, parent):
        line = same.get((name, parent))
        return line["least"] if line else min(other.get((name, parent), [0]))

    for name in names:
        cells, ratios = [], []
        for parent in parents:
            line, seen = same.get((name, parent)), other.get((name, parent))
            text = f"{line['least']:,}" if line else ""
            if line and "reads" in line:
                text += f" ({line['reads']} r, {line['writes']} w)"
            if seen:
                text = f"{min(seen):,} to {max(seen):,}"
            cells.append(text)
            if parent != "hvdpa" and text and least(name, "hvdpa"):
                ratios.append(f"{least(name, 'hvdpa') / least(name, parent):.3f}")
        print(f"| {name} |", " | ".join(cells), f"| {' / '.join(ratios)} |", file=out)
    if other:
        print("\nTwo numbers are no figure: no two boots agreed on one.", file=out)


def single_values(logs, out):
    """What is no number of instructions."""
    if not any(run.values for run in logs.values()):
        return
    print("\n| | | |\n|---|---|---|", file=out)
    for run in logs.values():
        for line in run.values.values():
            for one in line:
                rest = dict(one)
                name, parent = rest.pop("figure"), rest.pop("parent", "")
                value = rest.pop("value", None)
                if value is None:
                    value = ", ".join(f"{key} {rest[key]}" for key in rest)
                print(f"| {name} | {parent} | {value} |", file=out)


def ratios(times, out):
    print("\nTimes of one run, in turns; hvdpa's to the other's.\n", file=out)
    print("| | to | least | median | most |\n|---|---|---|---|---|", file=out)
    for name, parents in times.items():
        for peer, values in parents.items():
            if peer == "hvdpa" or "hvdpa" not in parents:
                continue
            each = [ours / theirs for ours, theirs in zip(parents["hvdpa"], values)]
            print(f"| {name} | {peer} | {min(each):.3f} | "
                  f"{statistics.median(each):.3f} | {max(each):.3f} |", file=out)


def plot(same, folder):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    groups = collections.defaultdict(list)
    for name, _ in same:
        group = re.split("[. ]", name)[0]
        if name not in groups[group]:
            groups[group].append(name)
    for group, names in groups.items():
        parents = [p for p in figures.PARENTS if any((name, p) in same for name in names)]
        fig, axes = pyplot.subplots(figsize=(8, 0.5 * len(names) + 1.5))
        for row, parent in enumerate(parents):
            at = [i + 0.8 * row / len(parents) for i in range(len(names))]
            values = [same[(name, parent)]["least"]
                      if (name, parent) in same else 0 for name in names]
            axes.barh(at, values, 0.8 / len(parents), label=parent)
        axes.set_yticks([i + 0.3 for i in range(len(names))], names)
        axes.set_xscale("log")
        axes.invert_yaxis()
        axes.set_xlabel("instructions, least of the rounds")
        axes.legend()
        fig.tight_layout()
        fig.savefig(f"{folder}/bench-{group}.png", dpi=100)
        pyplot.close(fig)


def main(folder, commit, kernel, machine, *runs):
    logs = {os.path.basename(run): figures.read(run) for run in runs}
    groups = collections.defaultdict(list)
    for name, log in logs.items():
        if name.rpartition(".")[2].isdigit():
            groups[name.rpartition(".")[0]].append(log.counted)
    order = [key for group in groups.values() for log in group for key in log]
    same, other = {}, {}
    for group in groups.values():
        agreed, differ = published(group)
        same |= agreed
        other |= differ
    times = collections.defaultdict(dict)
    if "parents.timed" in logs:
        for (name, parent), turns in logs["parents.timed"].counted.items():
            times[name][parent] = [turn["median"] for turn in turns]
    # Of runs that are the same, the values of the first.
    once = {name: log for name, log in logs.items()
            if name.rpartition(".")[2] in ("1", "timed", name)}
    with open(f"{folder}/bench.md", "w", encoding="utf-8") as out:
        print(f"Commit {commit}, Linux {kernel}, {machine}.\n", file=out)
        table(order, same, other, out)
        single_values(once, out)
        if times:
            ratios(times, out)
    with open(f"{folder}/bench.json", "w", encoding="utf-8") as out:
        json.dump({
            "commit": commit, "kernel": kernel, "machine": machine,
            "counted": [line for _, line in sorted(same.items())],
            "differ": [[*key, values] for key, values in sorted(other.items())],
            "timed": times,
            "values": {name: [line for lines in log.values.values() for line in lines]
                       for name, log in once.items()},
        }, out, indent=1)
    plot(same, folder)
    with open(f"{folder}/bench.md", encoding="utf-8") as file:
        print(file.read())


if __name__ == "__main__":
    main(*sys.argv[1:])
