/* SPDX-License-Identifier: Apache-2.0 */
/** Where a run ran, where its time went, and what memory it took. */
#ifndef HOST_REPORT_H
#define HOST_REPORT_H

#include "json.h"
#include "runner.h"

/**
 * Where it ran: "edge 3 nodes, worker HOST:PORT 6 nodes"; and why here when it should
 * not have.
 */
void host_ran_print(const host_runner *runner, const oc_report *report, const char *const *workers,
                    const char *indent);
json_t *host_ran_json(const host_runner *runner, const oc_report *report,
                      const char *const *workers);

/** The split of the time; its rows add up to the total. `which` run it was: "time" is said before. */
void host_times_print(const oc_report *report, const char *which);
json_t *host_times_json(const oc_report *report);

/**
 * Resident memory of this process now, 0 where the system does not tell. Taken before a model is
 * opened it is the program's own share.
 */
uint64_t host_resident_bytes(void);
/** The largest that it was so far. */
uint64_t host_peak_bytes(void);
/** A peak of this process, and what it consists of. */
void host_memory_print(const oc_report *report, uint64_t start_bytes, uint64_t peak_bytes,
                       const oc_budget *budget);
json_t *host_memory_json(const oc_report *report, uint64_t start_bytes, uint64_t peak_bytes,
                         const oc_budget *budget);

#endif
