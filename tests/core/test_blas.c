/* SPDX-License-Identifier: MIT */
/*
 * test_blas.c — OpenBLAS starts with the kernel the CPU deserves and is not believed blindly; products and
 * eigenvectors are right. Starts itself again to see what a whole program would see.
 */
#include "base/blas.h"

#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

typedef void sgemm_function(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda,
                            const float *b, int ldb, float beta, float *c, int ldc);
sgemm_function cblas_sgemm;

/* Stands before the library's: the product is spoilt under the kernel named by TEST_BROKEN_CORE, or under all. */
void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b,
                 int ldb, float beta, float *c, int ldc)
{
    void *symbol = dlsym(RTLD_NEXT, "cblas_sgemm");
    sgemm_function *library;
    memcpy(&library, &symbol, sizeof library);
    library(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    const char *broken = getenv("TEST_BROKEN_CORE");
    if (broken && m > 40 && (strcmp(broken, "all") == 0 || strcmp(broken, blas_kernel()) == 0))
        c[(size_t)ldc * 40] += 1;
}

/* Runs this program as `test_blas report` under the environment words given; returns what it printed. */
static void report(char *const words[], char *out, size_t size, int *status)
{
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char *arguments[32] = {"env", "-u", "OPENBLAS_CORETYPE", "-u", "OPENBLAS_CORETYPE_CHOICE"};
        int count = 5;
        for (int i = 0; words[i]; i++)
            arguments[count++] = words[i];
        char self[4096] = {0};
        if (readlink("/proc/self/exe", self, sizeof self - 1) < 0 || dup2(pipes[1], STDOUT_FILENO) < 0)
            _exit(99);
        arguments[count++] = self;
        arguments[count++] = "report";
        execvp("env", arguments);
        _exit(99);
    }
    close(pipes[1]);
    size_t used = 0;
    ssize_t got;
    while (used < size - 1 && (got = read(pipes[0], out + used, size - 1 - used)) > 0)
        used += (size_t)got;
    out[used] = '\0';
    close(pipes[0]);
    assert_int_equal(waitpid(child, status, 0), child);
}

static bool cpu_has_avx512(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
#else
    return false;
#endif
}

static void the_kernel_is_as_wide_as_the_cpu(void **state)
{
    (void)state;
    if (!cpu_has_avx512())
        skip();
    char out[1024];
    int status;
    report((char *[]){NULL}, out, sizeof out, &status);
    assert_int_equal(status, 0);
    assert_true(strncmp(out, "core SkylakeX\n", 14) == 0 || strncmp(out, "core Cooperlake\n", 16) == 0 ||
                strncmp(out, "core SapphireRapids\n", 20) == 0);
}

static void a_kernel_the_user_chose_is_kept(void **state)
{
    (void)state;
    char out[1024];
    int status;
    report((char *[]){"OPENBLAS_CORETYPE=NEHALEM", NULL}, out, sizeof out, &status);
    assert_int_equal(status, 0);
    assert_string_equal(out, "core Nehalem\ntype NEHALEM\nmark -\n");
}

static void a_wrong_kernel_of_our_choice_is_taken_back(void **state)
{
    (void)state;
    char out[1024];
    int status;
    report((char *[]){"OPENBLAS_CORETYPE=NEHALEM", "OPENBLAS_CORETYPE_CHOICE=raised", "TEST_BROKEN_CORE=Nehalem", NULL},
           out, sizeof out, &status);
    assert_int_equal(status, 0);
    assert_non_null(strstr(out, "\ntype -\nmark reverted\n"));
}

static void a_kernel_that_stays_wrong_is_an_error(void **state)
{
    (void)state;
    char out[1024];
    int status;
    report((char *[]){"TEST_BROKEN_CORE=all", NULL}, out, sizeof out, &status);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_non_null(strstr(out, "gives wrong products"));
}

static void the_version_is_the_library_and_its_number(void **state)
{
    (void)state;
    int major, minor, patch, end = 0;
    assert_int_equal(sscanf(blas_version(), "OpenBLAS %d.%d.%d%n", &major, &minor, &patch, &end), 3);
    assert_int_equal(strlen(blas_version()), end);
}

enum { WARM_EXTENT = 256, WARM_THREADS_MAX = 9 };

typedef struct warm_job {
    pthread_barrier_t together;
    float input[WARM_EXTENT * WARM_EXTENT], output[WARM_THREADS_MAX][WARM_EXTENT * WARM_EXTENT];
} warm_job;

static void multiply_together(void *context, int chunk, int worker)
{
    (void)worker;
    warm_job *job = context;
    pthread_barrier_wait(&job->together);
    gemm(&(gemm_call){.m = WARM_EXTENT,
                      .n = WARM_EXTENT,
                      .k = WARM_EXTENT,
                      .alpha = 1,
                      .a = job->input,
                      .lda = WARM_EXTENT,
                      .b = job->input,
                      .ldb = WARM_EXTENT,
                      .c = job->output[chunk],
                      .ldc = WARM_EXTENT});
}

