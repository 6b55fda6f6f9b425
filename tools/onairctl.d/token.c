
#include "ctl.h"

#include <errno.h>
#include <jwt.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_SECRET_MIN  32
#define CTL_SECRET_MAX  16384
#define CTL_TTL_MAX_S   (365 * 86400)


typedef struct {
    unsigned char  data[CTL_SECRET_MAX];
    size_t         size;
    jwt_alg_t      alg;
} ctl_secret_t;


/* RS256 or ES256, as the private key is. */
static jwt_alg_t
ctl_token_alg(const ctl_secret_t *secret, const char *path)
{
    int        type, bits;
    BIO       *bio;
    EVP_PKEY  *key;

    bio = BIO_new_mem_buf(secret->data, (int) secret->size);
    key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *) "") : NULL;
    type = key ? EVP_PKEY_base_id(key) : 0;
    bits = key ? EVP_PKEY_bits(key) : 0;

    EVP_PKEY_free(key);
    BIO_free(bio);

    if (type == EVP_PKEY_RSA && bits >= 2048) {
        return JWT_ALG_RS256;
    }

    if (type == EVP_PKEY_EC && bits == 256) {
        return JWT_ALG_ES256;
    }

    ctl_fail(CTL_USAGE, "%s holds no private key of RSA (2048 bits or more) "
             "or of the curve P-256, without a pass phrase", path);
}


/* A PEM, or the secret itself without the line break at its end. */
static void
ctl_token_secret(const char *path, ctl_secret_t *secret)
{
    FILE  *file;

    static const char  pem[] = "-----BEGIN ";

    file = fopen(path, "re");
    if (file == NULL) {
        ctl_fail(CTL_USAGE, "cannot read %s: %s", path, strerror(errno));
    }

    secret->size = fread(secret->data, 1, sizeof(secret->data), file);

    if (ferror(file) || fgetc(file) != EOF) {
        ctl_fail(CTL_USAGE, "%s is no secret: it is too long", path);
    }

    fclose(file);

    if (secret->size > sizeof(pem)
        && memcmp(secret->data, pem, sizeof(pem) - 1) == 0)
    {
        secret->alg = ctl_token_alg(secret, path);
        return;
    }

    while (secret->size > 0
           && strchr("\r\n", secret->data[secret->size - 1]) != NULL)
    {
        secret->size--;
    }

    if (secret->size < CTL_SECRET_MIN) {
        ctl_fail(CTL_USAGE, "the secret in %s is shorter than %d bytes", path,
                 CTL_SECRET_MIN);
    }

    secret->alg = JWT_ALG_HS256;
}


/* Every --role, each once; a viewer without one. */
static json_t *
ctl_token_roles(const ctl_run_t *run, bool anonymous)
{
    size_t       i;
    json_t      *roles;
    const char  *role;

    roles = json_array();

    for (i = 0; i < run->args->noptions; i++) {
        if (!ctl_option_is(&run->args->options[i], "role")) {
            continue;
        }

        role = run->args->options[i].value;

        if (strcmp(role, "moderator") != 0 && strcmp(role, "broadcaster") != 0
            && strcmp(role, "viewer") != 0)
        {
            ctl_fail(CTL_USAGE, "a role is moderator, broadcaster or viewer");
        }

        if (anonymous && strcmp(role, "viewer") != 0) {
            ctl_fail(CTL_USAGE, "who is anonymous is a viewer only");
        }

        json_array_append_new(roles, json_string(role));
    }

    if (json_array_size(roles) == 0) {
        json_array_append_new(roles, json_string("viewer"));
    }

    return roles;
}


/* The user's claims, from the database: an account that is not banned. */
static void
ctl_token_user(const ctl_run_t *run, json_t *claims)
{
    char        *name;
    ctl_db_t    *db;
    json_int_t   id;
    ctl_rows_t  *rows;

    name = ctl_check_name("user", run->args->words[1]);
    db = ctl_run_open(run);
    id = ctl_user_find(db, name);

    rows = ctl_db_query(db, "SELECT banned FROM users WHERE id = $1",
                        CTL_VALUES(CTL_I(id)));

    if (ctl_rows_integer(rows, 0, 0)) {
        ctl_fail(CTL_REFUSED, "the user \"%s\" is banned", name);
    }

    json_object_set_new(claims, "sub", json_sprintf("%lld", (long long) id));
    json_object_set_new(claims, "user_id", json_integer(id));
    json_object_set_new(claims, "username", json_string(name));

    ctl_rows_free(rows);
    ctl_db_close(db);
    free(name);
}


