/* SPDX-License-Identifier: Apache-2.0 */
/** Text with aligned columns, and numbers as people read them. */
#ifndef HOST_TABLE_H
#define HOST_TABLE_H

#include "command.h"

#define HOST_TABLE_COLUMNS 16

/** Column titles; a title that starts with '>' is of numbers and aligned to the right. */
typedef struct host_table {
    const char *titles[HOST_TABLE_COLUMNS];
    size_t n_columns;
    char **cells; /* row by row */
    size_t n_cells, capacity;
} host_table;

/**
 * `titles` separated by '|', for example "device|>bytes": cut up in place, and borrowed by the
 * table.
 */
void host_table_init(host_table *table, char *titles);
void host_table_fini(host_table *table);
/** The next cell of the current row; the row after the last column begins by itself. */
void host_cell(host_table *table, const char *fmt, ...) OC_PRINTF(2, 3);
/** Print on stdout, each line after two spaces, and the titles first unless all are empty. */
void host_table_print(const host_table *table);

/** So many of a list's entries are shown; how many there are depends on a model's file. */
#define HOST_LIST_MAX 16
/** A list in one line: "a, b, c and 12 more". Starts as {.total = number of entries}. */
typedef struct host_list {
    char text[900];
    size_t length, shown;
    size_t total;
    bool is_full; /* no room for an entry, so that none after it is shown either */
} host_list;
/** The next entry; shown if it is among the first and there is room. */
void host_list_add(host_list *list, const char *fmt, ...) OC_PRINTF(2, 3);
/** After the last entry, once: the line. Belongs to the list. */
const char *host_list_text(host_list *list);

/** Room that the texts below need. */
#define HOST_NUMBER_TEXT 32
/**
 * "18.4 KiB" (below 1024 exact: "784 B"); "1,234,567"; "0.123" milliseconds of nanoseconds. Return
 * `text`.
 */
char *host_bytes_text(uint64_t bytes, char text[HOST_NUMBER_TEXT]);
char *host_count_text(uint64_t count, char text[HOST_NUMBER_TEXT]);
char *host_ms_text(uint64_t time_ns, char text[HOST_NUMBER_TEXT]);

#endif
