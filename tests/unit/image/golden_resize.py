# SPDX-License-Identifier: Apache-2.0
"""Prints the table of test_convert.c: what Pillow makes of pictures of random samples.

    python3 tests/unit/image/golden_resize.py    # with Pillow; the table was made by 11.3.0
"""
import hashlib

from PIL import Image

MASK = (1 << 64) - 1
CASES = [  # width, height, channels -> width, height, channels
    (7, 5, 3, 7, 5, 1),
    (7, 5, 3, 3, 2, 3),
    (7, 5, 1, 16, 9, 1),
    (7, 5, 3, 16, 2, 1),
    (1, 1, 3, 4, 3, 3),
    (9, 4, 1, 1, 1, 1),
    (112, 112, 1, 28, 28, 1),
    (100, 3, 3, 7, 3, 3),
    (3, 100, 3, 3, 11, 3),
    (3001, 2, 1, 5, 6, 1),
    (213, 160, 3, 96, 96, 3),
    (31, 17, 3, 224, 224, 3),
]


def random_bytes(seed, size):
    """The high bytes of splitmix64, as oc_rng_fill_bytes."""
    out, state = bytearray(), seed
    for _ in range(size):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = ((state ^ state >> 30) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
        out.append((z ^ z >> 31) >> 56)
    return bytes(out)


for seed, (w, h, c, to_w, to_h, to_c) in enumerate(CASES, 50):
    image = Image.frombytes("L" if c == 1 else "RGB", (w, h), random_bytes(seed, w * h * c))
    if to_c < c:
        image = image.convert("L")
    image = image.resize((to_w, to_h), Image.Resampling.BILINEAR)
    digest = hashlib.sha256(image.tobytes()).hexdigest()
    print(f'    {{{w}, {h}, {c}, {to_w}, {to_h}, {to_c},\n     "{digest}"}},')
