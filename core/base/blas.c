/* SPDX-License-Identifier: MIT */
/*
 * blas.c — chooses OpenBLAS's kernel, checks it, and calls it. Knows matrices, not what is in them.
 *
 * OpenBLAS reads OPENBLAS_CORETYPE while it is loaded, before main, so another choice needs a second start of the
 * program. A mark in the environment tells the second start, and child processes, what the first one decided, so that
 * none of them tries it again.
 */
#include "base/blas.h"

#include <assert.h>
#include <cblas.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const char CORETYPE[] = "OPENBLAS_CORETYPE";
/* "raised": this program set CORETYPE. "reverted": it did, and removed it again because that kernel's products were
 * wrong. */
static const char MARK[] = "OPENBLAS_CORETYPE_CHOICE";

enum level { LEVEL_BASE, LEVEL_AVX2, LEVEL_AVX512 };

typedef struct core_level {
    const char *core;
    enum level level;
} core_level;

static const core_level core_levels[] = {
    {"Haswell", LEVEL_AVX2},          {"Zen", LEVEL_AVX2}, {"SkylakeX", LEVEL_AVX512}, {"Cooperlake", LEVEL_AVX512},
    {"SapphireRapids", LEVEL_AVX512},
};

/* The value of OPENBLAS_CORETYPE for each level; LEVEL_BASE is never set. */
static const char *const level_coretype[] = {
    [LEVEL_BASE] = NULL, [LEVEL_AVX2] = "HASWELL", [LEVEL_AVX512] = "SKYLAKEX"};

static enum level core_level_of(const char *core)
{
    for (size_t i = 0; i < sizeof core_levels / sizeof *core_levels; i++)
        if (strcasecmp(core, core_levels[i].core) == 0)
            return core_levels[i].level;
    return LEVEL_BASE;
}

static enum level cpu_level(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return LEVEL_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return LEVEL_AVX2;
#endif
    return LEVEL_BASE;
}

const char *blas_kernel(void)
{
    return openblas_get_corename();
}

/* "OpenBLAS 0.3.21 NO_LAPACKE …" up to the second space, written once. */
static char version[48];
static pthread_once_t version_once = PTHREAD_ONCE_INIT;

static void version_write(void)
{
    const char *config = openblas_get_config();
    size_t name = strcspn(config, " ");
    size_t length = name + (config[name] ? 1 + strcspn(config + name + 1, " ") : 0);
    length = length < sizeof version - 1 ? length : sizeof version - 1;
    memcpy(version, config, length);
    version[length] = '\0';
}

const char *blas_version(void)
{
    pthread_once(&version_once, version_write);
    return version;
}

void gemm(const gemm_call *g)
{
    cblas_sgemm(CblasRowMajor, g->a_transposed ? CblasTrans : CblasNoTrans, g->b_transposed ? CblasTrans : CblasNoTrans,
                g->m, g->n, g->k, g->alpha, g->a, g->lda, g->b, g->ldb, g->beta, g->c, g->ldc);
}

void blas_transpose(int rows, int columns, const float *in, int ld_in, float *out, int ld_out)
{
    cblas_somatcopy(CblasRowMajor, CblasTrans, rows, columns, 1.0f, in, ld_in, out, ld_out);
}

/* Fills with small integers, of which every product and sum is exact in float in any order: results must be equal. */
static void fill(float *values, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525U + 1013904223U;
        values[i] = (float)((int)(seed >> 24) % 9 - 4);
    }
}

static float plain_product(const gemm_call *g, int row, int column)
{
    float sum = 0;
    for (int i = 0; i < g->k; i++) {
        float a = g->a_transposed ? g->a[(size_t)i * (size_t)g->lda + (size_t)row]
                                  : g->a[(size_t)row * (size_t)g->lda + (size_t)i];
        float b = g->b_transposed ? g->b[(size_t)column * (size_t)g->ldb + (size_t)i]
                                  : g->b[(size_t)i * (size_t)g->ldb + (size_t)column];
        sum += a * b;
    }
    return sum;
}

enum { CHECK_EXTENT = 260, CHECK_DEPTH = 300, CHECK_FLOATS = CHECK_EXTENT * CHECK_DEPTH };

typedef struct check_memory {
    float a[CHECK_FLOATS], b[CHECK_FLOATS], c[CHECK_FLOATS], before[CHECK_FLOATS];
} check_memory;

static bool product_is_right(check_memory *memory, gemm_call g)
{
    g.lda = (g.a_transposed ? g.m : g.k) + 2;
    g.ldb = (g.b_transposed ? g.k : g.n) + 1;
    g.ldc = g.n + 3;
    g.a = memory->a;
    g.b = memory->b;
    g.c = memory->c;
    size_t used = (size_t)g.m * (size_t)g.ldc;
    memcpy(memory->c, memory->before, used * sizeof(float));
    gemm(&g);
    for (int row = 0; row < g.m; row++)
        for (int column = 0; column < g.ldc; column++) {
            size_t at = (size_t)row * (size_t)g.ldc + (size_t)column;
            float expected = memory->before[at];
            if (column < g.n)
                expected = g.alpha * plain_product(&g, row, column) + g.beta * expected;
            if (memory->c[at] != expected)
                return false;
        }
    return true;
}

