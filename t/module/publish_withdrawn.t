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

# beside the time that onairctl takes; a busy machine is asked again
use constant { SECONDS => 3, TRIES => 6 };

my %reason = (
    ban          => 'this account is banned',
    disallow     => 'this account may not stream',
    rotate       => 'the stream key has been replaced',
    stop_channel => 'the stream was stopped',
);


# The seconds until it was disconnected.
sub withdrawn
{
    my ($accounts, $server, $way, $name) = @_;

    my $key = $accounts->add_user($name);
    my $p = Onair::RTMP->publish($server->rtmp_port, $key);
    ok $p->accepted, "$way: it is live" or diag explain $p->status;

    $accounts->$way($name);
    my $since = time;
    my $status = $p->wait_status;

    ok $p->wait_closed, "$way: it is disconnected";
    my $took = time - $since;
    is $status->{description}, $accounts->kind eq 'callback'
        ? 'the permission to publish was withdrawn' : $reason{$way},
        "$way: and is told why";
    note sprintf '%s after %.2f s', $way, $took;

    if ($way ne 'stop_channel') {
        $p = Onair::RTMP->publish($server->rtmp_port, $key);
        ok !$p->accepted, "$way: and may not come back";
    }

    return $took;
}


Onair::Accounts->each(sub {
    my ($accounts) = @_;

    my @ways = sort keys %reason;
    my $stays = $accounts->add_user('stay');
    my $server = Onair::Server->start($accounts->configuration(workers => 2));
    my $stay = Onair::RTMP->publish($server->rtmp_port, $stays);

    ok $stay->accepted, 'somebody is live';

    for my $way (@ways) {
        my $took;

        for my $try (1 .. TRIES) {
            $took = withdrawn($accounts, $server, $way, "to-$way-$try");
            last if $took < SECONDS;
        }

        cmp_ok $took, '<', SECONDS, "$way: soon";
    }

    $stay->read_some(0.1);
    ok !$stay->{gone}, 'others do not notice';
});

done_testing;
