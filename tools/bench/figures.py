# SPDX-License-Identifier: GPL-2.0-only
"""The lines of JSON that the benches print."""
import collections
import json

PARENTS = ("hvdpa", "vp_vdpa", "ifcvf", "native")

NOT_A_NAME = {"least", "median", "most", "rounds", "parent", "lost", "reads",
              "writes", "figure"}

Log = collections.namedtuple("Log", "counted values")


def name_of(line):
    more = ", ".join(f"{key} {value}" for key, value in line.items()
                     if key not in NOT_A_NAME)
    return line["figure"] + (f" ({more})" if more else "")


def read(run):
    """counted: {(name, parent): [line, ...]}; values: {figure: [line, ...]}"""
    log = Log(collections.defaultdict(list), collections.defaultdict(list))
    with open(f"{run}/log", encoding="utf-8") as file:
        for text in file:
            if not text.startswith("{"):
                continue
            line = json.loads(text)
            if "least" in line:
                log.counted[(name_of(line), line["parent"])].append(line)
            else:
                log.values[line["figure"]].append(line)
    return log