/* Compares products with a plain loop. False only where memory is short. */
static bool products_check(bool *are_right, error *e)
{
    static const int shapes[][3] = {{1, 1, 1},    {7, 13, 5},   {16, 16, 16}, {33, 65, 17}, {64, 100, 129},
                                    {3, 255, 40}, {257, 3, 40}, {70, 1, 297}, {1, 70, 297}, {48, 64, 256}};
    check_memory *memory = malloc(sizeof *memory);
    if (!memory)
        return error_memory(e, "the check of OpenBLAS");
    fill(memory->a, CHECK_FLOATS, 1);
    fill(memory->b, CHECK_FLOATS, 2);
    fill(memory->before, CHECK_FLOATS, 3);
    *are_right = true;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes && *are_right; i++)
        for (int form = 0; form < 8 && *are_right; form++)
            *are_right = product_is_right(memory, (gemm_call){.a_transposed = form & 1,
                                                              .b_transposed = form & 2,
                                                              .m = shapes[i][0],
                                                              .n = shapes[i][1],
                                                              .k = shapes[i][2],
                                                              .alpha = form & 4 ? 2.0f : 1.0f,
                                                              .beta = form & 4 ? 1.0f : 0.0f});
    free(memory);
    return true;
}

/* Executes the program anew with the given core type (NULL: OpenBLAS's own choice). Returns only on failure. */
static void start_again(char **argv, const char *coretype, const char *mark)
{
    bool is_set = (coretype ? setenv(CORETYPE, coretype, 1) : unsetenv(CORETYPE)) == 0 && setenv(MARK, mark, 1) == 0 &&
                  /* The library's own threads are never used; without them their stacks are saved. */
                  setenv("OPENBLAS_NUM_THREADS", "1", 1) == 0;
    if (is_set)
        execv("/proc/self/exe", argv);
}

bool blas_start(char **argv, error *e)
{
    const char *mark = getenv(MARK);
    enum level offered = cpu_level();
    if (!mark && !getenv(CORETYPE) && core_level_of(blas_kernel()) < offered) {
        start_again(argv, level_coretype[offered], "raised");
        /* The program could not be executed anew (no /proc, no memory). It goes on with the slower kernel. */
        unsetenv(CORETYPE);
        unsetenv(MARK);
    }
    openblas_set_num_threads(1);
    bool are_right = false;
    if (!products_check(&are_right, e))
        return false;
    if (are_right)
        return true;
    if (mark && strcmp(mark, "raised") == 0)
        start_again(argv, NULL, "reverted");
    return error_set(e, ERROR_INTERNAL, "%s: kernel %s gives wrong products; set %s to another one", blas_version(),
                     blas_kernel(), CORETYPE);
}

/* OpenBLAS exports this function, but no header declares it. It returns the first free buffer, or maps a new one. Other
 * libraries lack it; they allocate with their first products. */
void *blas_memory_alloc(int position) __attribute__((weak));
void blas_memory_free(void *buffer) __attribute__((weak));

/* Every chunk waits for all the others, so each worker runs one, and no buffer is freed before every worker holds one.
 * Mere products would not ensure that: with more threads than CPUs one may end before another begins, and both would
 * use the same buffer. */
static void warm_chunk(void *context, int chunk, int worker)
{
    (void)chunk;
    (void)worker;
    pthread_barrier_t *together = context;
    void *buffer = blas_memory_alloc(0);
    pthread_barrier_wait(together);
    blas_memory_free(buffer);
}

void blas_warm(team *t)
{
    pthread_barrier_t together;
    assert(team_active(t) == team_threads(t)); /* the barrier would wait for the others for ever */
    if (!blas_memory_alloc || !blas_memory_free)
        return;
    int failure = pthread_barrier_init(&together, NULL, (unsigned)team_threads(t));
    assert(failure == 0);
    team_run(t, team_threads(t), warm_chunk, &together);
    pthread_barrier_destroy(&together);
}

/* LAPACK's Fortran symbol. The lengths of its two strings are the last arguments. */
void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w, double *work,
             const int *lwork, int *iwork, const int *liwork, int *info, size_t jobz_length, size_t uplo_length);

bool blas_eigen(double *a, int n, double *values, error *e)
{
    assert(n > 0);
    int info = 0, query = -1, integers_wanted = 0;
    double doubles_wanted = 0;
    dsyevd_("V", "U", &n, a, &n, values, &doubles_wanted, &query, &integers_wanted, &query, &info, 1, 1);
    assert(info == 0);
    int doubles = (int)doubles_wanted, integers = integers_wanted;
    double *work = malloc((size_t)doubles * sizeof *work);
    int *iwork = malloc((size_t)integers * sizeof *iwork);
    bool is_done = false;
    if (!work || !iwork)
        error_memory(e, "an eigenvalue problem");
    else {
        dsyevd_("V", "U", &n, a, &n, values, work, &doubles, iwork, &integers, &info, 1, 1);
        is_done = info == 0;
        if (!is_done)
            error_set(e, ERROR_INTERNAL, "eigenvectors of a %d×%d matrix did not converge (LAPACK info %d)", n, n,
                      info);
    }
    free(work);
    free(iwork);
    return is_done;
}

/* dsyevd's documentation asks for 1 + 6n + 2n² doubles and 3 + 5n integers. */
size_t blas_eigen_bytes(int n)
{
    size_t d = (size_t)n;
    return (1 + 6 * d + 2 * d * d) * sizeof(double) + (3 + 5 * d) * sizeof(int);
}
