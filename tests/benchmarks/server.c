/* A load server: it answers as Pixel, its login server and its object storage do, as fast as one thread can.

Rules kept here:

 * It is neutral: it knows no client, and gives each the same answers in the same bytes.
 * Loopback only. It ends when its standard input ends, so that it never outlives whoever started it.
 * What is stored is counted and thrown away unread; an ETag is the MD5 that was declared, which the URL carries.
 * A job, or a group of jobs, is completed from the second look on: no server is done at once, and the reference cannot
   take a group that is.
 * On all ports but its first every answer waits for so many milliseconds.

It prints one line, its ports, and then serves. Usage: server IMAGES DELAY_MS CPU PORTS (CPU -1: any).
*/
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RESOURCE_OFFSET 1000000L
#define CHUNK (256 * 1024)

typedef struct {
    char *at;
    size_t length, room;
} Bytes;

typedef struct Connection {
    int fd, delayed, held, closing, writing;
    Bytes in, out;
    size_t sent;       /* how much of `out` has gone */
    uint64_t discard;  /* how much of a body is still to be thrown away */
    char *after;       /* the answer to give when it is gone */
    size_t after_length;
    uint64_t due;
    struct Connection *next_held;
} Connection;

typedef struct {
    char *name;
    uint64_t size;
    uint64_t looks;
} Job;

static int poller;
static Bytes images;
static size_t *image_starts;
static long image_count;
static long delay_ms;
static Job *jobs;
static size_t job_count, job_room;
static uint64_t *finished;
static size_t finished_count, finished_room;
static uint64_t *groups;
static size_t group_count, group_room;
static uint64_t requests, stored, stored_bytes;
static Connection *held_first, *held_last;
static Bytes scratch;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec spec;
    clock_gettime(CLOCK_MONOTONIC, &spec);
    return (uint64_t)spec.tv_sec * 1000000000u + (uint64_t)spec.tv_nsec;
}

static void make_room(Bytes *bytes, size_t more) {
    if (bytes->length + more <= bytes->room) return;
    size_t room = bytes->room ? bytes->room : 4096;
    while (room < bytes->length + more) room *= 2;
    bytes->at = realloc(bytes->at, room);
    if (!bytes->at) fail("memory");
    bytes->room = room;
}

static void put(Bytes *bytes, const char *data, size_t length) {
    make_room(bytes, length);
    memcpy(bytes->at + bytes->length, data, length);
    bytes->length += length;
}

static void say(Bytes *bytes, const char *text) { put(bytes, text, strlen(text)); }

static void say_number(Bytes *bytes, uint64_t number) {
    char digits[24];
    put(bytes, digits, (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)number));
}

static void head(Bytes *out, const char *status, size_t length) {
    say(out, "HTTP/1.1 ");
    say(out, status);
    say(out, "\r\nDate: Mon, 05 May 2025 10:00:00 GMT\r\nServer: load\r\nContent-Type: application/json\r\n"
             "Content-Length: ");
    say_number(out, length);
    say(out, "\r\n\r\n");
}

static void answer(Bytes *out, const char *status, const char *body, size_t length) {
    head(out, status, length);
    put(out, body, length);
}

static void answer_text(Bytes *out, const char *status, const char *text) { answer(out, status, text, strlen(text)); }

/* Numbers in a query's value, whatever stands between them: "1,2", "1%2C2". Gives the next one, or -1 at the end. */
static long next_number(const char **at, const char *end) {
    const char *p = *at;
    while (p < end && *p != '&' && *p != ' ' && (*p < '0' || *p > '9')) p += *p == '%' ? 3 : 1;
    if (p >= end || *p == '&' || *p == ' ') return -1;
    long number = 0;
    while (p < end && *p >= '0' && *p <= '9') number = number * 10 + (*p++ - '0');
    *at = p;
    return number;
}

static const char *query_value(const char *query, const char *end, const char *name) {
    size_t length = strlen(name);
    for (const char *p = query; p && p < end; p = memchr(p, '&', (size_t)(end - p)), p = p ? p + 1 : NULL)
        if ((size_t)(end - p) > length && !memcmp(p, name, length) && p[length] == '=') return p + length + 1;
    return NULL;
}

