/* SPDX-License-Identifier: Apache-2.0 */
/** Text with aligned columns, and numbers as people read them. */
#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void host_table_init(host_table *table, char *titles)
{
    *table = (host_table){.n_columns = 0};
    for (char *at = titles; at && table->n_columns < HOST_TABLE_COLUMNS;) {
        table->titles[table->n_columns++] = at;
        at = strchr(at, '|');
        if (at)
            *at++ = '\0';
    }
}

void host_table_fini(host_table *table)
{
    for (size_t i = 0; i < table->n_cells; i++)
        free(table->cells[i]);
    free(table->cells);
}

void host_cell(host_table *table, const char *fmt, ...)
{
    va_list args;
    char text[1024];
    if (table->n_cells == table->capacity) {
        size_t capacity = table->capacity ? table->capacity * 2 : 64;
        char **cells = host_alloc(capacity, sizeof(*cells));
        if (table->n_cells)
            memcpy(cells, table->cells, table->n_cells * sizeof(*cells));
        free(table->cells);
        table->cells = cells;
        table->capacity = capacity;
    }
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    table->cells[table->n_cells++] = host_text("%s", text);
}

/* Columns that a UTF-8 text takes: its characters, continuation bytes not counted. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static bool is_right(const host_table *table, size_t column)
{
    return table->titles[column][0] == '>';
}

static const char *title_of(const host_table *table, size_t column)
{
    return table->titles[column] + is_right(table, column);
}

static void print_cell(const host_table *table, size_t column, const char *text, size_t width)
{
    bool is_last = column + 1 == table->n_columns;
    int pad = (int)(width - width_of(text));
    if (is_right(table, column))
        printf("  %*s%s", pad, "", text);
    else if (!is_last)
        printf("  %s%*s", text, pad, "");
    else if (*text)
        printf("  %s", text);
    if (is_last)
        putchar('\n');
}

void host_table_print(const host_table *table)
{
    size_t widths[HOST_TABLE_COLUMNS];
    size_t titles = 0;
    for (size_t c = 0; c < table->n_columns; c++) {
        widths[c] = width_of(title_of(table, c));
        titles += widths[c];
        for (size_t i = c; i < table->n_cells; i += table->n_columns)
            if (width_of(table->cells[i]) > widths[c])
                widths[c] = width_of(table->cells[i]);
    }
    for (size_t c = 0; titles > 0 && c < table->n_columns; c++)
        print_cell(table, c, title_of(table, c), widths[c]);
    for (size_t i = 0; i < table->n_cells; i++)
        print_cell(table, i % table->n_columns, table->cells[i], widths[i % table->n_columns]);
}

/* What follows the entries: ", " and " and N more", the largest N included. */
#define LIST_ROOM 40

void host_list_add(host_list *list, const char *fmt, ...)
{
    va_list args;
    size_t room = sizeof(list->text) - LIST_ROOM - list->length;
    char *at = list->text + list->length;
    if (list->is_full || list->shown == HOST_LIST_MAX)
        return;
    size_t comma = list->shown > 0 ? 2 : 0;
    if (room <= comma) {
        list->is_full = true;
        return;
    }
    va_start(args, fmt);
    int size = vsnprintf(at + comma, room - comma, fmt, args);
    va_end(args);
    list->is_full = size < 0 || (size_t)size >= room - comma;
    if (list->is_full) {
        *at = '\0';
        return;
    }
    memcpy(at, ", ", comma);
    list->length += comma + (size_t)size;
    list->shown++;
}

const char *host_list_text(host_list *list)
{
    size_t hidden = list->total - list->shown;
    if (hidden > 0)
        snprintf(list->text + list->length, sizeof(list->text) - list->length, "%s%zu more",
                 list->shown > 0 ? " and " : "", hidden);
    return list->text;
}

char *host_bytes_text(uint64_t bytes, char text[HOST_NUMBER_TEXT])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;
    /* 1023.95 would be printed as 1024.0, with the smaller unit. */
    while (value >= (unit ? 1023.95 : 1024) && unit + 1 < HOST_COUNT(units)) {
        value /= 1024;
        unit++;
    }
    snprintf(text, HOST_NUMBER_TEXT, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return text;
}

char *host_count_text(uint64_t count, char text[HOST_NUMBER_TEXT])
{
    char digits[HOST_NUMBER_TEXT];
    size_t put = 0;
    size_t n = (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            text[put++] = ',';
        text[put++] = digits[i];
    }
    text[put] = '\0';
    return text;
}

char *host_ms_text(uint64_t time_ns, char text[HOST_NUMBER_TEXT])
{
    snprintf(text, HOST_NUMBER_TEXT, "%.3f", (double)time_ns / 1e6);
    return text;
}
