#!/usr/bin/perl

# Two workers never both accept a publisher for one channel.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::RTMP;
use Onair::Server;

my $server = Onair::Server->start(workers => 2);
my @workers = $server->worker_pids;


sub state
{
    my $pid = shift;

    open my $file, '<', "/proc/$pid/stat" or die "$pid: $!";

    return (<$file> =~ /\) (\w)/)[0];
}


# A publisher on that worker: the other one cannot accept meanwhile.
sub publish_on
{
    my ($worker, $name) = @_;
    my ($other) = grep { $_ != $worker } @workers;

    kill 'STOP', $other;
    wait_for { state($other) eq 'T' };
    my $p = eval { Onair::RTMP->publish($server->rtmp_port, $name) };
    kill 'CONT', $other;
    die $@ if $@;

    return $p;
}


my $first = publish_on($workers[0], 'chan');
ok $first->accepted, 'the first one is accepted';

for my $worker (@workers) {
    my $second = publish_on($worker, 'chan');

    is $second->status->{code}, 'NetStream.Publish.BadName',
        'a second one is refused';
    is $second->status->{description}, 'already live', 'and told why';
    ok $second->wait_closed, 'and disconnected';
}

like $server->error_log, qr/\[info\].*channel "chan" refused: already live/,
    'the log names the channel and the reason';
ok publish_on($workers[1], 'other')->accepted,
    'another channel is free';

$first->close;
my $again = wait_for {
    my $p = publish_on($workers[1], 'chan');
    $p->accepted && $p;
};
ok $again, 'once the first one is gone the channel is free';

done_testing;
