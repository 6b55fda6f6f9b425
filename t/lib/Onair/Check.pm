package Onair::Check;

# Runs tools/check-NAME as a test: what it prints on standard error are
# faults, "warning: ..." lines do not fail.

use strict;
use warnings;

use Test::More;


sub run {
    my ($name) = @_;

    my $text = `tools/check-$name 2>&1`;

    ok $? == 0, "tools/check-$name";
    $? == 0 ? note $text : diag $text;

    done_testing;
}


1;
