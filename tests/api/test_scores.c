/* SPDX-License-Identifier: MIT */
/* test_scores.c — POST /score: three kinds of body, good and bad images, waiting, leaving, deadlines, draining. */
#include "tests/api/fake_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIB = 1024 * 1024 };

static reply post_png(fake *f, const char *target, const char *bytes)
{
    return ask(f, "POST", target, "Content-Type: image/png\r\n", bytes, strlen(bytes));
}

static reply post_form(fake *f, const char *body)
{
    return ask(f, "POST", "/score", "Content-Type: multipart/form-data; boundary=BB\r\n", body, strlen(body));
}

static json_t *result(const reply *r, size_t i)
{
    return json_array_get(json_object_get(r->json, "results"), i);
}

static void one_image_gets_its_score(void **state)
{
    fake *f = *state;
    reply r = post_png(f, "/score?model=digits-ganomaly:3", "P");
    assert_status(&r, 200);
    assert_string_equal(f->score_model, "digits-ganomaly");
    assert_int_equal(f->score_version, 3);
    json_t *one = result(&r, 0);
    assert_string_equal(json_string_value(json_object_get(one, "id")), "image");
    assert_non_null(strstr(r.body, "\"score\": 0.1,")); /* as short as the float is */
    assert_true(json_real_value(json_object_get(one, "percentile")) == 99.2);
    assert_true(json_is_true(json_object_get(one, "anomalous")));
    assert_true(json_is_true(json_object_get(json_object_get(one, "input"), "resized")));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(one, "input"), "height")), 27);
    reply_free(&r);
}

static void without_calibration_verdicts_are_null(void **state)
{
    fake *f = *state;
    f->calibrated = false;
    reply r = post_png(f, "/score", "P");
    assert_status(&r, 200);
    assert_string_equal(f->score_model, "");
    static const char *const keys[] = {"percentile", "p_value", "threshold", "anomalous"};
    for (size_t i = 0; i < 4; i++)
        assert_true(json_is_null(json_object_get(result(&r, 0), keys[i])));
    reply_free(&r);
}

