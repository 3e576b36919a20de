/*
 * interleave: time several programs in turn, A B C A B C ..., and print a
 * line for each with its rate and its ratio to the one compared with.
 *
 *     interleave [-r ROUNDS] [-t SECONDS] [-s SAMPLE] [-g GOAL] CONTESTANT...
 *
 * A contestant is "w LABEL=COMMAND", a worker that answers lines (worker.h
 * says how), "p LABEL=COMMAND", a worker that multiplies matrices and is the
 * measure of their operations, or "x LABEL=COMMAND", a command run whole. The
 * one that others are compared with is the fastest "torch", or else the last.
 * GOAL is for the first: a ratio to be reached ("x1.2"), a ratio to stay
 * below ("x<3") or milliseconds to stay below ("ms<250").
 */
#define _DEFAULT_SOURCE /* wait4 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ROUNDS = 201, MAX_CONTESTANTS = 16, TRIES = 4 };

struct contestant {
    bool worker, product; /* product: a yardstick of operations a second */
    char label[64];
    const char *command;
    pid_t pid;
    FILE *to, *from;
    double units, flops;       /* of one step */
    unsigned long long steps;  /* of one sample */
    double second[MAX_ROUNDS]; /* per step, of quiet samples */
    int tried;
    double peak; /* MiB, of a whole command */
};

/* One sample: how long it took and what it and all processes used. */
struct sample {
    double wall, own, all, steal;
    long switched;
};

static struct contestant field[MAX_CONTESTANTS];
static int n_field;
static int want = 15;
static double limit = 20, length = 0.06;
static const char *goal;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void rest(double seconds)
{
    struct timespec t = {0, (long)(1e9 * seconds)};

    nanosleep(&t, NULL);
}

static _Noreturn void die(const char *what, const char *of)
{
    fprintf(stderr, "interleave: %s: %s\n", what, of);
    exit(1);
}

/* Seconds that all processors were busy, and were stolen by the host. */
static void machine(double *busy, double *steal)
{
    unsigned long long v[8] = {0};
    FILE *f = fopen("/proc/stat", "r");

    *busy = *steal = 0;
    if (!f)
        return;
    if (fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1],
               &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) == 8) {
        double tick = (double)sysconf(_SC_CLK_TCK);

        *busy = (double)(v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) / tick;
        *steal = (double)v[7] / tick;
    }
    fclose(f);
}

