# SPDX-License-Identifier: Apache-2.0
"""Writes small Darknet networks for the fuzzer to begin with: a .cfg, a 0 byte, its weights.

usage: seeds_darknet.py FOLDER
"""
import random
import struct
import sys

rng = random.Random(1)


def model(name, cfg, *counts):
    """`counts`: how many numbers each layer with weights has."""
    numbers = [rng.uniform(0.1, 1) for _ in range(sum(counts))]
    with open(f"{sys.argv[1]}/{name}", "wb") as file:
        file.write(cfg.strip().encode() + b"\n\0")
        file.write(struct.pack("<iiiq", 0, 2, 0, 5))
        file.write(struct.pack(f"<{len(numbers)}f", *numbers))


NET = "[net]\nwidth=8\nheight=6\nchannels=2\n"
CONV = "[convolutional]\nfilters=4\nsize=3\nstride=1\npad=1\nactivation=leaky\n"
N_CONV = 4 * 2 * 9 + 4

model("plain", NET + CONV, N_CONV)
model("norm", NET + CONV.replace("leaky", "mish") + "batch_normalize=1\n", N_CONV + 12)
model("groups", NET + CONV + "groups=2\n" + "[avgpool]\n[softmax]\ngroups=2\ntemperature=2\n",
      4 * 1 * 9 + 4)
model("pools", NET + CONV + "[maxpool]\nsize=3\nstride=2\npadding=1\n[maxpool]\nsize=2\nstride=1\n"
      "[dropout]\nprobability=.5\n[connected]\noutput=3\nactivation=relu\n[cost]\n",
      N_CONV, 4 * 3 * 4 * 3 + 3)
model("routes", NET + CONV + CONV.replace("leaky", "linear") + "[shortcut]\nfrom=-2\n"
      "activation=relu\n[route]\nlayers=-1,0\n[route]\nlayers=-1\ngroups=2\ngroup_id=1\n"
      "[upsample]\nstride=2\n[reorg]\nstride=2\n", N_CONV, 4 * 4 * 9 + 4)
model("scale", NET + CONV + "[avgpool]\n[convolutional]\nfilters=4\nsize=1\nactivation=logistic\n"
      "[scale_channels]\nfrom=-3\n", N_CONV, 4 * 4 + 4)
model("yolo", NET + "[convolutional]\nfilters=14\nsize=1\nactivation=linear\n[yolo]\nmask=0,1\n"
      "anchors=1,2, 3,4, 5,6\nclasses=2\nnum=3\nscale_x_y=1.1\n", 14 * 2 + 14)
model("region", NET + "[convolutional]\nfilters=14\nsize=1\nactivation=linear\n[region]\n"
      "anchors=1,2, 3,4\nclasses=2\ncoords=4\nnum=2\nsoftmax=1\n", 14 * 2 + 14)
model("local", NET + "[crop]\ncrop_width=6\ncrop_height=4\n[local]\nfilters=2\nsize=3\nstride=1\n"
      "pad=1\nactivation=leaky\n[connected]\noutput=11\nactivation=linear\n[detection]\nclasses=1\n"
      "coords=4\nside=1\nnum=2\nsqrt=1\n", 24 * (2 + 2 * 2 * 9), 11 * 48 + 11)