static void an_answer_may_come_later(void **state)
{
    fake *f = *state;
    f->defer = true;
    client *c = client_open(f);
    client_say(c, "POST /score HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 1\r\n\r\nP");
    fake_until(f, f->score_done);
    fake_answer(f);
    reply r = client_read(c, false);
    assert_status(&r, 200);
    reply_free(&r);
    client_say(c, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"); /* and the connection goes on */
    r = client_read(c, false);
    assert_status(&r, 200);
    reply_free(&r);
    client_close(c);
}

static void an_explanation_comes_with_each_score(void **state)
{
    fake *f = *state;
    reply r = post_png(f, "/score?explain=heatmap", "P");
    assert_status(&r, 200);
    assert_int_equal(f->score_explain, EXPLAIN_HEATMAP);
    json_t *found = json_object_get(result(&r, 0), "explanation");
    assert_string_equal(json_string_value(json_object_get(found, "kind")), "heatmap");
    assert_string_equal(json_string_value(json_object_get(found, "media_type")), "image/png");
    assert_string_equal(json_string_value(json_object_get(found, "data")), "YSBwaWN0dXJl"); /* "a picture" */
    assert_int_equal(json_integer_value(json_object_get(found, "width")), 28);
    assert_int_equal(json_integer_value(json_object_get(found, "height")), 27);
    assert_true(json_real_value(json_object_get(found, "scale")) == 12.5);
    reply_free(&r);
    r = post_png(f, "/score?explain=reconstruction", "P");
    found = json_object_get(result(&r, 0), "explanation");
    assert_string_equal(json_string_value(json_object_get(found, "kind")), "reconstruction");
    assert_true(json_is_null(json_object_get(found, "scale")));
    reply_free(&r);
    r = post_png(f, "/score?explain=none", "P");
    assert_int_equal(f->score_explain, EXPLAIN_NONE);
    assert_null(json_object_get(result(&r, 0), "explanation"));
    reply_free(&r);
}

static const char two_parts[] = "--BB\r\nContent-Disposition: form-data; name=\"i\"; filename=\"a\"\r\n\r\nPa\r\n"
                                "--BB\r\nContent-Disposition: form-data; name=\"i\"; filename=\"b\"\r\n\r\nPb\r\n"
                                "--BB--\r\n";

static void a_picture_alone_is_for_one_image(void **state)
{
    fake *f = *state;
    static const char png[] = "Content-Type: image/png\r\nAccept: image/png\r\n";
    reply r = ask(f, "POST", "/score?explain=heatmap", png, "P", 1);
    assert_status(&r, 200);
    assert_non_null(strstr(r.head, "Content-Type: image/png"));
    assert_int_equal(r.body_size, 9);
    assert_memory_equal(r.body, "a picture", 9);
    reply_free(&r);
    r = ask(f, "POST", "/score?explain=heatmap", png, "X", 1); /* a bad image is a problem all the same */
    assert_status(&r, 422);
    reply_free(&r);
    r = ask(f, "POST", "/score", png, "P", 1); /* without a picture there is only JSON */
    assert_status(&r, 200);
    assert_non_null(json_object_get(r.json, "results"));
    reply_free(&r);
    r = ask(f, "POST", "/score?explain=heatmap",
            "Content-Type: multipart/form-data; boundary=BB\r\nAccept: image/png\r\n", two_parts, strlen(two_parts));
    assert_status(&r, 406);
    assert_non_null(strstr(r.body, "image/png is the answer to one image"));
    reply_free(&r);
    r = ask(f, "POST", "/score?explain=heatmap", "Content-Type: multipart/form-data; boundary=BB\r\nAccept: */*\r\n",
            two_parts, strlen(two_parts));
    assert_status(&r, 200);
    assert_non_null(json_object_get(result(&r, 1), "explanation"));
    reply_free(&r);
}

static void an_explanation_that_cannot_be_says_why(void **state)
{
    fake *f = *state;
    reply r = post_png(f, "/score?explain=heat", "P");
    assert_status(&r, 400);
    assert_non_null(strstr(r.body, "'heat' is not none, reconstruction or heatmap"));
    reply_free(&r);
    r = post_png(f, "/score?explain=heatmap&model=nobody:7", "P");
    assert_status(&r, 422);
    assert_non_null(strstr(r.body, "nobody has no picture of an image"));
    reply_free(&r);
    assert_int_equal(f->scores, 1);
    char many[4096];
    int used = snprintf(many, sizeof many, "{\"images\": [");
    for (int i = 0; i < 65; i++)
        used += snprintf(many + used, sizeof many - (size_t)used, "%s{\"data\": \"UA==\"}", i ? ", " : "");
    snprintf(many + used, sizeof many - (size_t)used, "]}");
    r = ask(f, "POST", "/score?explain=heatmap", "Content-Type: application/json\r\n", many, strlen(many));
    assert_status(&r, 422);
    assert_non_null(strstr(r.body, "at most 64 images at once, not 65"));
    reply_free(&r);
}

static void a_form_scores_each_file_under_its_name(void **state)
{
    reply r = post_form(*state, "--BB\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\nPa"
                                "\r\n--BB\r\nContent-Disposition: form-data; name=\"second\"\r\n\r\nPb\r\n--BB--\r\n");
    assert_status(&r, 200);
    assert_int_equal(json_array_size(json_object_get(r.json, "results")), 2);
    assert_string_equal(json_string_value(json_object_get(result(&r, 0), "id")), "a.png");
    assert_string_equal(json_string_value(json_object_get(result(&r, 1), "id")), "second");
    reply_free(&r);
}

static void a_bad_image_spoils_no_other(void **state)
{
    fake *f = *state;
    reply r =
        post_form(f, "--BB\r\nContent-Disposition: form-data; name=\"i\"; filename=\"x\"\r\n\r\nX\r\n"
                     "--BB\r\nContent-Disposition: form-data; name=\"i\"; filename=\"empty\"\r\n\r\n\r\n"
                     "--BB\r\nContent-Disposition: form-data; name=\"i\"; filename=\"j\"\r\n\r\nJ\r\n"
                     "--BB\r\nContent-Disposition: form-data; name=\"i\"; filename=\"good\"\r\n\r\nP\r\n--BB--\r\n");
    assert_status(&r, 200);
    assert_int_equal(f->score_images, 3);
    int expected[] = {422, 422, 415};
    for (size_t i = 0; i < 3; i++) {
        json_t *failure = json_object_get(result(&r, i), "error");
        assert_int_equal(json_integer_value(json_object_get(failure, "status")), expected[i]);
        assert_null(json_object_get(result(&r, i), "score"));
    }
    assert_string_equal(json_string_value(json_object_get(result(&r, 3), "id")), "good");
    assert_non_null(json_object_get(result(&r, 3), "score"));
    reply_free(&r);
}

static void an_only_image_that_is_bad_is_the_whole_answer(void **state)
{
    fake *f = *state;
    reply r = post_png(f, "/score", "X");
    assert_problem(&r, 422, "the PNG ends early");
    reply_free(&r);
    r = post_png(f, "/score", "L");
    assert_problem(&r, 413, "40000x40000");
    reply_free(&r);
    r = post_png(f, "/score", "J");
    assert_problem(&r, 415, "not a PNG");
    assert_string_equal(json_string_value(json_array_get(json_object_get(r.json, "accepted"), 0)), "image/png");
    reply_free(&r);
    r = post_form(f, "--BB\r\nContent-Disposition: form-data; name=\"i\"; filename=\"x\"\r\n\r\nX\r\n--BB--\r\n");
    assert_problem(&r, 422, "the PNG ends early");
    reply_free(&r);
}

static void json_scores_base64(void **state)
{
    fake *f = *state;
    reply r = post_json(f, "/score", "{\"images\": [{\"id\": \"a\", \"data\": \"UA==\"}, {\"data\": \"%%\"}]}");
    assert_status(&r, 200);
    assert_int_equal(f->score_images, 1);
    assert_string_equal(json_string_value(json_object_get(result(&r, 0), "id")), "a");
    assert_non_null(json_object_get(result(&r, 1), "error"));
    reply_free(&r);
    r = post_json(f, "/score", "{\"images\": [{\"dat\": \"UA==\"}]}");
    assert_problem(&r, 422, "unknown key 'dat'; accepted: id, data");
    assert_true(has_error(&r, "/images/0/dat", "unknown key"));
    assert_true(has_error(&r, "/images/0/data", "missing"));
    reply_free(&r);
    r = post_json(f, "/score", "{\"images\": []}");
    assert_problem(&r, 422, "1 to 1024 images");
    reply_free(&r);
    r = post_json(f, "/score", "{\"images\": [{\"data\": \"\"}, {\"data\": \"!\"}]}");
    assert_problem(&r, 422, "empty");
    assert_true(has_error(&r, "/images/1", "base64"));
    reply_free(&r);
    char body[400];
    snprintf(body, sizeof body, "{\"images\": [{\"id\": \"%0256d\", \"data\": \"UA==\"}]}", 1);
    r = post_json(f, "/score", body);
    assert_problem(&r, 422, "more than 255 bytes");
    assert_true(has_error(&r, "/images/0/id", ""));
    reply_free(&r);
}

static void large_json_is_read_off_the_loop(void **state)
{
    fake *f = *state;
    size_t length = 200000;
    char *body = malloc(length + 64);
    int n = snprintf(body, 64, "{\"images\": [{\"data\": \"");
    memset(body + n, 'U', length);
    snprintf(body + n + length, 32, "\"}]}");
    f->pool_held = true;
    client *c = client_open(f);
    char head[128];
    snprintf(head, sizeof head,
             "POST /score HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
             strlen(body));
    client_say(c, head);
    client_say(c, body);
    fake_until(f, f->pool_count == 1);
    assert_int_equal(f->scores, 0);
    f->pool_held = false;
    reply r = client_read(c, false);
    assert_status(&r, 200);
    assert_int_equal(f->scores, 1);
    reply_free(&r);
    client_close(c);
    free(body);
}

static void a_client_that_leaves_while_json_is_read_scores_nothing(void **state)
{
    fake *f = *state;
    size_t length = 100000;
    char *body = malloc(length + 64), head[128];
    int n = snprintf(body, 64, "{\"images\": [{\"data\": \"");
    memset(body + n, 'U', length);
    snprintf(body + n + length, 32, "\"}]}");
    f->pool_held = true;
    client *c = client_open(f);
    snprintf(head, sizeof head,
             "POST /score HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
             strlen(body));
    client_say(c, head);
    client_say(c, body);
    fake_until(f, f->pool_count == 1);
    client_close(c);
    fake_until(f, server_busy(f->server) == 0);
    f->pool_held = false;
    fake_until(f, f->pool_count == 0);
    assert_int_equal(f->scores, 0);
    free(body);
}

static void a_client_that_leaves_cancels_its_score(void **state)
{
    fake *f = *state;
    f->defer = true;
    client *c = client_open(f);
    client_say(c, "POST /score HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 1\r\n\r\nP");
    fake_until(f, f->score_done);
    client_close(c);
    fake_until(f, server_busy(f->server) == 0);
    assert_int_equal(f->score_cancels, 1);
    reply r = get(f, "/metrics");
    assert_non_null(strstr(r.body, "route=\"/score\",method=\"POST\",code=\"499\"} 1\n"));
    reply_free(&r);
}

static void a_score_beyond_the_deadline_is_504_and_cancelled(void **state)
{
    (void)state;
    fake *f = fake_new(10000, 100);
    f->defer = true;
    reply r = post_png(f, "/score", "P");
    assert_problem(&r, 504, "100 ms");
    assert_int_equal(f->score_cancels, 1);
    reply_free(&r);
    fake_free(f);
}

static void draining_answers_suspended_scores_503(void **state)
{
    fake *f = *state;
    f->defer = true;
    client *c = client_open(f);
    client_say(c, "POST /score HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 1\r\n\r\nP");
    fake_until(f, f->score_done);
    server_quiesce(f->server);
    assert_int_equal(server_busy(f->server), 1);
    server_drain(f->server);
    reply r = client_read(c, false);
    assert_problem(&r, 503, "stopping");
    assert_non_null(reply_header(&r, "Retry-After"));
    assert_int_equal(f->score_cancels, 1);
    fake_until(f, server_busy(f->server) == 0);
    reply_free(&r);
    client_close(c);
}

static void scores_are_refused_while_draining(void **state)
{
    fake *f = *state;
    f->draining = true;
    reply r = post_png(f, "/score", "P");
    assert_problem(&r, 503, "stopping");
    assert_non_null(reply_header(&r, "Retry-After"));
    assert_int_equal(f->scores, 0);
    reply_free(&r);
}

static void a_full_queue_is_429_with_retry_after(void **state)
{
    fake *f = *state;
    error_set(&f->failure, ERROR_BUSY, "the queue is full");
    reply r = post_png(f, "/score", "P");
    assert_problem(&r, 429, "the queue is full");
    assert_non_null(reply_header(&r, "Retry-After"));
    reply_free(&r);
}

static void an_unknown_model_is_404_and_a_malformed_one_400(void **state)
{
    fake *f = *state;
    reply r = post_png(f, "/score?model=nobody", "P");
    assert_problem(&r, 404, "nobody");
    reply_free(&r);
    static const char *const bad[] = {"A", "a:", "a:0", "a:x", "a:1:2", "", "a%2Fb", "a:12345678901"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char target[64];
        snprintf(target, sizeof target, "/score?model=%s", bad[i]);
        r = post_png(f, target, "P");
        assert_problem(&r, 400, "NAME:VERSION");
        reply_free(&r);
    }
}

static void bodies_of_other_types_are_415_and_list_the_accepted(void **state)
{
    fake *f = *state;
    reply r = ask(f, "POST", "/score", "Content-Type: image/jpeg\r\n", "\xff\xd8", 2);
    assert_problem(&r, 415, "image/png, multipart/form-data, application/json");
    assert_int_equal(json_array_size(json_object_get(r.json, "accepted")), 3);
    reply_free(&r);
    r = ask(f, "POST", "/score", "", "P", 1);
    assert_problem(&r, 415, "Content-Type is missing");
    reply_free(&r);
    r = ask(f, "POST", "/score", "Content-Type: image/png\r\nContent-Encoding: gzip\r\n", "P", 1);
    assert_problem(&r, 415, "Content-Encoding");
    reply_free(&r);
    r = ask(f, "POST", "/score", "Content-Type: multipart/form-data\r\n", "P", 1);
    assert_problem(&r, 400, "boundary");
    reply_free(&r);
    r = post_form(f, "no form");
    assert_problem(&r, 400, "no parts");
    reply_free(&r);
    r = post_form(f, "--BB\r\nContent-Disposition: form-data; name=\"i\"\r\n\r\nP"); /* cut off */
    assert_problem(&r, 400, "multipart");
    reply_free(&r);
}

static void an_empty_body_is_400(void **state)
{
    fake *f = *state;
    reply r = ask(f, "POST", "/score", "Content-Type: image/png\r\n", "", 0);
    assert_problem(&r, 400, "empty");
    reply_free(&r);
    r = ask(f, "POST", "/score", "Content-Type: image/png\r\n", NULL, 0);
    assert_problem(&r, 400, "empty");
    reply_free(&r);
    r = ask(f, "POST", "/score", "Content-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", NULL, 0);
    assert_problem(&r, 400, "empty");
    reply_free(&r);
}

static void the_limit_is_exact_to_the_byte(void **state)
{
    fake *f = *state;
    char *large = calloc(1, 8 * MIB + 1);
    reply r = ask(f, "POST", "/score", "Content-Type: image/png\r\n", large, 8 * MIB);
    assert_status(&r, 200);
    reply_free(&r);
    r = ask(f, "POST", "/score", "Content-Type: image/png\r\n", large, 8 * MIB + 1);
    assert_problem(&r, 413, "8388609 bytes");
    reply_free(&r);
    free(large);
}

static void a_file_of_a_form_has_a_limit_of_its_own(void **state)
{
    fake *f = *state;
    static const char head[] = "--BB\r\nContent-Disposition: form-data; name=\"i\"; filename=\"large\"\r\n\r\n";
    static const char tail[] = "\r\n--BB\r\nContent-Disposition: form-data; name=\"i\"; filename=\"small\"\r\n\r\nP"
                               "\r\n--BB--\r\n";
    size_t size = sizeof head - 1 + 8 * MIB + 1 + sizeof tail - 1;
    char *body = malloc(size);
    memset(body, 'P', size);
    memcpy(body, head, sizeof head - 1);
    memcpy(body + size - (sizeof tail - 1), tail, sizeof tail - 1);
    reply r = ask(f, "POST", "/score", "Content-Type: multipart/form-data; boundary=BB\r\n", body, size);
    assert_status(&r, 200);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(result(&r, 0), "error"), "status")), 413);
    assert_non_null(json_object_get(result(&r, 1), "score"));
    assert_int_equal(f->score_images, 1);
    reply_free(&r);
    free(body);
}