static void say_image(Bytes *out, uint64_t id) {
    if (id >= 1 && id <= (uint64_t)image_count) {
        size_t start = image_starts[id - 1];
        put(out, images.at + start, image_starts[id] - 1 - start);
        return;
    }
    uint64_t job = id - RESOURCE_OFFSET;
    int known = id > RESOURCE_OFFSET && job <= job_count;
    say(out, "{\"id\":");
    say_number(out, id);
    say(out, ",\"name\":\"");
    say(out, known ? jobs[job - 1].name : "unknown");
    say(out, "\",\"data_collection_id\":2,\"project_id\":1,\"tags\":[],\"size\":");
    say_number(out, known ? jobs[job - 1].size : 0);
    say(out, "}");
}

static void say_upload_job(Bytes *out, uint64_t id) {
    say(out, "{\"id\":");
    say_number(out, id);
    say(out, ",\"name\":\"");
    say(out, id >= 1 && id <= job_count ? jobs[id - 1].name : "unknown");
    say(out, "\",\"data_collection_id\":2,\"status\":\"validated_and_moved\",\"detail\":null,\"url\":null,"
             "\"upload_fields\":{},\"upload_parts\":[],\"support_files\":[],\"result\":{\"resource_name\":\"image\","
             "\"resource_id\":");
    say_number(out, RESOURCE_OFFSET + id);
    say(out, "}}");
}

static void say_hex(Bytes *out, const char *base64, size_t length) {
    unsigned bits = 0, held = 0, bytes = 0;
    for (size_t i = 0; i < length && bytes < 16; i++) {
        char c = base64[i];
        int v = c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52
              : c == '+' ? 62 : c == '/' ? 63 : -1;
        if (v < 0) continue;
        bits = bits << 6 | (unsigned)v;
        held += 6;
        if (held >= 8) {
            char digits[3];
            held -= 8;
            snprintf(digits, sizeof digits, "%02x", bits >> held & 0xff);
            put(out, digits, 2);
            bytes++;
        }
    }
}

