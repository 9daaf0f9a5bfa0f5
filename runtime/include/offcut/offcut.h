/* SPDX-License-Identifier: Apache-2.0 */
/** Everything of the library. */
#ifndef OFFCUT_OFFCUT_H
#define OFFCUT_OFFCUT_H

#include <offcut/base.h>
#include <offcut/bench.h>
#include <offcut/device.h>
#include <offcut/image.h>
#include <offcut/model.h>
#include <offcut/operators.h>
#include <offcut/plan.h>
#include <offcut/session.h>
#include <offcut/tensor.h>
#include <offcut/tune.h>
#include <offcut/vision.h>
#include <offcut/worker.h>

#endif