static void a_batch_beyond_the_limit_is_refused_by_its_length(void **state)
{
    client *c = client_open(*state);
    client_say(c, "POST /score HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=BB\r\n"
                  "Content-Length: 67108865\r\n\r\n");
    reply r = client_read(c, false);
    assert_problem(&r, 413, "67108865 bytes; at most 67108864");
    assert_true(r.closed);
    reply_free(&r);
    client_close(c);
}

static void too_many_files_are_413(void **state)
{
    enum { FILES = 1025, PART = 64 };
    char *body = calloc(FILES + 1, PART);
    size_t size = 0;
    for (int i = 0; i < FILES; i++)
        size += (size_t)snprintf(body + size, PART, "--BB\r\nContent-Disposition: form-data; name=\"i\"\r\n\r\nP\r\n");
    size += (size_t)snprintf(body + size, PART, "--BB--\r\n");
    reply r = ask(*state, "POST", "/score", "Content-Type: multipart/form-data; boundary=BB\r\n", body, size);
    assert_problem(&r, 413, "more than 1024 files");
    reply_free(&r);
    free(body);
}

static void a_chunked_body_beyond_the_limit_is_413(void **state)
{
    fake *f = *state;
    char *block = calloc(1, MIB);
    client *c = client_open(f);
    client_say(c, "POST /score HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 9; i++) {
        client_say(c, "100000\r\n");
        client_send(c, block, MIB);
        client_say(c, "\r\n");
    }
    client_say(c, "0\r\n\r\n");
    reply r = client_read(c, false);
    assert_problem(&r, 413, "more than");
    assert_int_equal(f->scores, 0);
    reply_free(&r);
    client_close(c);
    free(block);
}

