/* SPDX-License-Identifier: Apache-2.0 */
/** Files in a ZIP archive that may have anything in front of it, such as a model. */
#ifndef ZIP_H
#define ZIP_H

#include "oc_base.h"

/** A file in an archive: what the directory says of it. */
typedef struct oc_zip_entry {
    oc_bytes name;
    size_t at; /* where its entry stands in the directory */
    uint32_t packed, size; /* bytes in the archive, bytes of the file */
    uint32_t crc;
    bool is_packed;
} oc_zip_entry;

/** An archive's directory, in memory of the arena that it was opened with. */
typedef struct oc_zip {
    oc_bytes bytes;
    size_t start; /* what offsets count from */
    const oc_zip_entry *entries; /* in the order of their names */
    size_t count;
} oc_zip;

/**
 * Read the directory of the archive that `bytes` end with; where there is none, it has no entries. Files that are
 * neither stored nor deflated, or encrypted, are left out. Errors: OC_E_FORMAT (parts that point outside), OC_E_NOMEM.
 */
OC_MUST_USE oc_status oc_zip_open(oc_bytes bytes, oc_arena *arena, oc_zip *zip);

/** The file of that name, the first of several; NULL: none. */
const oc_zip_entry *oc_zip_find(const oc_zip *zip, oc_bytes name);

/**
 * The contents of a file: a view where it is stored, else inflated into the arena, of whose memory it takes as many bytes as
 * entry->size says: the caller bounds that first.
 * Errors: OC_E_FORMAT (outside of the archive, or a stream that is broken, or is not what entry and checksum say), OC_E_NOMEM.
 */
OC_MUST_USE oc_status oc_zip_read(const oc_zip *zip, const oc_zip_entry *entry, oc_arena *arena, oc_bytes *data);

#endif
