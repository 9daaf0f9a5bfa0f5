/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What predictions use, out of all readings. A bounded reading is a lie, and its bound no better:
 * 0 Hz would stretch every prediction a thousandfold, 999 degrees would shut the machine down. So
 * they count as not known. Stale readings are asked only where there is no other.
 */
#include "sensor.h"

#include <ctype.h>
#include <math.h>

typedef struct reading_list {
    const oc_reading *items;
    size_t count;
    bool has_fresh;
} reading_list;

static bool is_usable(const reading_list *list, size_t i, oc_quantity quantity)
{
    const oc_reading *r = &list->items[i];
    return r->quantity == quantity && (r->flags & OC_READING_BOUNDED) == 0 &&
           ((r->flags & OC_READING_STALE) == 0 || !list->has_fresh);
}

/* The largest (or smallest) reading of a quantity; NAN: there is none. */
static double extreme(const reading_list *list, oc_quantity quantity, bool is_largest)
{
    double found = NAN;
    for (size_t i = 0; i < list->count; i++)
        if (is_usable(list, i, quantity))
            found = is_largest ? fmax(found, list->items[i].value) /* of NAN and x: x */
                               : fmin(found, list->items[i].value);
    return found;
}

/* ---- frequency ----------------------------------------------------------------------------- */

static double largest_of(const reading_list *list, const char *label)
{
    for (size_t i = 0; i < list->count; i++)
        if (is_usable(list, i, OC_QUANTITY_CPU_FREQUENCY_MAX) &&
            strcmp(list->items[i].label, label) == 0)
            return list->items[i].value;
    return NAN;
}

static double mean_frequency(const reading_list *list)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (!is_usable(list, i, OC_QUANTITY_CPU_FREQUENCY))
            continue;
        const double largest = largest_of(list, list->items[i].label);
        if (!(largest > 0))
            continue;
        sum += fmin(list->items[i].value / largest, 1); /* some exceed it for moments */
        count++;
    }
    return count > 0 ? sum / (double)count : NAN;
}

/* ---- power --------------------------------------------------------------------------------- */

static bool is_total(const char *label)
{
    static const char word[] = "total";
    for (; *label != '\0'; label++) {
        size_t i = 0;
        while (word[i] != '\0' && tolower((unsigned char)label[i]) == word[i])
            i++;
        if (word[i] == '\0')
            return true;
    }
    return false;
}

/* "irps5401 pout2": what a PMBus converter gives is part of what it takes, "irps5401 pin". */
static bool is_in_input(const reading_list *list, const char *label)
{
    const char *word = strrchr(label, ' ');
    if (word == NULL || strncmp(word, " pout", 5) != 0)
        return false;
    const size_t chip = (size_t)(word - label);
    for (size_t i = 0; i < list->count; i++) {
        const char *other = list->items[i].label;
        if (is_usable(list, i, OC_QUANTITY_POWER) && strncmp(other, label, chip) == 0 &&
            strcmp(other + chip, " pin") == 0)
            return true;
    }
    return false;
}

static double total_power(const reading_list *list)
{
    double sum = 0, total = NAN;
    size_t rails = 0;
    for (size_t i = 0; i < list->count; i++) {
        const oc_reading *r = &list->items[i];
        if (!is_usable(list, i, OC_QUANTITY_POWER))
            continue;
        if (is_total(r->label))
            total = fmax(total, r->value);
        if (!is_in_input(list, r->label))
            sum += r->value;
        rails++;
    }
    if (!isnan(total))
        return total;
    return rails > 0 ? sum : NAN;
}

/* ---- all ----------------------------------------------------------------------------------- */

void oc_telemetry_summarise(const oc_reading *readings, size_t count, oc_machine_state *state)
{
    reading_list list = {.items = readings, .count = count};
    for (size_t i = 0; i < count; i++)
        list.has_fresh |= (readings[i].flags & OC_READING_STALE) == 0;
    state->cpu_others = extreme(&list, OC_QUANTITY_CPU_OTHERS, true);
    state->frequency = mean_frequency(&list);
    state->memory_available = extreme(&list, OC_QUANTITY_MEMORY_AVAILABLE, false);
    state->temperature = extreme(&list, OC_QUANTITY_TEMPERATURE, true);
    state->throttled = extreme(&list, OC_QUANTITY_THROTTLED, true);
    state->power = total_power(&list);
    state->battery = extreme(&list, OC_QUANTITY_BATTERY, false);
}