static void
ctl_token_times(const ctl_run_t *run, json_t *claims)
{
    size_t          i;
    char            id[33];
    int64_t         now_s, ttl_s;
    const char     *ttl;
    unsigned char   random[16];

    ttl = ctl_args_value(run->args, "ttl");
    ttl_s = ctl_check_duration("--ttl", ttl ? ttl : "1h", CTL_TTL_MAX_S);
    now_s = ctl_now_ms() / 1000;

    if (RAND_bytes(random, sizeof(random)) != 1) {
        ctl_fail(CTL_UNREACHABLE, "there is no randomness");
    }

    for (i = 0; i < sizeof(random); i++) {
        snprintf(&id[2 * i], 3, "%02x", random[i]);
    }

    json_object_set_new(claims, "iat", json_integer(now_s));
    json_object_set_new(claims, "nbf", json_integer(now_s));
    json_object_set_new(claims, "exp", json_integer(now_s + ttl_s));
    json_object_set_new(claims, "jti", json_string(id));
}


static json_t *
ctl_token_claims(const ctl_run_t *run)
{
    bool         anonymous;
    char        *channel;
    json_t      *claims;
    const char  *audience;

    anonymous = ctl_args_value(run->args, "anonymous") != NULL;

    if (anonymous == (run->args->nwords > 1)) {
        ctl_fail(CTL_USAGE, "token needs a NAME or --anonymous (try --help)");
    }

    claims = json_object();
    audience = ctl_args_value(run->args, "audience");
    audience = audience ? audience : "chat";

    if (strcmp(audience, "chat") != 0 && strcmp(audience, "playback") != 0) {
        ctl_fail(CTL_USAGE, "an audience is chat or playback");
    }

    json_object_set_new(claims, "roles", ctl_token_roles(run, anonymous));
    json_object_set_new(claims, "aud", json_string(audience));
    ctl_token_times(run, claims);

    if (ctl_args_value(run->args, "channel")) {
        channel = ctl_check_name("channel",
                                 ctl_args_value(run->args, "channel"));
        json_object_set_new(claims, "channel", json_string(channel));
        free(channel);
    }

    if (!anonymous) {
        ctl_token_user(run, claims);
    }

    return claims;
}


static char *
ctl_token_encode(const json_t *claims, const ctl_secret_t *secret)
{
    char   *text, *token;
    jwt_t  *jwt;

    text = json_dumps(claims, JSON_COMPACT);
    token = NULL;

    if (jwt_new(&jwt) != 0) {
        ctl_fail(CTL_REFUSED, "out of memory");
    }

    if (jwt_add_grants_json(jwt, text) == 0
        && jwt_set_alg(jwt, secret->alg, secret->data, (int) secret->size)
           == 0)
    {
        token = jwt_encode_str(jwt);
    }

    if (token == NULL) {
        ctl_fail(CTL_REFUSED, "the token cannot be signed: %s",
                 strerror(errno));
    }

    jwt_free(jwt);
    free(text);

    return token;
}


void
ctl_token(const ctl_run_t *run)
{
    char          *token;
    json_t        *claims;
    const char    *path;
    ctl_secret_t  *secret;

    path = ctl_args_value(run->args, "secret");
    if (path == NULL) {
        ctl_fail(CTL_USAGE, "token needs --secret FILE");
    }

    secret = ctl_alloc(sizeof(ctl_secret_t));
    ctl_token_secret(path, secret);

    claims = ctl_token_claims(run);
    token = ctl_token_encode(claims, secret);

    ctl_run_say(run, ctl_json("{s:s, s:o}", "token", token, "claims", claims),
                "%s", token);

    free(token);
    free(secret);
}