static void say_place(Bytes *out, const char *host, size_t host_length, uint64_t job, long part, const char *md5,
                      size_t md5_length) {
    say(out, "\"http://");
    put(out, host, host_length);
    say(out, "/storage/");
    say_number(out, job);
    say(out, "/");
    say_number(out, (uint64_t)part);
    say(out, "/");
    say_hex(out, md5, md5_length);
    say(out, "?X-Amz-Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"");
}

typedef struct {
    const char *at;
    size_t length;
} Text;

/* Reads {"files": [{"name", "md5", "parts": [{"part_number", "md5"}]}]} and writes the jobs made of it. */
static void create_jobs(Bytes *out, const char *body, size_t length, const char *host, size_t host_length) {
    const char *end = body + length;
    int depth = 0, first = 1, in_parts = 0;
    Text key = {0, 0}, name = {0, 0}, md5 = {0, 0}, part_md5 = {0, 0};
    long part_number = 0;
    static Bytes parts;
    parts.length = 0;
    say(out, "[");
    for (const char *p = body; p < end; p++) {
        if (*p == '"') {
            Text text = {p + 1, 0};
            for (p++; p < end && *p != '"'; p++)
                if (*p == '\\') p++;
            text.length = (size_t)(p - text.at);
            const char *q = p + 1;
            while (q < end && *q == ' ') q++;
            if (q < end && *q == ':') {
                key = text;
                if (depth == 3) in_parts = key.length == 5 && !memcmp(key.at, "parts", 5);
            } else if (depth == 3 && key.length == 4 && !memcmp(key.at, "name", 4)) {
                name = text;
            } else if (key.length == 3 && !memcmp(key.at, "md5", 3)) {
                if (depth == 3) md5 = text;
                if (depth == 5) part_md5 = text;
            }
        } else if (*p == '{' || *p == '[') {
            depth++;
        } else if (*p >= '0' && *p <= '9') {
            long number = 0;
            while (p < end && *p >= '0' && *p <= '9') number = number * 10 + (*p++ - '0');
            p--;
            if (depth == 5 && key.length == 11 && !memcmp(key.at, "part_number", 11)) part_number = number;
        } else if (*p == ']') {
            depth--;
        } else if (*p == '}') {
            if (depth == 5 && in_parts) {
                if (parts.length) say(&parts, ",");
                say(&parts, "{\"part_number\":");
                say_number(&parts, (uint64_t)part_number);
                say(&parts, ",\"url\":");
                say_place(&parts, host, host_length, job_count + 1, part_number, part_md5.at, part_md5.length);
                say(&parts, ",\"headers\":{\"Content-MD5\":\"");
                put(&parts, part_md5.at, part_md5.length);
                say(&parts, "\"}}");
            } else if (depth == 3) {
                if (job_count == job_room) {
                    job_room = job_room ? 2 * job_room : 256;
                    jobs = realloc(jobs, job_room * sizeof *jobs);
                    if (!jobs) fail("memory");
                }
                jobs[job_count] = (Job){strndup(name.at ? name.at : "", name.length), 0, 0};
                job_count++;
                if (!first) say(out, ",");
                first = 0;
                say(out, "{\"id\":");
                say_number(out, job_count);
                say(out, ",\"name\":\"");
                put(out, name.at ? name.at : "", name.length);
                say(out, "\",\"data_collection_id\":2,\"status\":\"lobby\",\"detail\":null,\"url\":");
                if (parts.length) {
                    say(out, "null,\"upload_fields\":{},\"upload_parts\":[");
                    put(out, parts.at, parts.length);
                    say(out, "]");
                } else {
                    say_place(out, host, host_length, job_count, 0, md5.at, md5.length);
                    say(out, ",\"upload_fields\":{\"key\":\"uploads/2/");
                    say_number(out, job_count);
                    say(out, "\",\"Content-MD5\":\"");
                    put(out, md5.at ? md5.at : "", md5.length);
                    say(out, "\",\"x-amz-algorithm\":\"AWS4-HMAC-SHA256\",\"policy\":\"eyJleHBpcmF0aW9uIjogIjIwMzAifQ==\","
                             "\"x-amz-signature\":\"0123456789abcdef0123456789abcdef\"},\"upload_parts\":[]");
                }
                say(out, ",\"support_files\":[],\"result\":null}");
                parts.length = 0;
                md5.length = name.length = 0;
            }
            depth--;
        }
    }
    say(out, "]");
}

static void note_finished(void) {
    if (finished_count == finished_room) {
        finished_room = finished_room ? 2 * finished_room : 256;
        finished = realloc(finished, finished_room * sizeof *finished);
        if (!finished) fail("memory");
    }
    finished[finished_count++] = now_ns();
}

static int is_prefix(const char *text, const char *end, const char *prefix) {
    size_t length = strlen(prefix);
    return (size_t)(end - text) >= length && !memcmp(text, prefix, length);
}

static int has(const char *text, const char *end, const char *wanted) {
    return memmem(text, (size_t)(end - text), wanted, strlen(wanted)) != NULL;
}

static void say_group(Bytes *out, uint64_t id, uint64_t members, int completed) {
    say(out, "{\"group_id\":\"group-");
    say_number(out, id);
    say(out, completed ? "\",\"completed\":true,\"total_jobs\":" : "\",\"completed\":false,\"total_jobs\":");
    say_number(out, members);
    say(out, ",\"success_count\":");
    say_number(out, completed ? members : 0);
    say(out, ",\"failed_count\":0}");
}

static void say_job(Bytes *out, const char *id, size_t length, const char *completed) {
    say(out, "{\"job_id\":\"");
    put(out, id, length);
    say(out, "\",\"name\":\"validate\",\"completed\":");
    say(out, completed);
    say(out, ",\"status\":\"submitted\",\"detail\":null}");
}

/* The answer to a request whose body (of JSON or a form with a login) is whole. */
static void serve(Bytes *out, const char *method, const char *target, const char *target_end, const char *body,
                  size_t length, const char *host, size_t host_length) {
    const char *query = memchr(target, '?', (size_t)(target_end - target));
    const char *path_end = query ? query : target_end;
    query = query ? query + 1 : target_end;
    Bytes *json = &scratch;
    json->length = 0;
    requests++;
    if (is_prefix(target, path_end, "/auth/")) {
        answer_text(out, "200 OK",
                    "{\"access_token\":\"eyJhbGciOiJub25lIn0.eyJsb2FkIjp0cnVlLCJleHAiOjQxMDI0NDQ4MDB9.bm8tc2lnbmF0dXJl\","
                    "\"expires_in\":86400,\"refresh_expires_in\":86400,\"refresh_token\":\"eyJub25lIn0.refresh.x\","
                    "\"token_type\":\"Bearer\",\"not-before-policy\":0,\"scope\":\"openid email profile\"}");
        return;
    }
    if (is_prefix(target, path_end, "/_load/reset")) {
        finished_count = 0;
        requests = stored = stored_bytes = 0;
        answer_text(out, "200 OK", "{}");
        return;
    }
    if (is_prefix(target, path_end, "/_load/finished")) {
        say(json, "{\"requests\":");
        say_number(json, requests);
        say(json, ",\"stored\":");
        say_number(json, stored);
        say(json, ",\"stored_bytes\":");
        say_number(json, stored_bytes);
        say(json, ",\"finished\":[");
        for (size_t i = 0; i < finished_count; i++) {
            if (i) say(json, ",");
            say_number(json, finished[i]);
        }
        say(json, "]}");
        answer(out, "200 OK", json->at, json->length);
        return;
    }
    if (has(target, path_end, "/users/me")) {
        answer_text(out, "200 OK",
                    "{\"id\":7,\"email\":\"demo@example.com\",\"first_name\":\"Kari\",\"last_name\":\"Nordmann\","
                    "\"enabled\":true,\"user_type\":\"creator\",\"tenant\":\"sandbox\",\"projects\":[1,2,3],"
                    "\"created_at\":\"2024-05-14T10:00:00Z\",\"last_login\":\"2025-05-14T10:00:00Z\"}");
        return;
    }
    if (has(target, path_end, "/jobs/groups/")) {
        const char *at = memmem(target, (size_t)(path_end - target), "group-", 6);
        long id = -1;
        if (at) at += 6, id = next_number(&at, path_end);
        if (id < 1 || (size_t)id > group_count) {
            answer_text(out, "404 Not Found", "{\"detail\":\"Job group not found\"}");
            return;
        }
        uint64_t *group = &groups[id - 1];
        say_group(json, (uint64_t)id, *group >> 1, (int)(*group & 1));
        *group |= 1; /* completed at the next look */
        answer(out, "200 OK", json->at, json->length);
        return;
    }
    const char *uploads = memmem(target, (size_t)(path_end - target), "/upload_jobs/", 13);
    if (uploads) {
        const char *rest = uploads + 13;
        if (*method == 'P' && is_prefix(rest, path_end, "multiple_uploadFinished")) {
            const char *at = body, *end = body + length;
            uint64_t members = 0;
            note_finished();
            say(json, "{\"upload_jobs\":[");
            for (long id; at < end && (id = next_number(&at, end)) >= 0; members++) {
                if (members) say(json, ",");
                say_upload_job(json, (uint64_t)id);
            }
            if (group_count == group_room) {
                group_room = group_room ? 2 * group_room : 64;
                groups = realloc(groups, group_room * sizeof *groups);
                if (!groups) fail("memory");
            }
            groups[group_count++] = members << 1;
            say(json, "],\"group_job\":");
            say_group(json, group_count, members, 0);
            say(json, "}");
            answer(out, "200 OK", json->at, json->length);
            return;
        }
        if (has(rest, path_end, "/uploadFinished")) {
            const char *at = rest;
            long id = next_number(&at, path_end);
            char text[32];
            note_finished();
            say(json, "{\"job\":");
            say_job(json, text, (size_t)snprintf(text, sizeof text, "job-%ld", id), "false");
            say(json, ",\"upload_job\":");
            say_upload_job(json, (uint64_t)(id < 0 ? 0 : id));
            say(json, "}");
            answer(out, "200 OK", json->at, json->length);
            return;
        }
        if (*method == 'P') {
            create_jobs(json, body, length, host, host_length);
        } else {
            const char *ids = query_value(query, target_end, "ids");
            int first = 1;
            say(json, "[");
            for (long id; ids && (id = next_number(&ids, target_end)) >= 0; first = 0) {
                if (!first) say(json, ",");
                say_upload_job(json, (uint64_t)id);
            }
            say(json, "]");
        }
        answer(out, "200 OK", json->at, json->length);
        return;
    }
    if (has(target, path_end, "/jobs/")) {
        const char *id = memmem(target, (size_t)(path_end - target), "/jobs/", 6) + 6, *at = id;
        long number = next_number(&at, path_end);
        int known = number >= 1 && (size_t)number <= job_count;
        say_job(json, id, (size_t)(path_end - id), known && !jobs[number - 1].looks++ ? "false" : "true");
        answer(out, "200 OK", json->at, json->length);
        return;
    }
    const char *listing = memmem(target, (size_t)(path_end - target), "/images/", 8);
    if (listing && listing + 8 < path_end) {
        const char *at = listing + 8;
        long id = next_number(&at, path_end);
        say_image(json, (uint64_t)(id < 0 ? 0 : id));
        answer(out, "200 OK", json->at, json->length);
        return;
    }
    if (listing) {
        const char *ids = query_value(query, target_end, "ids");
        if (ids) {
            int first = 1;
            say(json, "[");
            for (long id; (id = next_number(&ids, target_end)) >= 0; first = 0) {
                if (!first) say(json, ",");
                say_image(json, (uint64_t)id);
            }
            say(json, "]");
            answer(out, "200 OK", json->at, json->length);
            return;
        }
        const char *value = query_value(query, target_end, "offset");
        long offset = value ? next_number(&value, target_end) : 0;
        value = query_value(query, target_end, "limit");
        long limit = value ? next_number(&value, target_end) : 100;
        if (offset < 0) offset = 0;
        if (offset > image_count) offset = image_count;
        long until = limit < 0 || offset + limit > image_count ? image_count : offset + limit;
        size_t start = image_starts[offset], size = until > offset ? image_starts[until] - 1 - start : 0;
        head(out, "200 OK", size + 2);
        say(out, "[");
        put(out, images.at + start, size);
        say(out, "]");
        return;
    }
    if (has(target, path_end, "/data_collections/")) {
        answer_text(out, "200 OK",
                    "{\"id\":2,\"project_id\":1,\"name\":\"Load\",\"description\":\"\",\"data_collection_type\":\"image\","
                    "\"tags\":[],\"created_at\":\"2024-05-14T10:00:00Z\"}");
        return;
    }
    answer_text(out, "404 Not Found", "{\"detail\":\"Not Found\"}");
}

static void watch(Connection *connection, int writing) {
    if (connection->writing == writing) return;
    connection->writing = writing;
    struct epoll_event event = {.events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.ptr = connection};
    epoll_ctl(poller, EPOLL_CTL_MOD, connection->fd, &event);
}

static void drop(Connection *connection) {
    for (Connection **at = &held_first; *at; at = &(*at)->next_held)
        if (*at == connection) {
            *at = connection->next_held;
            break;
        }
    held_last = held_first;
    while (held_last && held_last->next_held) held_last = held_last->next_held;
    close(connection->fd);
    free(connection->in.at);
    free(connection->out.at);
    free(connection->after);
    free(connection);
}

/* Sends what is due. Gives 0 when the connection is gone. */
static int flush(Connection *connection) {
    if (connection->held) return 1;
    while (connection->sent < connection->out.length) {
        ssize_t count = send(connection->fd, connection->out.at + connection->sent,
                             connection->out.length - connection->sent, MSG_NOSIGNAL);
        if (count < 0) {
            if (errno == EAGAIN || errno == EINTR) {
                watch(connection, 1);
                return 1;
            }
            drop(connection);
            return 0;
        }
        connection->sent += (size_t)count;
    }
    connection->sent = connection->out.length = 0;
    if (connection->closing) {
        drop(connection);
        return 0;
    }
    watch(connection, 0);
    return 1;
}

static void hold(Connection *connection) {
    if (!connection->delayed || !connection->out.length || connection->held) return;
    connection->held = 1;
    connection->due = now_ns() + (uint64_t)delay_ms * 1000000u;
    connection->next_held = NULL;
    if (held_last) held_last->next_held = connection;
    else held_first = connection;
    held_last = connection;
}

static const char *field(const char *at, const char *end, const char *name, size_t *length) {
    size_t wanted = strlen(name);
    while (at < end) {
        const char *line_end = memchr(at, '\r', (size_t)(end - at));
        if (!line_end) return NULL;
        if ((size_t)(line_end - at) > wanted && at[wanted] == ':' && !strncasecmp(at, name, wanted)) {
            at += wanted + 1;
            while (at < line_end && *at == ' ') at++;
            *length = (size_t)(line_end - at);
            return at;
        }
        at = line_end + 2;
    }
    return NULL;
}

/* How many bytes of a form are the file's, or -1 while that cannot be told yet. */
static int64_t file_in_form(const char *body, size_t have, uint64_t length) {
    const char *line = memmem(body, have, "\r\n", 2);
    const char *file = memmem(body, have, "filename=", 9);
    const char *start = file ? memmem(file, have - (size_t)(file - body), "\r\n\r\n", 4) : NULL;
    if (!line || !start) return -1;
    uint64_t before = (uint64_t)(start + 4 - body), after = (uint64_t)(line - body - 2) + 8;
    return before + after > length ? 0 : (int64_t)(length - before - after);
}

/* Takes whole requests out of what has arrived. Gives 0 when the connection is gone. */
static int advance(Connection *connection) {
    size_t taken = 0;
    Bytes *in = &connection->in;
    while (!connection->discard && !connection->held && taken < in->length) {
        const char *start = in->at + taken;
        size_t have = in->length - taken;
        const char *end = memmem(start, have, "\r\n\r\n", 4);
        if (!end) break;
        const char *body = end + 4;
        have -= (size_t)(body - start);
        const char *line_end = memchr(start, '\r', (size_t)(body - start));
        const char *target = memchr(start, ' ', (size_t)(line_end - start));
        const char *target_end = target ? memchr(target + 1, ' ', (size_t)(line_end - target - 1)) : NULL;
        size_t size;
        const char *fields = line_end + 2;
        const char *value = field(fields, body, "content-length", &size);
        uint64_t length = value ? strtoull(value, NULL, 10) : 0;
        if (!target_end || field(fields, body, "transfer-encoding", &size)) {
            answer_text(&connection->out, "411 Length Required", "{\"detail\":\"a length, please\"}");
            connection->closing = 1;
            taken = in->length;
            break;
        }
        target++;
        size_t host_length = 0;
        const char *host = field(fields, body, "host", &host_length);
        value = field(fields, body, "connection", &size);
        if (value && size == 5 && !strncasecmp(value, "close", 5)) connection->closing = 1;
        if (is_prefix(target, target_end, "/storage/")) {
            int64_t file = *start == 'P' && start[1] == 'U' ? (int64_t)length : file_in_form(body, have, length);
            if (file < 0 && have < length && have < 65536) break;
            const char *at = target + 9;
            long job = next_number(&at, target_end);
            next_number(&at, target_end);
            if (job >= 1 && (size_t)job <= job_count && file > 0) jobs[job - 1].size += (uint64_t)file;
            requests++, stored++, stored_bytes += (uint64_t)(file < 0 ? 0 : file);
            Bytes told = {0, 0, 0};
            say(&told, *start == 'P' && start[1] == 'U' ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
                                                       : "HTTP/1.1 204 No Content\r\n");
            say(&told, "Date: Mon, 05 May 2025 10:00:00 GMT\r\nServer: load\r\nETag: \"");
            put(&told, at + 1, (size_t)(target_end - at - 1) < 32 ? (size_t)(target_end - at - 1) : 32);
            say(&told, "\"\r\n\r\n");
            size_t here = have < length ? have : (size_t)length;
            taken = (size_t)(body - in->at) + here;
            connection->discard = length - here;
            if (connection->discard) {
                connection->after = told.at;
                connection->after_length = told.length;
            } else {
                put(&connection->out, told.at, told.length);
                free(told.at);
            }
        } else {
            if (have < length) break;
            serve(&connection->out, start, target, target_end, body, (size_t)length, host ? host : "", host_length);
            taken = (size_t)(body - in->at) + (size_t)length;
        }
        hold(connection);
    }
    memmove(in->at, in->at + taken, in->length - taken);
    in->length -= taken;
    return flush(connection);
}

static void receive(Connection *connection) {
    for (;;) {
        ssize_t count;
        if (connection->discard) {
            size_t most = connection->discard < 4 * CHUNK ? (size_t)connection->discard : 4 * CHUNK;
            count = recv(connection->fd, NULL, most, MSG_TRUNC); /* thrown away by the kernel, not copied */
            if (count > 0) {
                connection->discard -= (uint64_t)count;
                if (!connection->discard) {
                    put(&connection->out, connection->after, connection->after_length);
                    free(connection->after);
                    connection->after = NULL;
                    hold(connection);
                    if (!flush(connection)) return;
                }
                continue;
            }
        } else {
            make_room(&connection->in, CHUNK);
            count = recv(connection->fd, connection->in.at + connection->in.length, CHUNK, 0);
            if (count > 0) {
                connection->in.length += (size_t)count;
                if (!advance(connection)) return;
                if (connection->discard) continue;
                return; /* whatever is left is told of again */
            }
        }
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
        drop(connection);
        return;
    }
}

static int release_held(void) {
    uint64_t now = now_ns();
    while (held_first && held_first->due <= now) {
        Connection *connection = held_first;
        held_first = connection->next_held;
        if (!held_first) held_last = NULL;
        connection->held = 0;
        if (flush(connection)) advance(connection);
    }
    return held_first ? (int)((held_first->due - now) / 1000000u) + 1 : -1;
}

static void prepare_images(void) {
    char item[1024];
    image_starts = malloc(((size_t)image_count + 1) * sizeof *image_starts);
    if (!image_starts) fail("memory");
    for (long id = 1; id <= image_count; id++) {
        image_starts[id - 1] = images.length;
        put(&images, item, (size_t)snprintf(item, sizeof item,
            "{\"id\":%ld,\"name\":\"DJI_%06ld.JPG\",\"data_collection_id\":2,\"project_id\":1,\"tags\":[\"survey\",\"may\"],"
            "\"json_metadata\":{\"flight\":\"A%ld\",\"battery\":%.1f,\"overlap\":0.8},\"location\":{\"type\":\"Point\","
            "\"coordinates\":[%.7f,%.7f,%.2f]},\"cam_heading\":%.2f,\"cam_pitch\":-89.9,\"cam_roll\":0.0,\"cam_height\":%.2f,"
            "\"focal_length\":8.8,\"hfov\":73.7,\"vfov\":53.1,\"capture_date\":\"2024-05-14T10:%02ld:%02ldZ\","
            "\"image_type\":\"nadir\",\"support_files\":[],\"md5\":\"%032lx\",\"size\":%ld,"
            "\"created_at\":\"2024-05-14T12:00:00Z\",\"updated_at\":\"2024-05-14T12:00:00Z\"},",
            id, id, id / 500, 99.0 - (double)(id % 80), 5.5 + (double)id * 0.00001, 58.8 + (double)id * 0.00001,
            80.0 + (double)(id % 7), (double)(id % 360), 60.0 + (double)(id % 9), id / 60 % 60, id % 60,
            (unsigned long)id * 2654435761u, 8000000 + id));
    }
    image_starts[image_count] = images.length;
}

static int listen_on(int *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) || listen(fd, 4096) ||
        getsockname(fd, (struct sockaddr *)&address, &size))
        fail("listen");
    *port = ntohs(address.sin_port);
    return fd;
}

