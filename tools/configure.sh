# Part of ../config: what its lines call.  Runs inside nginx's configure.


onair_lib=$NGX_OBJS/libonair.a
onair_headers=$(cd "$ngx_addon_dir" && ls "$PWD"/src/*/*.h \
                "$PWD"/ngx_modules/*/*.h)
onair_headers=$(echo $onair_headers)


# The directory with nginx-rtmp's headers, into onair_rtmp_inc.
onair_find_rtmp()
{
    for onair_rtmp_inc in "$ONAIR_RTMP_INC" $NGX_ADDONS $DYNAMIC_ADDONS; do
        if [ -f "$onair_rtmp_inc/ngx_rtmp.h" ]; then
            return 0
        fi
    done

    echo "$0: error: the headers of nginx-rtmp are needed." >&2
    echo "Set ONAIR_RTMP_INC to the directory that holds ngx_rtmp.h" \
         "(now: \"$ONAIR_RTMP_INC\")." >&2
    return 1
}


# onair_module TYPE NAME FOLDER [NEED…]: one .so from one folder.  A need is
# nginx-rtmp or the name of a library.
onair_module()
{
    onair_dir=$ngx_addon_dir/ngx_modules/$3

    if [ -z "$(ls "$onair_dir"/*.c 2>/dev/null)" ]; then
        echo " - $2 skipped: no source in ngx_modules/$3"
        return 0
    fi

    ngx_module_type=$1
    ngx_module_name=$2
    ngx_module_srcs=$(echo "$onair_dir"/*.c)
    ngx_module_deps=$onair_headers
    ngx_module_incs="$ngx_addon_dir/src $ngx_addon_dir/ngx_modules"
    ngx_module_libs="$onair_lib -lm"
    ngx_module_order=

    shift 3

    for onair_need; do
        case $onair_need in
        nginx-rtmp)
            onair_find_rtmp || exit 1
            ngx_module_incs="$ngx_module_incs $onair_rtmp_inc" ;;
        pq)
            ngx_module_incs="$ngx_module_incs $(pg_config --includedir)"
            ngx_module_libs="$ngx_module_libs -lpq" ;;
        hiredis)
            ngx_module_libs="$ngx_module_libs -lhiredis"

            # its TLS is a library of its own, where there is one
            if echo '#include <hiredis/hiredis_ssl.h>' \
                | $CC -E - > /dev/null 2>&1
            then
                ngx_module_libs="$ngx_module_libs -lhiredis_ssl -lssl -lcrypto"
            fi ;;
        *)
            ngx_module_libs="$ngx_module_libs -l$onair_need" ;;
        esac
    done

    . auto/module
}