/* Processor seconds of this process. */
static double self(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void start(struct contestant *c)
{
    int in[2], out[2];
    char line[256], word[64] = "";

    if (!c->worker) {
        c->units = c->steps = 1;
        return;
    }
    if (pipe(in) || pipe(out))
        die("pipe", strerror(errno));
    c->pid = fork();
    if (c->pid < 0)
        die("fork", strerror(errno));
    if (c->pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        execl("/bin/sh", "sh", "-c", c->command, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    c->to = fdopen(in[1], "w");
    c->from = fdopen(out[0], "r");
    if (!fgets(line, sizeof line, c->from) ||
        sscanf(line, "ready %lf %lf %63s", &c->units, &c->flops, word) < 2)
        die("no answer from", c->command);
    if (word[0] && strlen(c->label) + strlen(word) + 2 < sizeof c->label) {
        strcat(c->label, " ");
        strcat(c->label, word);
    }
}

static void run_worker(struct contestant *c, struct sample *s)
{
    char line[256];

    fprintf(c->to, "%llu\n", c->steps);
    fflush(c->to);
    if (!fgets(line, sizeof line, c->from) ||
        sscanf(line, "%lf %lf %ld", &s->wall, &s->own, &s->switched) != 3)
        die("no answer from", c->command);
}

static void run_whole(struct contestant *c, struct sample *s)
{
    double begun = now();
    struct rusage u;
    int status;
    pid_t pid = fork();

    if (pid < 0)
        die("fork", strerror(errno));
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", c->command, (char *)NULL);
        _exit(127);
    }
    if (wait4(pid, &status, 0, &u) != pid || status != 0)
        die("failed", c->command);
    s->wall = now() - begun;
    s->own = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
             1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
    s->switched = u.ru_nivcsw;
    c->peak = (double)u.ru_maxrss / 1024;
}

/*
 * Take one sample; is it quiet? Time that others took is the machine's less
 * the contestant's and ours; the machine counts in ticks of 10 ms, so one
 * and a half of them are let pass. A thread that was pushed off its core is
 * counted exactly, but the kernel's own short work does that too.
 */
static bool take(struct contestant *c, struct sample *s)
{
    double busy0, steal0, busy1, steal1, me = self(), begun, others;
    double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);

    rest(0.012); /* let the threads of the one before go to sleep */
    machine(&busy0, &steal0);
    begun = now();
    if (c->worker)
        run_worker(c, s);
    else
        run_whole(c, s);
    machine(&busy1, &steal1);
    others = busy1 - busy0 - s->own - (self() - me);
    c->tried++;
    return steal1 - steal0 <= 0 &&
           others <= 1.5 * tick + 0.02 * (now() - begun) &&
           s->switched <= (c->worker ? 0 : 2) + (long)(s->wall / 0.05);
}

/* Steps that fill a sample, doubling until one is long enough. */
static void calibrate(struct contestant *c)
{
    struct sample s;

    if (!c->worker)
        return;
    c->steps = 1;
    for (;;) {
        take(c, &s);
        if (s.wall >= length / 4 || c->steps > 1u << 30)
            break;
        c->steps *= 2;
    }
    for (int i = 0; i < 3; i++) { /* the best of some, as noise adds */
        struct sample t;

        take(c, &t);
        s.wall = t.wall < s.wall ? t.wall : s.wall;
    }
    c->steps = (unsigned long long)((double)c->steps * length / s.wall) + 1;
    c->tried = 0;
}

/* All contestants once, each quiet; false when one could not be. */
static bool play_round(int round, bool strict)
{
    for (int i = 0; i < n_field; i++) {
        struct sample s;
        bool quiet = false;

        for (int t = 0; !quiet && t < (strict ? TRIES : 1); t++)
            quiet = take(&field[i], &s);
        if (!quiet && strict)
            return false;
        field[i].second[round] = s.wall / (double)field[i].steps;
    }
    return true;
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Median, least and most. */
static void spread(double out[3], double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_size);
    out[0] = n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
    out[1] = v[0];
    out[2] = v[n - 1];
}

/* Does the first contestant reach what is asked of it? */
static void judge(double ms, double ratio)
{
    double bound;

    if (sscanf(goal, "ms<%lf", &bound) == 1)
        printf("  goal %s: %s\n", goal, ms < bound ? "met" : "MISSED");
    else if (sscanf(goal, "x<%lf", &bound) == 1)
        printf("  goal %s: %s\n", goal, ratio < bound ? "met" : "MISSED");
    else if (sscanf(goal, "x%lf", &bound) == 1)
        printf("  goal %s: %s\n", goal, ratio >= bound ? "met" : "MISSED");
}

/* The contestant the others are compared with. */
static const struct contestant *reference(int n)
{
    const struct contestant *best = NULL;
    double least = 0;

    for (int i = 0; i < n_field; i++) {
        double v[MAX_ROUNDS], time[3];

        if (strncmp(field[i].label, "torch", 5) != 0)
            continue;
        memcpy(v, field[i].second, sizeof v);
        spread(time, v, n);
        if (!best || time[0] < least) {
            best = &field[i];
            least = time[0];
        }
    }
    return best ? best : &field[n_field - 1];
}

/* Median, least and most of a rate (worker) or of milliseconds. */
static void rate_of(double out[3], const struct contestant *c, int n)
{
    double v[MAX_ROUNDS];

    for (int i = 0; i < n; i++)
        v[i] = c->worker ? c->units / c->second[i] : 1e3 * c->second[i];
    spread(out, v, n);
}

/* The same of the ratios of a round: of speeds (worker) or of times. */
static void ratio_of(double out[3], const struct contestant *c,
                     const struct contestant *ref, int n)
{
    double v[MAX_ROUNDS];

    for (int i = 0; i < n; i++) {
        double own = c->second[i] / c->units;
        double other = ref->second[i] / ref->units;

        v[i] = c->worker ? other / own : own / other;
    }
    spread(out, v, n);
}

/* Billions of operations a second, of the product where there is one. */
static double gigaflops(const struct contestant *c, int n)
{
    double rate[3];

    rate_of(rate, c, n);
    return c->flops / c->units * rate[0] / 1e9;
}

static void report(const struct contestant *c, const struct contestant *ref,
                   int n, const char *mark)
{
    double rate[3], ratio[3];
    int digits;

    rate_of(rate, c, n);
    ratio_of(ratio, c, ref, n);
    digits = rate[0] < 100 ? 2 : 0;
    printf("  %-20s %9.*f %s (%.*f..%.*f)", c->label, digits, rate[0],
           c->worker ? "/s" : "ms", digits, rate[1], digits, rate[2]);
    if (!c->product && n_field > 1)
        printf("  x%.2f (%.2f..%.2f)", ratio[0], ratio[1], ratio[2]);
    if (c->flops > 0)
        printf("  %.0f GF", gigaflops(c, n));
    for (int i = 0; c->flops > 0 && !c->product && i < n_field; i++)
        if (field[i].product)
            printf(" = %.0f %%",
                   100 * gigaflops(c, n) / gigaflops(&field[i], n));
    if (!c->worker)
        printf("  peak %.0f MiB", c->peak);
    printf("  %d of %d quiet%s\n", n, c->tried, mark);
}

static void parse_contestant(const char *arg)
{
    struct contestant *c = &field[n_field];
    const char *equals = strchr(arg, '=');

    if (n_field == MAX_CONTESTANTS || !strchr("wpx", arg[0]) || arg[1] != ' ' ||
        !equals || equals - arg - 2 >= (int)sizeof c->label)
        die("bad contestant", arg);
    c->worker = arg[0] != 'x';
    c->product = arg[0] == 'p';
    memcpy(c->label, arg + 2, (size_t)(equals - arg - 2));
    c->command = equals + 1;
    n_field++;
}

static void parse(int argc, char **argv)
{
    int o;

    while ((o = getopt(argc, argv, "r:t:s:g:")) != -1) {
        if (o == 'r')
            want = atoi(optarg);
        else if (o == 't')
            limit = atof(optarg);
        else if (o == 's')
            length = atof(optarg);
        else if (o == 'g')
            goal = optarg;
        else
            exit(2);
    }
    for (; optind < argc; optind++)
        parse_contestant(argv[optind]);
    if (n_field == 0 || want < 1 || want >= MAX_ROUNDS)
        die("usage", "interleave [-r ROUNDS] [-t SECONDS] [-s SAMPLE] "
                     "'w LABEL=COMMAND'...");
}

int main(int argc, char **argv)
{
    const char *mark = "";
    const struct contestant *ref;
    double begun, rate[3], ratio[3];
    int n = 0;

    parse(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < n_field; i++)
        start(&field[i]);
    for (int i = 0; i < n_field; i++)
        calibrate(&field[i]);
    begun = now();
    while (n < want && now() - begun < limit)
        n += play_round(n, true);
    if (n < 5) { /* a table all the same, marked as what it is */
        begun = now();
        for (n = 0; n < want && (n < 3 || now() - begun < limit); n++)
            play_round(n, false);
        mark = " (NOISY: unfiltered)";
    }
    ref = reference(n);
    for (int i = 0; i < n_field; i++)
        report(&field[i], ref, n, mark);
    rate_of(rate, &field[0], n);
    ratio_of(ratio, &field[0], ref, n);
    if (goal)
        judge(rate[0], ratio[0]);
    for (int i = 0; i < n_field; i++)
        if (field[i].worker)
            fclose(field[i].to);
    while (wait(NULL) > 0)
        ;
    return 0;
}
