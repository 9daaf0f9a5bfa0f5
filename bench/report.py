# SPDX-License-Identifier: Apache-2.0
"""What bench/run.py measured, as Markdown, JSON and a picture."""
import json
import math

import chart

UNCOUNTED = ("lenet",)  # starting its kernels costs more than running them


def engines(result):
    """In the order of the first cell."""
    return list(result["cells"][0]["engines"])


def table(heads, rows):
    align = ["---"] + ["---:"] * (len(heads) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [heads, align, *rows])


def number(value):
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def rival(cell):
    """The fastest peer of a cell whose answer is right, or None."""
    peers = {e: c["ms"] for e, c in cell["engines"].items() if e != "offcut" and "ms" in c and c["is_right"]}
    return min(peers, key=peers.get) if peers else None


def speed_rows(result, cells):
    for cell in cells:
        row = [cell["title"]]
        for engine in engines(result):
            c = cell["engines"][engine]
            if "ms" not in c:
                row.append("-")
            elif engine == "offcut" or "ratio" not in c:
                row.append(number(c["ms"]))
            else:
                row.append(f"{number(c['ms'])} ({c['ratio']:.2f})")
        best = rival(cell)
        has_ratio = best and "ratio" in cell["engines"][best]
        row.append(f"{cell['engines'][best]['ratio']:.2f} ({best})" if has_ratio else "-")
        yield row


def mean_line(cells):
    """The geometric mean of how many times as fast as the fastest peer."""
    ratios = [cell["engines"][rival(cell)].get("ratio") for cell in cells if rival(cell) and cell["model"] not in UNCOUNTED]
    ratios = [r for r in ratios if r]
    if not ratios:
        return ""
    faster = math.exp(-sum(map(math.log, ratios)) / len(ratios))
    ahead = sum(r <= 1 for r in ratios)
    return (f"\n\nAgainst the fastest peer of each model, LeNet not counted: {faster:.2f} times as fast (geometric mean), "
            f"not behind in {ahead} of {len(ratios)}.")


def line(cell):
    """One cell, for those who wait."""
    times = (f"{e} {number(c['ms'])} ms" if "ms" in c else f"{e} not measured" for e, c in cell["engines"].items())
    return f"{cell['title']}, {cell['threads']} thread{'s' * (cell['threads'] > 1)}: {', '.join(times)}"


def rows(result, cells, show):
    for cell in cells:
        yield [cell["title"]] + [show(c) if "ms" in c else "-" for c in cell["engines"].values()]


def own_mib(c):
    peak, own = c["peak_bytes"] / 2**20, (c["peak_bytes"] - c["empty_bytes"]) / 2**20
    return f"{own:.0f} ({peak:.0f})"


def starts(c):
    cold = f"; {c['cold_ms']:.0f} cold" if "cold_ms" in c else ""
    return f"{c['load_ms']:.0f} / {c['first_ms']:.0f} / {c['start_ms']:.0f}{cold}"


def errors(c):
    return c["error"] + ("" if c["is_right"] else " **wrong**")


def failures(result):
    """One line for each reason, with the models that it concerns."""
    why = {}
    for cell in result["cells"]:
        for engine, c in cell["engines"].items():
            if "failed" in c:
                titles = why.setdefault((engine, c["failed"]), [])
                if cell["title"] not in titles:
                    titles.append(cell["title"])
    return [f"- {engine}: {', '.join(titles)}: {text}" for (engine, text), titles in why.items()]


def head(h):
    machine = f"{h['cpu']}, {h['cores']} cores, {h['system']}; {h['date']}, commit {h['commit']}"
    device = f"; offcut's device: {h['device']}" if h["device"] else ""
    return [machine + f", {h['rounds']} rounds; load average at the start {h['load']:.1f}.",
            "", "; ".join(dict.fromkeys(h["engines"].values())) + device + "."]


def markdown(result):
    lines = head(result["head"])
    columns = ["model", *engines(result)]
    for threads in dict.fromkeys(cell["threads"] for cell in result["cells"]):
        cells = [cell for cell in result["cells"] if cell["threads"] == threads]
        lines += ["", f"## {threads} thread{'s' * (threads > 1)}: milliseconds (offcut's time / the peer's)", "",
                  table([*columns, "offcut / fastest"], speed_rows(result, cells)) + mean_line(cells)]
        for title, show in (("peak memory in MiB above the process without a model (in all)", own_mib),
                            ("load / first answer since loading began / since the process began, ms", starts),
                            ("largest difference from the reference", errors)):
            lines += ["", f"### {threads} thread{'s' * (threads > 1)}: {title}", "", table(columns, rows(result, cells, show))]
    missing = failures(result)
    if missing:
        lines += ["", "Not measured:", "", *missing]
    return "\n".join(lines)


def write(result, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.json").write_text(json.dumps(result, indent=1) + "\n")
    (folder / "bench.md").write_text(markdown(result) + "\n")
    (folder / "bench.svg").write_text(chart.draw(result, head(result["head"])[0]))
