/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The OpenCL C sources of kernels-cl/, put into the library when it is built (cmake/embed.cmake).
 */
#ifndef OC_KERNEL_SOURCES_H
#define OC_KERNEL_SOURCES_H

#include <stddef.h>

/** One kernels-cl/<stem>.cl after the shared headers; `size` bytes, and `text` ends in a NUL after them. */
typedef struct oc_kernel_source {
    const char *stem;
    const char *text;
    size_t size;
} oc_kernel_source;

/** All sources in order of their stem; the last row has a NULL stem. */
extern const oc_kernel_source oc_kernel_source_table[];

#endif
