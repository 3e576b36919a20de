/* Apart from cli.c, since it brings OpenBLAS into a program. */
#include "cli.h"

#include <stdlib.h>

#include "kernel.h"
#include "status.h"

void cli_kernel(const struct cli_tool *tool)
{
    const char *name = getenv("PARE_KERNEL");

    if (name && *name && pare_kernel_use(name))
        cli_usage(tool, "PARE_KERNEL: %s", pare_error());
}
