/* The tables of methods, printed where an option is given "list". */
#include "tables.h"

#include <stdio.h>
#include <string.h>

#include "accumulate.h"
#include "dialect.h"
#include "evolve.h"
#include "initializer.h"
#include "loss.h"
#include "optimizer.h"
#include "prune_schedule.h"
#include "schedule.h"
#include "sparse_init.h"

/* A function that prints a row of a table, false behind its end. */
#define ROWS_OF(table)                                                         \
    static bool print_##table(size_t i)                                        \
    {                                                                          \
        const struct table *row = table(i);                                    \
                                                                               \
        if (row)                                                               \
            printf("%s\t%s\t%s\n", row->name, row->help, row->source);         \
        return row;                                                            \
    }

ROWS_OF(pare_accumulation)
ROWS_OF(pare_dialect)
ROWS_OF(pare_evolve_rule)
ROWS_OF(pare_initializer)
ROWS_OF(pare_loss)
ROWS_OF(pare_optimizer)
ROWS_OF(pare_prune_schedule)
ROWS_OF(pare_schedule)
ROWS_OF(pare_sparse_way)

static const struct {
    const char *option;
    bool (*print)(size_t row);
} tables[] = {{"accumulate", print_pare_accumulation},
              {"dialect", print_pare_dialect},
              {"evolve", print_pare_evolve_rule},
              {"init", print_pare_initializer},
              {"loss", print_pare_loss},
              {"optimizer", print_pare_optimizer},
              {"prune", print_pare_prune_schedule},
              {"schedule", print_pare_schedule},
              {"sparse", print_pare_sparse_way}};

static bool print_table(const char *option)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (strcmp(tables[i].option, option) == 0) {
            puts("name\tmeaning\tsource");
            for (size_t row = 0; tables[i].print(row); row++)
                ;
            return true;
        }
    return false;
}

bool tables_list(const struct tables_given *given, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (given[i].value && strcmp(given[i].value, "list") == 0)
            return print_table(given[i].option);
    return false;
}