static long address_space_pages(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    long pages;
    assert_int_equal(fscanf(file, "%ld", &pages), 1);
    fclose(file);
    return pages;
}

static void after_warming_products_map_no_more_memory(void **state)
{
    (void)state;
    error e = {0};
    for (int threads = 1; threads <= WARM_THREADS_MAX; threads += 4) {
        team *t = team_new(threads, &e);
        warm_job *job = calloc(1, sizeof *job);
        assert_true(t && job);
        assert_int_equal(pthread_barrier_init(&job->together, NULL, (unsigned)threads), 0);
        blas_warm(t);
        long before = address_space_pages();
        for (int round = 0; round < 10; round++)
            team_run(t, threads, multiply_together, job);
        assert_int_equal(address_space_pages(), before);
        pthread_barrier_destroy(&job->together);
        free(job);
        team_free(t);
    }
}

static void products_follow_the_transpositions(void **state)
{
    (void)state;
    const float a[] = {1, 2, 3, 4, 5, 6}, b[] = {1, 0, 2, -1, 1, 3};
    float c[4] = {10, 10, 10, 10};
    gemm(&(gemm_call){
        .m = 2, .n = 2, .k = 3, .alpha = 1, .beta = 1, .a = a, .lda = 3, .b = b, .ldb = 2, .c = c, .ldc = 2});
    const float plain[] = {10 + 8, 10 + 7, 10 + 20, 10 + 13};
    assert_memory_equal(c, plain, sizeof c);
    gemm(&(gemm_call){.a_transposed = true,
                      .b_transposed = true,
                      .m = 2,
                      .n = 2,
                      .k = 3,
                      .alpha = 2,
                      .a = a,
                      .lda = 2,
                      .b = b,
                      .ldb = 3,
                      .c = c,
                      .ldc = 2});
    const float both[] = {2 * (1 * 1 + 0 * 3 + 2 * 5), 2 * (-1 * 1 + 1 * 3 + 3 * 5), 2 * (1 * 2 + 0 * 4 + 2 * 6),
                          2 * (-1 * 2 + 1 * 4 + 3 * 6)};
    assert_memory_equal(c, both, sizeof c);
}

static void a_transpose_keeps_to_its_leading_dimensions(void **state)
{
    (void)state;
    const float in[] = {1, 2, 3, 9, 4, 5, 6, 9};
    float out[] = {0, 0, 7, 0, 0, 7, 0, 0, 7};
    blas_transpose(2, 3, in, 4, out, 3);
    const float expected[] = {1, 4, 7, 2, 5, 7, 3, 6, 7};
    assert_memory_equal(out, expected, sizeof out);
}

static void rows_of_the_result_are_unit_eigenvectors_in_rising_order(void **state)
{
    (void)state;
    enum { N = 40 };
    static double a[N * N], original[N * N];
    double values[N];
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            original[i * N + j] = a[i * N + j] = sin(i * 1.7 + j * 1.7) + (i == j ? i : 0);
    error e = {0};
    assert_true(blas_eigen(a, N, values, &e));
    for (int v = 0; v < N; v++) {
        if (v > 0)
            assert_true(values[v] >= values[v - 1]);
        double length = 0;
        for (int i = 0; i < N; i++) {
            double product = 0;
            for (int j = 0; j < N; j++)
                product += original[i * N + j] * a[v * N + j];
            assert_true(fabs(product - values[v] * a[v * N + i]) < 1e-11);
            length += a[v * N + i] * a[v * N + i];
        }
        assert_true(fabs(length - 1) < 1e-12);
    }
}

int main(int argc, char **argv)
{
    error e = {0};
    if (!blas_start(argv, &e)) {
        printf("%s\n", e.message);
        return 1;
    }
    if (argc == 2 && strcmp(argv[1], "report") == 0) {
        const char *type = getenv("OPENBLAS_CORETYPE"), *mark = getenv("OPENBLAS_CORETYPE_CHOICE");
        printf("core %s\ntype %s\nmark %s\n", blas_kernel(), type ? type : "-", mark ? mark : "-");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kernel_is_as_wide_as_the_cpu),
        cmocka_unit_test(a_kernel_the_user_chose_is_kept),
        cmocka_unit_test(a_wrong_kernel_of_our_choice_is_taken_back),
        cmocka_unit_test(a_kernel_that_stays_wrong_is_an_error),
        cmocka_unit_test(the_version_is_the_library_and_its_number),
        cmocka_unit_test(after_warming_products_map_no_more_memory),
        cmocka_unit_test(products_follow_the_transpositions),
        cmocka_unit_test(a_transpose_keeps_to_its_leading_dimensions),
        cmocka_unit_test(rows_of_the_result_are_unit_eigenvectors_in_rising_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
