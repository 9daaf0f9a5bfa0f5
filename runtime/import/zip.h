/* SPDX-License-Identifier: Apache-2.0 */
/** Files in a ZIP archive that may have anything in front of it, such as a model. */
#ifndef ZIP_H
#define ZIP_H

#include "oc_base.h"

/**
 * The contents of the file of that name, as a view; `*found` false where there is no archive, no
 * such file, or where it is compressed: only stored files are read, as TensorFlow Lite's metadata
 * writers make them. Errors: OC_E_FORMAT (an archive whose parts point outside of it).
 */
OC_MUST_USE oc_status oc_zip_find(oc_bytes bytes, oc_bytes name, oc_bytes *data, bool *found);

#endif
