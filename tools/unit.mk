# The unit tests: one binary for each t/unit/*.c, linked with the library.
# Called by tools/build with OUT, LIB and SANITIZERS.

TESTS = $(patsubst t/unit/%.c,$(OUT)/%,$(wildcard t/unit/*.c))

CFLAGS = -std=c11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -Werror $(SANITIZERS)

all: $(TESTS)

$(OUT)/%: t/unit/%.c $(LIB)
	@mkdir -p $(OUT)
	$(CC) $(CFLAGS) -MMD -MP -MF $@.d -Isrc $< $(LIB) -lcmocka -lcrypto -lm -o $@

-include $(wildcard $(OUT)/*.d)
