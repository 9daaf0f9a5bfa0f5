# SPDX-License-Identifier: Apache-2.0
"""The networks that are compared, each from its paper, without the softmax: errors show in the scores.

Paddings are TensorFlow's SAME where the paper's framework pads at all, so that no format needs a padding of its own; sizes,
strides and channels are the papers'. Batch norms are folded, as every runtime would do it.
"""
from network import Net


def lenet():
    """LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998; with ReLU and max pools."""
    n = Net("lenet", (28, 28, 1))
    x = n.maxpool(n.conv(n.input, 6, 5), 2, 2)
    x = n.maxpool(n.conv(x, 16, 5, pads=0), 2, 2)
    n.fc(n.fc(n.fc(x, 120, "relu"), 84, "relu"), 10)
    return n


def alexnet():
    """Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks, 2012; as BVLC trained it."""
    n = Net("alexnet", (227, 227, 3))
    x = n.maxpool(n.lrn(n.conv(n.input, 96, 11, 4, pads=0)), 3, 2, pads=0)
    x = n.maxpool(n.lrn(n.conv(x, 256, 5, groups=2)), 3, 2, pads=0)
    x = n.conv(n.conv(x, 384, 3), 384, 3, groups=2)
    x = n.maxpool(n.conv(x, 256, 3, groups=2), 3, 2, pads=0)
    n.fc(n.fc(n.fc(x, 4096, "relu"), 4096, "relu"), 1000)
    return n


def vgg16():
    """Simonyan, Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, 2014; configuration D."""
    n = Net("vgg16", (224, 224, 3))
    x = n.input
    for channels, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            x = n.conv(x, channels, 3)
        x = n.maxpool(x, 2, 2)
    n.fc(n.fc(n.fc(x, 4096, "relu"), 4096, "relu"), 1000)
    return n


def residual(n, x, channels, stride, bottleneck):
    """A block of He et al., Deep Residual Learning for Image Recognition, 2015; its stride in the 3x3 convolution."""
    out = 4 * channels if bottleneck else channels
    if bottleneck:
        y = n.conv(n.conv(n.conv(x, channels, 1), channels, 3, stride), out, 1, act=None)
    else:
        y = n.conv(n.conv(x, channels, 3, stride), out, 3, act=None)
    if n.nodes[x].shape != n.nodes[y].shape:
        x = n.conv(x, out, 1, stride, act=None)
    return n.add(y, x, "relu")


def resnet(name, counts, bottleneck):
    n = Net(name, (224, 224, 3))
    x = n.maxpool(n.conv(n.input, 64, 7, 2), 3, 2)
    for stage, count in enumerate(counts):
        for i in range(count):
            x = residual(n, x, 64 << stage, 2 if stage > 0 and i == 0 else 1, bottleneck)
    n.fc(n.mean(x), 1000)
    return n


def resnet18():
    return resnet("resnet18", (2, 2, 2, 2), False)


def resnet50():
    return resnet("resnet50", (3, 4, 6, 3), True)


def resnet8():
    """He et al., section 4.2, with one block a stage: MLPerf Tiny's network for CIFAR-10."""
    n = Net("resnet8", (32, 32, 3))
    x = n.conv(n.input, 16, 3)
    for stage in range(3):
        x = residual(n, x, 16 << stage, 2 if stage > 0 else 1, False)
    n.fc(n.mean(x), 10)
    return n


def mobilenetv1():
    """Howard et al., MobileNets, 2017; width 1."""
    n = Net("mobilenetv1", (224, 224, 3))
    x = n.conv(n.input, 32, 3, 2, "relu6")
    for out, stride in ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1)):
        x = n.conv(n.depthwise(x, 3, stride), out, 1, act="relu6")
    n.fc(n.mean(x), 1000)
    return n


def mobilenetv2():
    """Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018; width 1."""
    n = Net("mobilenetv2", (224, 224, 3))
    x = n.conv(n.input, 32, 3, 2, "relu6")
    for t, out, count, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for i in range(count):
            c = n.nodes[x].shape[2]
            y = n.conv(x, t * c, 1, act="relu6") if t > 1 else x
            y = n.conv(n.depthwise(y, 3, stride if i == 0 else 1), out, 1, act=None)
            x = n.add(y, x) if i > 0 else y
    n.fc(n.mean(n.conv(x, 1280, 1, act="relu6")), 1000)
    return n


def squeezenet():
    """Iandola et al., SqueezeNet, 2016; version 1.1 of its authors' repository."""
    n = Net("squeezenet", (224, 224, 3))
    x = n.maxpool(n.conv(n.input, 64, 3, 2, pads=0), 3, 2, pads=0)
    for i, squeeze in enumerate((16, 16, 32, 32, 48, 48, 64, 64)):
        if i in (2, 4):
            x = n.maxpool(x, 3, 2, pads=0)
        x = n.conv(x, squeeze, 1)
        x = n.concat(n.conv(x, 4 * squeeze, 1), n.conv(x, 4 * squeeze, 3))
    n.mean(n.conv(x, 1000, 1))
    return n


def yolov2tiny():
    """Redmon, Farhadi, YOLO9000, 2016: Darknet's yolov2-tiny.cfg, up to its region layer."""
    n = Net("yolov2tiny", (416, 416, 3))
    x = n.input
    for i in range(6):
        x = n.maxpool(n.conv(x, 16 << i, 3, act="leaky"), 2, 2 if i < 5 else 1)
    n.conv(n.conv(n.conv(x, 1024, 3, act="leaky"), 512, 3, act="leaky"), 425, 1, act=None)
    return n


def yolov2():
    """Redmon, Farhadi, YOLO9000, 2016: Darknet's yolov2.cfg, up to its region layer."""
    n = Net("yolov2", (416, 416, 3))

    def convs(x, *layers):
        for out, kernel in layers:
            x = n.conv(x, out, kernel, act="leaky")
        return x

    x = n.maxpool(convs(n.input, (32, 3)), 2, 2)
    x = n.maxpool(convs(x, (64, 3)), 2, 2)
    x = n.maxpool(convs(x, (128, 3), (64, 1), (128, 3)), 2, 2)
    x = n.maxpool(convs(x, (256, 3), (128, 1), (256, 3)), 2, 2)
    fine = convs(x, (512, 3), (256, 1), (512, 3), (256, 1), (512, 3))
    x = convs(n.maxpool(fine, 2, 2), (1024, 3), (512, 1), (1024, 3), (512, 1), (1024, 3), (1024, 3), (1024, 3))
    x = convs(n.concat(n.space_to_depth(convs(fine, (64, 1))), x), (1024, 3))
    n.conv(x, 425, 1, act=None)
    return n


# Name: how it is made, its title, whether it is quantised.
NETWORKS = {
    "lenet": (lenet, "LeNet", False),
    "alexnet": (alexnet, "AlexNet", False),
    "vgg16": (vgg16, "VGG-16", False),
    "resnet18": (resnet18, "ResNet-18", False),
    "resnet50": (resnet50, "ResNet-50", False),
    "mobilenetv1": (mobilenetv1, "MobileNetV1", False),
    "mobilenetv2": (mobilenetv2, "MobileNetV2", False),
    "squeezenet": (squeezenet, "SqueezeNet 1.1", False),
    "yolov2tiny": (yolov2tiny, "YOLOv2-tiny", False),
    "yolov2": (yolov2, "YOLOv2", False),
    "mobilenetv1_int8": (mobilenetv1, "MobileNetV1 int8", True),
    "mobilenetv2_int8": (mobilenetv2, "MobileNetV2 int8", True),
    "resnet8_int8": (resnet8, "ResNet-8 int8", True),
}