int main(int count, char **arguments) {
    if (count != 5) {
        fprintf(stderr, "usage: server IMAGES DELAY_MS CPU PORTS\n");
        return 2;
    }
    image_count = atol(arguments[1]);
    delay_ms = atol(arguments[2]);
    int cpu = atoi(arguments[3]), ports = atoi(arguments[4]);
    if (ports < 2 || ports > 256) return 2;
    struct rlimit limit;
    if (!getrlimit(RLIMIT_NOFILE, &limit)) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    signal(SIGPIPE, SIG_IGN);
    if (cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((size_t)cpu, &set);
        sched_setaffinity(0, sizeof set, &set); /* where it cannot be had, it is done without */
    }
    prepare_images();
    poller = epoll_create1(EPOLL_CLOEXEC);
    static Connection listeners[256];
    for (int i = 0; i < ports; i++) {
        int port;
        listeners[i].fd = listen_on(&port);
        listeners[i].delayed = i > 0;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listeners[i]};
        epoll_ctl(poller, EPOLL_CTL_ADD, listeners[i].fd, &event);
        printf(i ? " %d" : "%d", port);
    }
    printf("\n");
    fflush(stdout);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, 0, &event);
    for (;;) {
        struct epoll_event events[64]; /* what one of them does frees no other */
        int found = epoll_wait(poller, events, 64, release_held());
        if (found < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < found; i++) {
            Connection *connection = events[i].data.ptr;
            if (!connection) return 0;
            if (connection >= listeners && connection < listeners + ports) {
                int fd = accept4(connection->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
                if (fd < 0) continue;
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                Connection *fresh = calloc(1, sizeof *fresh);
                if (!fresh) fail("memory");
                fresh->fd = fd;
                fresh->delayed = connection->delayed;
                struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = fresh};
                epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wanted);
            } else if (events[i].events & EPOLLOUT && !flush(connection)) {
                continue;
            } else if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
                receive(connection);
            }
        }
    }
}
