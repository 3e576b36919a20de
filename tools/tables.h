#ifndef PARE_TABLES_H
#define PARE_TABLES_H

#include <stdbool.h>
#include <stddef.h>

/** An option that takes a name of a table, and its value or NULL. */
struct tables_given {
    const char *option, *value;
};

/**
 * Print the table of the first option whose value is "list": a line for each
 * row with name, meaning and source. False if there is none.
 */
bool tables_list(const struct tables_given *given, size_t n);

#endif
