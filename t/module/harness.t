#!/usr/bin/perl

# Onair::Server serves, reloads and stops, and fails a test when nginx
# complains.

use strict;
use warnings;

use lib 't/lib';

use File::Temp ();
use Test::More;

use Onair::Server;

my $server = Onair::Server->start(
    server => 'location = /echo { return 200 "$http_word"; }');

my $answer = $server->get('/echo', Word => 'hello');
is $answer->{status}, 200, 'status';
is $answer->{body}, 'hello', 'body';
is $answer->{headers}{'content-length'}, 5, 'headers';

my $client = $server->connect;
$client->start('HEAD', '/echo', Word => 'a');
$client->start('GET', '/echo', Word => 'b');
is $client->finish->{body}, '', 'an answer to HEAD has no body';
is $client->finish->{body}, 'b', 'and the next one begins after it';

my @first = $server->worker_pids;
is scalar @first, 2, 'two workers';

$server->reload;
isnt join(' ', $server->worker_pids), "@first", 'others after a reload';

my ($victim) = $server->worker_pids;
$server->kill_worker($victim);
ok +(wait_for {
    my @pids = $server->worker_pids;
    @pids == 2 && !grep { $_ == $victim } @pids;
}), 'a killed worker is replaced';

my ($accepted, $text) = Onair::Server->check(main => 'no_such_thing;');
ok !$accepted, 'a wrong configuration is refused';
like $text, qr/unknown directive "no_such_thing"/, 'with its reason';

$server->stop;

# a test of its own, which must fail
my $script = File::Temp->new(SUFFIX => '.t');
print $script <<'END';
use lib 't/lib';
use Test::More tests => 1;
use Onair::Server;
my $server = Onair::Server->start;
ok kill('KILL', ($server->worker_pids)[0]);
wait_for { $server->error_log =~ /exited on signal 9/ };
END
close $script;

my $output = `perl $script 2>&1`;
isnt $?, 0, 'an alert fails the test';
like $output, qr/^not ok .* no alert/m, 'and is named';

done_testing;
