# Sourced by nginx's configure after ./config: the library of src/, which
# every module links.  It sees no include path of nginx.

onair_objs=

for onair_src in "$ngx_addon_dir"/src/*/*.c; do
    onair_obj=$NGX_OBJS/onair/$(basename "$onair_src" .c).o
    onair_objs="$onair_objs $onair_obj"

    cat << END                                            >> $NGX_MAKEFILE

$onair_obj:	$onair_src $(echo "$ngx_addon_dir"/src/*/*.h)
	\$(CC) -c \$(CFLAGS) -std=c11 -D_GNU_SOURCE -Wextra -fPIC \\
		-fvisibility=hidden -I $ngx_addon_dir/src -o $onair_obj $onair_src
END
done

mkdir -p $NGX_OBJS/onair

cat << END                                                >> $NGX_MAKEFILE

$NGX_OBJS/libonair.a:	$onair_objs
	rm -f $NGX_OBJS/libonair.a
	\$(AR) rcs $NGX_OBJS/libonair.a $onair_objs

END
