package Onair::Unit;

# Runs the binary of a unit test: t/unit/NAME.t is
#
#   #!/usr/bin/perl
#   use lib 't/lib';
#   use Onair::Unit;
#   Onair::Unit::run($0);
#
# and t/unit/NAME.c the test, which prints TAP.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(basename dirname);

my $top = abs_path(dirname(__FILE__) . '/../../..');


sub run {
    my ($script) = @_;

    my $name = basename($script, '.t');
    my $binary = "$top/build/asan/unit/$name";

    die "$binary is missing; run tools/build --asan\n" if !-x $binary;
    die "$binary is older than its source; run tools/build --asan\n"
        if -M $binary > -M "$top/t/unit/$name.c";

    # the stand-in for NVIDIA's driver
    $ENV{LD_LIBRARY_PATH} = "$top/build/asan/nvenc";
    $ENV{CMOCKA_MESSAGE_OUTPUT} = 'TAP';
    $ENV{ASAN_OPTIONS} //= 'detect_stack_use_after_return=1';
    $ENV{UBSAN_OPTIONS} //= 'print_stacktrace=1';

    exec $binary or die "$binary: $!\n";
}


1;
