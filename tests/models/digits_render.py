# SPDX-License-Identifier: Apache-2.0
"""Draw the test digits, digits/*.png, from pen strokes defined here.

The pictures are our own (no font, no data set): each digit is a few pen
strokes, given by points that a smooth curve passes through, with a round nib
whose width may change along the stroke as a hand's does. White on black, grey,
larger than the network's 28x28 so that a caller has to resize.

    python digits_render.py [--out DIR]
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent

# One picture: (side in pixels, nib width, strokes). Coordinates and widths are
# in units of the 28x28 picture that the network sees; as in MNIST the digit
# keeps to about the middle 20x20. A stroke is a list of points (x, y), or
# (x, y, pressure) where pressure scales the nib's width and holds until a later
# point gives another. "|" after a point marks a corner: there the pen turns
# sharply instead of running through smoothly.
DIGITS = {
    "0": (112, 2.7, [
        [(15.6, 4.6), (11.2, 6.2), (8.6, 11.0), (8.3, 17.0), (10.6, 22.4, 1.1),
         (14.4, 23.3), (18.2, 20.4), (19.9, 14.6), (19.4, 8.6), (17.2, 5.4, 0.9),
         (14.6, 4.9)]]),
    "1": (112, 2.8, [
        [(15.9, 4.2, 0.9), (15.0, 9.5, 1.0), (13.9, 16.5), (12.9, 23.6, 1.1)]]),
    "2": (112, 2.7, [
        [(8.4, 9.2, 0.9), (10.2, 5.8), (14.2, 4.5, 1.0), (17.9, 6.4), (18.2, 10.6),
         (15.2, 15.4, 1.1), (11.4, 19.8), (8.2, 22.8), "|", (13.6, 22.5, 1.0),
         (20.2, 22.2, 0.85)]]),
    "3": (112, 2.6, [
        [(8.8, 6.4, 0.9), (12.6, 4.4, 1.0), (17.0, 5.4), (18.0, 8.8), (15.4, 12.0),
         (12.6, 13.1), "|", (16.6, 13.8), (19.2, 17.0, 1.1), (17.8, 21.4),
         (13.4, 23.6), (8.2, 22.2, 0.85)]]),
    "4": (112, 2.6, [
        [(9.9, 5.0, 0.9), (9.2, 9.6), (8.0, 14.4, 1.05), "|", (13.2, 14.9),
         (20.2, 14.0, 0.9)],
        [(18.2, 4.6, 1.0), (17.4, 12.0), (16.6, 23.8, 1.05)]]),
    "5": (112, 2.6, [
        [(10.9, 5.2, 1.0), (10.3, 8.8), (9.7, 12.4), "|", (13.2, 11.6),
         (17.2, 13.2), (18.7, 17.2, 1.1), (16.9, 21.6), (12.8, 23.6),
         (8.2, 22.4, 0.85)],
        [(10.8, 5.1), (15.0, 4.9), (19.4, 4.5, 0.85)]]),
    "6": (112, 2.7, [
        [(16.6, 4.4, 0.85), (12.6, 8.2, 1.0), (9.6, 13.6), (8.8, 19.0, 1.1),
         (11.4, 23.0), (15.6, 23.3), (18.8, 20.2), (18.2, 16.2), (14.6, 14.6),
         (10.8, 16.6, 0.9), (9.0, 20.0)]]),
    "7": (112, 2.6, [
        [(7.8, 5.9, 0.9), (13.0, 5.6, 1.0), (19.6, 5.0), "|", (17.4, 10.2, 1.05),
         (14.8, 16.2), (12.9, 23.7, 1.0)]]),
    "8": (112, 2.5, [
        [(17.6, 6.2, 0.95), (14.0, 4.4), (10.4, 6.2), (10.6, 10.0), (14.0, 13.2),
         (17.8, 16.8, 1.1), (17.9, 21.2), (13.8, 23.6), (9.8, 21.6), (9.9, 17.4),
         (13.8, 13.4, 1.0), (17.4, 9.8), (17.6, 6.2)]]),
    "9": (112, 2.6, [
        [(18.2, 7.4), (15.4, 4.8), (11.2, 5.4), (9.0, 9.0, 1.05), (10.6, 12.8),
         (14.4, 12.9), (17.6, 10.0), (18.3, 6.8), "|", (18.0, 12.0, 1.1),
         (17.0, 17.6), (15.6, 23.6, 0.95)]]),

    # A second hand: other shapes, nibs and sizes (28x28 needs no resize; 100
    # and 150 are no multiples of 28).
    "0_b": (28, 2.2, [
        [(14.6, 6.0), (10.0, 6.8), (7.0, 11.6), (7.4, 17.8), (11.0, 21.8),
         (16.0, 22.0), (20.2, 18.4), (21.0, 12.6), (18.6, 7.8), (14.0, 5.9)]]),
    "1_b": (64, 2.3, [
        [(12.0, 7.8, 0.8), (13.5, 6.3, 1.0), (15.0, 4.4), "|", (14.8, 12.0),
         (14.5, 23.2)]]),
    "2_b": (56, 2.4, [
        [(9.6, 8.0), (12.2, 5.2), (16.6, 5.4), (18.2, 9.2), (16.0, 14.6),
         (12.2, 19.6), (9.0, 22.0), (7.8, 20.6), (9.8, 19.0), (13.4, 21.4),
         (17.0, 23.0), (20.2, 21.6, 0.8)]]),
    "3_b": (100, 2.5, [
        [(8.8, 5.2), (13.4, 5.0), (18.6, 4.6), "|", (15.6, 8.4), (13.0, 11.6), "|",
         (16.8, 12.4), (18.8, 16.4), (17.0, 21.4), (12.4, 23.4), (8.2, 21.4, 0.9)]]),
    "4_b": (112, 3.1, [
        [(17.0, 23.8), (17.2, 14.0), (17.4, 4.8), "|", (12.8, 10.4), (8.0, 16.6),
         "|", (13.4, 16.6), (20.8, 16.4, 0.9)]]),
    "5_b": (150, 2.2, [
        [(18.8, 4.8), (14.6, 5.2), (11.0, 5.4), "|", (10.4, 8.8), (9.6, 12.0),
         (13.6, 11.4), (17.4, 13.6), (18.0, 18.2), (14.8, 22.4), (9.0, 23.4, 0.8)]]),
    "6_b": (84, 3.2, [
        [(13.4, 4.6), (11.0, 10.0), (10.0, 16.0), (11.2, 21.4), (14.8, 23.2),
         (17.8, 20.6), (17.2, 16.8), (13.8, 15.8), (10.8, 18.2)]]),
    "7_b": (112, 2.4, [
        [(8.4, 7.4, 0.8), (8.8, 5.8, 1.0), "|", (13.8, 6.0), (19.4, 5.6), "|",
         (17.0, 11.0), (14.4, 17.0), (12.6, 23.4)],
        [(11.6, 14.3), (15.4, 14.0), (19.2, 13.7, 0.9)]]),
    "8_b": (112, 3.0, [
        [(14.2, 4.8), (11.2, 6.6), (11.0, 10.0), (14.0, 12.2), (17.2, 9.8),
         (17.2, 6.6), (14.0, 4.8)],
        [(14.0, 12.4), (10.2, 15.0), (9.8, 20.0), (13.8, 23.2), (18.0, 20.6),
         (18.0, 15.6), (14.2, 12.4)]]),
    "9_b": (224, 2.6, [
        [(18.6, 6.6), (14.8, 4.6), (10.6, 6.6), (9.6, 10.6), (12.6, 13.2),
         (16.6, 11.4), (18.6, 6.8), (18.8, 12.6), (18.2, 18.4), (15.4, 22.8),
         (10.8, 22.6, 0.85)]]),
}


def smooth(points, steps=12):
    """A Catmull-Rom curve through the points, as a fine polyline."""
    p = np.array(points)
    # The end points are mirrored so that the curve reaches them.
    p = np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    t = np.arange(steps)[:, None] / steps
    pieces = []
    for a, b, c, d in zip(p, p[1:], p[2:], p[3:]):
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2
                             + (3 * b - a - 3 * c + d) * t**3))
    return np.vstack(pieces + [p[-2:-1]])


def polyline(stroke):
    """Expand one stroke of the table to rows (x, y, pressure)."""
    runs, pressure = [[]], 1.0
    for point in stroke:
        if point == "|":  # a corner ends one curve and starts the next
            runs.append(runs[-1][-1:])
            continue
        pressure = point[2] if len(point) == 3 else pressure
        runs[-1].append((point[0], point[1], pressure))
    return np.vstack([smooth(run) for run in runs])


def render(side, nib, strokes):
    """Return the picture as uint8 [side, side].

    Every pixel is as bright as the pen covers it: the distance from its centre
    to the nearest piece of stroke, less the nib's radius there, in pixels.
    """
    unit = side / 28
    y, x = (np.mgrid[:side, :side] + 0.5) / unit
    cover = np.zeros((side, side))
    for stroke in strokes:
        line = polyline(stroke)
        for (ax, ay, aw), (bx, by, bw) in zip(line, line[1:]):
            dx, dy = bx - ax, by - ay
            along = ((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-9)
            along = np.clip(along, 0, 1)
            gap = np.hypot(x - ax - along * dx, y - ay - along * dy)
            radius = nib / 2 * (aw + along * (bw - aw))
            cover = np.maximum(cover, np.clip((radius - gap) * unit + 0.5, 0, 1))
    return np.round(cover * 255).astype(np.uint8)


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--out", type=Path, default=HERE / "digits")
    args = args.parse_args()
    args.out.mkdir(exist_ok=True)
    for name, (side, nib, strokes) in DIGITS.items():
        picture = Image.fromarray(render(side, nib, strokes))
        picture.save(args.out / f"{name}.png", optimize=True)
    print(f"{len(DIGITS)} pictures in {args.out.name}/")


if __name__ == "__main__":
    main()
