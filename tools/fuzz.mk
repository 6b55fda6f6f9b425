# The fuzzers: one program for each t/fuzz/*.c, linked with a library of its
# own, all by clang.  Called by tools/fuzz with OUT and SPOIL.

SOURCES = $(wildcard src/*/*.c)
OBJECTS = $(patsubst src/%.c,$(OUT)/obj/%.o,$(SOURCES))
FUZZERS = $(patsubst t/fuzz/%.c,$(OUT)/bin/%,$(wildcard t/fuzz/*.c))

# float-cast-overflow is no part of undefined
CHECKS = address,undefined,float-cast-overflow
CC = clang
CFLAGS = -std=c11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -Werror \
	-fno-omit-frame-pointer -fno-sanitize-recover=all -Isrc -MMD -MP

all: $(FUZZERS)

.SECONDARY: $(OBJECTS)

$(OUT)/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -fsanitize=fuzzer-no-link,$(CHECKS) -c $< -o $@

$(OUT)/libonair.a: $(OBJECTS)
	rm -f $@
	ar rcs $@ $^

$(OUT)/bin/%: t/fuzz/%.c $(OUT)/libonair.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SPOIL) -fsanitize=fuzzer,$(CHECKS) $< \
		$(OUT)/libonair.a -lcrypto -lm -pthread \
		-Wl,--as-needed -lavcodec -lavutil -lswscale -lswresample -o $@

-include $(wildcard $(OUT)/obj/*/*.d $(OUT)/bin/*.d)
