# SPDX-License-Identifier: Apache-2.0
"""The measured times as SVG: for each model a group of bars, an engine's time over offcut's; one panel for each thread count."""
import math
from xml.sax.saxutils import escape

COLOURS = {"offcut": "#d1495b", "onnxruntime": "#30638e", "litert": "#edae49", "openvino": "#8a4fae", "ncnn": "#3c8d5a"}
BAR, GAP, LEFT, TOP, HEIGHT, FOOT = 17, 24, 56, 96, 260, 40
ROOM = 110  # above the highest bar, for its label and the panel's title
WIDTH_MIN = 940  # of the lines at the top
MOST = 4  # times offcut's: what is higher is cut off, and its label says how high it is


def text(x, y, content, size=12, anchor="middle", more=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="#222" {more}>'
            f"{escape(content)}</text>")


def label(ms):
    return f"{ms:.2f}" if ms < 10 else f"{ms:.0f}" if ms >= 100 else f"{ms:.1f}"


def shares(cell):
    """Of each engine that was measured: its time over offcut's."""
    ours = cell["engines"].get("offcut", {}).get("ms")
    return {e: c["ms"] / ours for e, c in cell["engines"].items() if ours and "ms" in c}


def bar(x, base, engine, ms, share, most):
    height = min(share, most) / most * HEIGHT
    middle, top = x + BAR / 2, base - height
    words = label(ms) + (f" ({share:.1f}x)" if share > most else "")
    return [f'<rect x="{x + 1:.1f}" y="{top:.1f}" width="{BAR - 2}" height="{height:.1f}" fill="{COLOURS[engine]}"/>',
            text(middle + 4, top - 5, words, 11, "start", f'transform="rotate(-90 {middle + 4:.1f} {top - 5:.1f})"')]


def panel(cells, engines, base, width, threads):
    """Its bars stand on y = base."""
    most = min(MOST, math.ceil(max((s for cell in cells for s in shares(cell).values()), default=1)))
    made = [text(LEFT, base - HEIGHT - ROOM + 20, f"{threads} thread{'s' * (threads > 1)}", 15, "start", 'font-weight="bold"')]
    for share in range(most + 1):
        y = base - share / most * HEIGHT
        line = 'stroke="#888" stroke-dasharray="5 3"' if share == 1 else 'stroke="#ddd"'
        made += [f'<line x1="{LEFT}" x2="{width - GAP}" y1="{y:.1f}" y2="{y:.1f}" {line}/>', text(LEFT - 8, y + 4, f"{share}x", 12, "end")]
    for i, cell in enumerate(cells):
        left = LEFT + GAP / 2 + i * (BAR * len(engines) + GAP)
        made.append(text(left + BAR * len(engines) / 2, base + 20, cell["title"], 12))
        known = shares(cell)
        for j, engine in enumerate(engines):
            if engine in known:
                made += bar(left + j * BAR, base, engine, cell["engines"][engine]["ms"], known[engine], most)
            else:
                made.append(text(left + (j + 0.5) * BAR, base - 4, "-"))
    return made


def draw(result, head):
    engines = list(result["cells"][0]["engines"])
    panels = {}
    for cell in result["cells"]:
        panels.setdefault(cell["threads"], []).append(cell)
    width = max(LEFT + max(map(len, panels.values())) * (BAR * len(engines) + GAP) + GAP, WIDTH_MIN)
    step = ROOM + HEIGHT + FOOT
    height = TOP + step * len(panels)
    made = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            'font-family="DejaVu Sans, Arial, sans-serif">', f'<rect width="{width}" height="{height}" fill="#fff"/>',
            text(LEFT, 26, "Time of one inference, batch 1, over offcut's (bars above 1x are slower); labels: milliseconds", 15, "start"),
            text(LEFT, 48, head, 11, "start")]
    for j, engine in enumerate(engines):
        x = LEFT + j * 130
        made += [f'<rect x="{x}" y="62" width="14" height="14" fill="{COLOURS[engine]}"/>', text(x + 20, 74, engine, 13, "start")]
    for i, (threads, cells) in enumerate(panels.items()):
        made += panel(cells, engines, TOP + step * i + ROOM + HEIGHT, width, threads)
    return "\n".join([*made, "</svg>", ""])
