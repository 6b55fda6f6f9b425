# onairctl, from onairctl.d/ and the units of the library that it uses.
# Called by tools/build and tools/onairctl with OUT and SANITIZERS.

OBJ = $(OUT)/onairctl.d

SOURCES = $(wildcard tools/onairctl.d/*.c) src/auth/oa_key.c src/base/oa_base.c
OBJECTS = $(patsubst %.c,$(OBJ)/%.o,$(notdir $(SOURCES)))
MIGRATIONS = $(wildcard sql/sqlite/*.sql) $(wildcard sql/postgresql/*.sql)

FLAGS = -std=c11 -D_GNU_SOURCE -g -fPIE -Wall -Wextra -Werror \
	-fstack-protector-strong $(if $(SANITIZERS),-O1,-O2 -D_FORTIFY_SOURCE=2) \
	$(SANITIZERS) -Isrc -I$(OBJ) -I$(shell pg_config --includedir)

vpath %.c tools/onairctl.d src/auth src/base

# replaced, never rewritten in place: one may be running
$(OUT)/onairctl: $(OBJECTS)
	$(CC) -pie -Wl,-z,relro -Wl,-z,now $(SANITIZERS) $^ \
		-lsqlite3 -lpq -ljwt -ljansson -lcrypto -o $(OBJ)/onairctl
	mv $(OBJ)/onairctl $@

$(OBJ)/%.o: %.c $(OBJ)/migrations.inc tools/onairctl.mk
	$(CC) $(FLAGS) -MMD -MP -c $< -o $@

# each file of sql/ as an initializer: kind, version, name, text
$(OBJ)/migrations.inc: $(MIGRATIONS) sql/sqlite sql/postgresql
	mkdir -p $(OBJ)
	for file in $(MIGRATIONS); do \
		name=$${file##*/}; name=$${name%.sql}; kind=$${file%/*}; \
		version=$$(expr $${name%%_*} + 0); \
		echo "{ \"$${kind##*/}\", $$version, \"$${name#*_}\","; \
		sed -e 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n"/' $$file; \
		echo "},"; \
	done > $@.new
	mv $@.new $@

-include $(wildcard $(OBJ)/*.d)
