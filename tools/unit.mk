# The unit tests: one binary for each t/unit/*.c, linked with the library.
# Called by tools/build with OUT, LIB and SANITIZERS.  libav* goes into those
# that use src/xcode.

TESTS = $(patsubst t/unit/%.c,$(OUT)/%,$(wildcard t/unit/*.c))

LIBS = -lcmocka -lcrypto -lm -pthread \
	-Wl,--as-needed -lavcodec -lavutil -lswscale -lswresample -lavfilter
CFLAGS = -std=c11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -Werror $(SANITIZERS)

all: $(TESTS)

$(OUT)/%: t/unit/%.c $(LIB)
	@mkdir -p $(OUT)
	$(CC) $(CFLAGS) -MMD -MP -MF $@.d -Isrc $< $(LIB) $(LIBS) -o $@

-include $(wildcard $(OUT)/*.d)
