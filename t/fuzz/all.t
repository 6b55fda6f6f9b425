#!/usr/bin/perl

# Every fuzzer runs for a minute, or for ONAIR_FUZZ_SECONDS, two at a time.
# Before that each shows that it can fail: with wrong answers built in, its
# seeds must not pass.

use strict;
use warnings;

use File::Basename qw(basename);
use File::Temp ();
use Test::More;

my $seconds = $ENV{ONAIR_FUZZ_SECONDS} // 60;
my @names = sort map { basename($_, '.c') } glob 't/fuzz/*.c';
my $spoiled = File::Temp->newdir('onair-fuzz-XXXXXX', TMPDIR => 1);

BAIL_OUT('the fuzzers cannot be built')
    if system('tools/fuzz', '--build')
       || system('tools/fuzz', '--spoil', "$spoiled");

for my $name (@names) {
    my $run = "$spoiled/bin/$name -runs=0 -artifact_prefix=$spoiled/";
    my $text = `$run t/fuzz/corpus/$name 2>&1`;

    ok $? != 0 && $text =~ /this does not hold/, "$name can fail"
        or diag $text;
}

# a change is not to fail by what another's luck would find: to look further
# is for tools/fuzz on its own
$ENV{ONAIR_FUZZ_SEED} //= 1;
my $text = `tools/fuzz --seconds $seconds --jobs 2 2>&1`;

for my $name (@names) {
    like $text, qr/^\Q$name\E: \d+ runs/m, "$name finds nothing";
}

diag $text if $?;

done_testing;
