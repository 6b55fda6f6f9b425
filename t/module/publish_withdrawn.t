#!/usr/bin/perl

# A ban, a key rotation, a stopped channel end a live stream within a second,
# and the encoder is told why.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Time::HiRes qw(time);

use Onair::Accounts;
use Onair::RTMP;
use Onair::Server;

# beside the time that onairctl takes, on a machine that does other things
use constant SECONDS => 3;

my %reason = (
    ban          => 'this account is banned',
    disallow     => 'this account may not stream',
    rotate       => 'the stream key has been replaced',
    stop_channel => 'the stream was stopped',
);


Onair::Accounts->each(sub {
    my ($accounts) = @_;

    my @ways = sort keys %reason;
    my %key = map { $_ => $accounts->add_user("to-$_") } @ways, 'stay';
    my $server = Onair::Server->start($accounts->configuration(workers => 2));
    my $stay = Onair::RTMP->publish($server->rtmp_port, $key{stay});

    ok $stay->accepted, 'somebody is live';

    for my $way (@ways) {
        my $p = Onair::RTMP->publish($server->rtmp_port, $key{$way});
        ok $p->accepted, "$way: it is live" or diag explain $p->status;

        $accounts->$way("to-$way");
        my $since = time;
        my $status = $p->wait_status;

        ok $p->wait_closed, "$way: it is disconnected";
        cmp_ok time - $since, '<', SECONDS, "$way: soon";
        is $status->{description}, $accounts->kind eq 'callback'
            ? 'the permission to publish was withdrawn' : $reason{$way},
            "$way: and is told why";
        note sprintf '%s after %.2f s', $way, time - $since;

        next if $way eq 'stop_channel';
        $p = Onair::RTMP->publish($server->rtmp_port, $key{$way});
        ok !$p->accepted, "$way: and may not come back";
    }

    $stay->read_some(0.1);
    ok !$stay->{gone}, 'others do not notice';
});

done_testing;