static void a_refused_expectation_saves_the_body(void **state)
{
    client *c = client_open(*state);
    client_say(c, "POST /score HTTP/1.1\r\nHost: a\r\nContent-Type: image/jpeg\r\nContent-Length: 1000000\r\n"
                  "Expect: 100-continue\r\n\r\n");
    reply r = client_read(c, false);
    assert_problem(&r, 415, "image/jpeg");
    assert_true(r.closed);
    reply_free(&r);
    client_close(c);
    r = ask(*state, "POST", "/score", "Content-Type: image/png\r\nExpect: 200-maybe\r\n", "P", 1);
    assert_problem(&r, 417, "200-maybe");
    reply_free(&r);
}

static void an_accepted_expectation_is_told_to_continue(void **state)
{
    client *c = client_open(*state);
    client_say(c, "POST /score HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 1\r\n"
                  "Expect: 100-continue\r\n\r\n");
    fake_until(*state, c->size > 0);
    assert_true(!strncmp(c->bytes, "HTTP/1.1 100", 12));
    client_say(c, "P");
    reply r = client_read(c, false);
    assert_status(&r, 200);
    reply_free(&r);
    client_close(c);
}

static void a_dripped_body_is_cut_at_the_deadline(void **state)
{
    (void)state;
    fake *f = fake_new(10000, 120);
    client *c = client_open(f);
    client_say(c, "POST /score HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 1000000\r\n\r\n");
    while (!c->closed) {
        client_say(c, "P");
        fake_turn(f);
    }
    assert_int_equal(c->size, 0);
    assert_int_equal(f->scores, 0);
    client_close(c);
    fake_free(f);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_set_up, fake_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(one_image_gets_its_score),
        CASE(without_calibration_verdicts_are_null),
        CASE(an_answer_may_come_later),
        CASE(an_explanation_comes_with_each_score),
        CASE(a_picture_alone_is_for_one_image),
        CASE(an_explanation_that_cannot_be_says_why),
        CASE(a_form_scores_each_file_under_its_name),
        CASE(a_bad_image_spoils_no_other),
        CASE(an_only_image_that_is_bad_is_the_whole_answer),
        CASE(json_scores_base64),
        CASE(large_json_is_read_off_the_loop),
        CASE(a_client_that_leaves_while_json_is_read_scores_nothing),
        CASE(a_client_that_leaves_cancels_its_score),
        cmocka_unit_test(a_score_beyond_the_deadline_is_504_and_cancelled),
        CASE(draining_answers_suspended_scores_503),
        CASE(scores_are_refused_while_draining),
        CASE(a_full_queue_is_429_with_retry_after),
        CASE(an_unknown_model_is_404_and_a_malformed_one_400),
        CASE(bodies_of_other_types_are_415_and_list_the_accepted),
        CASE(an_empty_body_is_400),
        CASE(the_limit_is_exact_to_the_byte),
        CASE(a_file_of_a_form_has_a_limit_of_its_own),
        CASE(a_batch_beyond_the_limit_is_refused_by_its_length),
        CASE(too_many_files_are_413),
        CASE(a_chunked_body_beyond_the_limit_is_413),
        CASE(a_refused_expectation_saves_the_body),
        CASE(an_accepted_expectation_is_told_to_continue),
        cmocka_unit_test(a_dripped_body_is_cut_at_the_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
